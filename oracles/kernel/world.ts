/** The state that a case's syscalls act on: the mount, its devices, its files. make-world.ts builds it. */
import type { Case, ScriptLine, Step } from '../../model/case.ts';
import type { Revision } from '../../uapi/revision.ts';
import type { SuperblockFacts } from '../rules/config.ts';
import type { MountFacts } from '../rules/context.ts';
import type { BeginTable } from '../rules/first-violation.ts';
import type { Connection } from './connection.ts';
import type { Content } from './content.ts';
import type { DevicePages } from './device-pages.ts';
import type { Driver } from './driver.ts';
import type { Expectation, ExpectedRefusal } from './expectation.ts';
import type { MappingCache } from './mapping-cache.ts';
import type { OnDiskSize } from './on-disk-size.ts';
import type { PageCache } from './page-cache.ts';
import type { Writeback } from './writeback-state.ts';

export interface FileState {
  index: number;
  ino: bigint;
  sizeBytes: bigint;
  onDisk: OnDiskSize;
  /** The size that it is about to have, while what becomes part of it is zeroed. */
  growsTo?: bigint | undefined;
  usesIomap: boolean;
  attrFlags: readonly string[];
  directIo: boolean;
  /** What the page cache may hold. */
  cache: PageCache;
  /** The kernel has an inode of it. */
  known: boolean;
  /** What the server has pushed. */
  mappings: MappingCache;
  wb: Writeback;
  /** A reply contradicted its type. */
  bad: boolean;
  /** Set when a failed operation left the size open. */
  sizeUncertain: boolean;
}

export interface OpenFile {
  file: FileState;
  flags: readonly string[];
  closed: boolean;
  /** The answer to OPEN carried FOPEN_DIRECT_IO, or did not; absent: the file's. */
  directIo?: boolean;
}

/** Bytes of a device that pages go to. */
export interface SwapExtent {
  device: number;
  addr: bigint;
  length: bigint;
}

export interface World {
  readonly case: Case;
  readonly revision: Revision;
  readonly table: BeginTable;
  /** For operations: takes in writeback where it comes between their requests. */
  driver: Driver;
  /** The connection itself, for writeback. */
  readonly wire: Connection;
  readonly facts: MountFacts;
  readonly files: FileState[];
  readonly fds: OpenFile[];
  readonly contents: Content[];
  /** Page caches of the case's devices. */
  readonly devicePages: DevicePages[];
  /** What BACKING_OPEN gave for each of the case's devices. */
  readonly cookies: readonly number[];
  /** Bytes that a fork of a mapping cache may take. */
  readonly cacheMaxBytes: bigint;
  /** What CONFIG set. */
  readonly set: SuperblockFacts;
  readonly expectation: Expectation;
  /** ENOSYS answers that the connection remembers. */
  readonly enosys: {
    end: boolean;
    ioend: boolean;
    fsync: boolean;
    fallocate: boolean;
    copy64: boolean;
    copy: boolean;
    flush: boolean;
    syncfs: boolean;
  };
  /** What was done to the file system as a whole. */
  readonly superblock: {
    frozen: boolean;
    shutDown: boolean;
    /**
     * What files lost, when somebody has been told: errnos, undefined for some error, and the open files (OpenFile)
     * whose next syncfs may tell of it, too.
     */
    lost: { errors: readonly (number | undefined)[]; by: Set<object> };
    /** How many refusals of times were there when syncfs told of them last. */
    timesTold: number;
  };
  /** Swap files in use, by index, with their places for pages. */
  readonly swap: Map<number, readonly SwapExtent[]>;
  /** Files whose first page may be in the page cache as a swap header, which is not on the device any more. */
  readonly headers: Set<number>;
  /** Index of the running step. */
  step: number;
}

/** Of RWF_NOWAIT revision r2 tells the server, the later ones do not ask it. */
export const asksWithoutWaiting = ({ revision }: World): boolean => revision.nowait.asks;

/** Notes a refusal that the kernel must report. */
export function refuse(world: World, refusal: Omit<ExpectedRefusal, 'step'>): void {
  world.expectation.refusals.push({ ...refusal, step: world.step });
}

/** Whether the case answers such requests about the file itself. */
export const answers = (world: World, on: ScriptLine['on'], index: number): boolean =>
  world.case.script.some((line) => line.on === on && (line.file === undefined || line.file === index));

export type StepOf<C extends Step['call']> = Extract<Step, { call: C }>;
