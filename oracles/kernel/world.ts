/** The state that a case's syscalls act on: the mount, its devices, its files. Built from the case and what its set-up gave. */
import type { Case, ScriptLine, Step } from '../../model/case.ts';
import type { MountResult } from '../../model/observation.ts';
import { revisions, type Revision } from '../../uapi/revision.ts';
import type { BeginTable } from '../rules/first-violation.ts';
import { beginTables } from '../rules/first-violation.ts';
import type { DeviceFacts, MountFacts } from '../rules/context.ts';
import { CACHE_BYTES, configGeometry, type SuperblockFacts } from '../rules/config.ts';
import { configAnswer } from './config-reply.ts';
import { initAnswer } from './init-reply.ts';
import { Content } from './content.ts';
import { Connection } from './connection.ts';
import type { Driver } from './driver.ts';
import { DevicePages } from './device-pages.ts';
import { MappingCache } from './mapping-cache.ts';
import { OnDiskSize } from './on-disk-size.ts';
import { PageCache } from './page-cache.ts';
import type { SwapExtent } from './swap.ts';
import { Writeback } from './writeback-state.ts';
import type { Expectation, ExpectedRefusal } from './expectation.ts';
import { PAGE_SIZE } from '../../uapi/units.ts';

const DEFAULT_MAX_BYTES = (1n << 63n) - 1n;

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
  readonly enosys: { end: boolean; ioend: boolean; fsync: boolean; fallocate: boolean; copy64: boolean; copy: boolean; flush: boolean; syncfs: boolean };
  /** What was done to the file system as a whole. */
  readonly superblock: { frozen: boolean; shutDown: boolean };
  /** Swap files in use, by index, with their places for pages. */
  readonly swap: Map<number, readonly SwapExtent[]>;
  /** Files whose first page may be in the page cache as a swap header, which is not on the device any more. */
  readonly headers: Set<number>;
  /** Index of the running step. */
  step: number;
}

export interface WorldInput {
  case: Case;
  mount: MountResult;
  inodes: readonly bigint[];
  driver: Driver;
  /** The rules of the kernel; absent: the revision's. */
  table?: BeginTable;
  /** Page caches of the kernel's files; absent: those that the rules ask for. */
  pageCache?: () => PageCache;
}

export function connectionHasIomap(of: Case): boolean {
  const own = initAnswer(of);
  return own?.kind === 'taken' ? own.iomap : of.geometry.initIomap ?? true;
}
const minorOf = (of: Case): number | undefined => {
  const own = initAnswer(of);
  return own?.kind === 'taken' ? own.minor : of.geometry.initMinor;
};

export function makeWorld(input: WorldInput): World {
  const { geometry } = input.case;
  const revision = revisions[input.case.revision];
  const iomap = connectionHasIomap(input.case);
  const exclusiveHonoured = (minorOf(input.case) ?? revision.minor) >= revision.minor;
  const devices = new Map<number, DeviceFacts>();
  geometry.devices.forEach((device, index) => {
    const cookie = input.mount.devices[index];
    if (cookie !== undefined && cookie > 0) {
      devices.set(cookie, { index, sizeBytes: BigInt(device.sizeBytes), readable: device.access !== 'wo', writable: device.access !== 'ro' });
    }
  });
  const config = configAnswer(input.case, revision);
  const set = config?.kind === 'reply' && iomap ? configGeometry({ revision, reply: config.bytes, pageSizeBytes: PAGE_SIZE }) : {};
  const wire = new Connection(input.driver);
  return {
    case: input.case, revision, table: input.table ?? beginTables[revision.id], driver: wire, wire,
    facts: { revision, blockSizeBytes: set.blockSizeBytes ?? BigInt(PAGE_SIZE), maxBytes: set.maxBytes ?? DEFAULT_MAX_BYTES, devices },
    files: geometry.files.map((file, index) => ({
      index, ino: input.inodes[index] ?? 0n, sizeBytes: file.sizeBytes, onDisk: new OnDiskSize(file.sizeBytes), attrFlags: file.attrFlags,
      usesIomap: iomap && exclusiveHonoured && file.attrFlags.includes('IOMAP') && file.attrFlags.includes('EXCLUSIVE'),
      directIo: file.directIo ?? false, cache: input.pageCache?.() ?? new PageCache(), mappings: new MappingCache(), known: false, wb: new Writeback(), bad: false, sizeUncertain: false,
    })),
    fds: [],
    devicePages: geometry.devices.map(() => new DevicePages()), cookies: input.mount.devices, cacheMaxBytes: set.cacheMaxBytes ?? CACHE_BYTES.default, set,
    contents: geometry.devices.map((_, device) => new Content((position) => ({ kind: 'device', device, offsetBytes: position }))),
    expectation: { requests: [], unjudgedRequests: [], mount: { errno: 0, rule: 'mount' }, devices: [], steps: [], refusals: [], contents: [], tolerated: [] },
    enosys: { end: false, ioend: false, fsync: false, fallocate: false, copy64: false, copy: false, flush: false, syncfs: false },
    superblock: { frozen: false, shutDown: false }, swap: new Map(), headers: new Set(),
    step: -1,
  };
}

/** Of RWF_NOWAIT revision r2 tells the server, the later ones do not ask it. */
export const asksWithoutWaiting = ({ revision }: World): boolean => revision.id !== 'r3';

/** Notes a refusal that the kernel must report. */
export function refuse(world: World, refusal: Omit<ExpectedRefusal, 'step'>): void {
  world.expectation.refusals.push({ ...refusal, step: world.step });
}

/** Whether the case answers such requests about the file itself. */
export const answers = (world: World, on: ScriptLine['on'], index: number): boolean =>
  world.case.script.some((line) => line.on === on && (line.file === undefined || line.file === index));

export type StepOf<C extends Step['call']> = Extract<Step, { call: C }>;
