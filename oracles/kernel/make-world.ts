/** The world that a case's syscalls start in: what its geometry, its script's INIT and CONFIG, and its set-up gave. */
import { Unspecified } from './driver.ts';
import type { Case } from '../../model/case.ts';
import type { MountResult } from '../../model/observation.ts';
import type { Revision } from '../../uapi/revision.ts';
import { LOFF_MAX, PAGE_SIZE } from '../../uapi/units.ts';
import { CACHE_BYTES, configGeometry } from '../rules/config.ts';
import type { DeviceFacts } from '../rules/context.ts';
import { beginTableOf, type BeginTable } from '../rules/first-violation.ts';
import { configAnswer } from './config-reply.ts';
import { Connection } from './connection.ts';
import { Content } from './content.ts';
import { DevicePages } from './device-pages.ts';
import type { Driver } from './driver.ts';
import { connectionHasIomap, initAnswer } from './init-reply.ts';
import { MappingCache } from './mapping-cache.ts';
import { OnDiskSize } from './on-disk-size.ts';
import { PageCache } from './page-cache.ts';
import type { World } from './world.ts';
import { Writeback } from './writeback-state.ts';

export interface WorldInput {
  case: Case;
  revision: Revision;
  mount: MountResult;
  inodes: readonly bigint[];
  driver: Driver;
  /** The rules of the kernel; absent: the revision's. */
  table?: BeginTable;
  /**
   * The workload is the beginning of a longer one: nothing is closed behind its last step, and what devices hold then
   * is not known.
   */
  goesOn?: boolean;
  /** Page caches of the kernel's files; absent: those that the rules ask for. */
  pageCache?: () => PageCache;
}

const minorOf = (testCase: Case, revision: Revision): number | undefined => {
  const own = initAnswer(testCase, revision);
  return own?.kind === 'taken' ? own.minor : testCase.geometry.initMinor;
};

/** Throws Unspecified where it is not known whether the kernel honours EXCLUSIVE. */
export function checkMinor({ case: testCase, revision }: Pick<WorldInput, 'case' | 'revision'>): void {
  const minor = minorOf(testCase, revision) ?? revision.minor;
  if (connectionHasIomap(testCase, revision) && minor > revision.refusedMinor && minor < revision.minor)
    throw new Unspecified(
      `whether a kernel of minor ${revision.minor} honours EXCLUSIVE of a server of minor ${minor} is not known`,
    );
}

export function makeWorld(input: WorldInput): World {
  const { revision } = input;
  const { geometry } = input.case;
  const iomap = connectionHasIomap(input.case, revision);
  const exclusiveHonoured = (minorOf(input.case, revision) ?? revision.minor) >= revision.minor;
  const devices = new Map<number, DeviceFacts>();
  geometry.devices.forEach((device, index) => {
    const cookie = input.mount.devices[index];
    if (cookie !== undefined && cookie > 0) {
      devices.set(cookie, {
        index,
        sizeBytes: BigInt(device.sizeBytes),
        readable: device.access !== 'wo',
        writable: device.access !== 'ro',
      });
    }
  });
  const config = configAnswer(input.case, revision);
  const set =
    config?.kind === 'reply' && iomap
      ? configGeometry({ revision, reply: config.bytes, pageSizeBytes: PAGE_SIZE })
      : {};
  const wire = new Connection(input.driver);
  return {
    case: input.case,
    revision,
    table: input.table ?? beginTableOf(revision),
    driver: wire,
    wire,
    facts: {
      revision,
      blockSizeBytes: set.blockSizeBytes ?? BigInt(PAGE_SIZE),
      maxBytes: set.maxBytes ?? LOFF_MAX,
      devices,
    },
    files: geometry.files.map((file, index) => ({
      index,
      ino: input.inodes[index] ?? 0n,
      sizeBytes: file.sizeBytes,
      onDisk: new OnDiskSize(file.sizeBytes),
      attrFlags: file.attrFlags,
      usesIomap: iomap && exclusiveHonoured && file.attrFlags.includes('IOMAP') && file.attrFlags.includes('EXCLUSIVE'),
      directIo: file.directIo ?? false,
      cache: input.pageCache?.() ?? new PageCache(),
      mappings: new MappingCache(),
      known: false,
      wb: new Writeback(),
      bad: false,
      sizeUncertain: false,
    })),
    fds: [],
    devicePages: geometry.devices.map(() => new DevicePages()),
    cookies: input.mount.devices,
    cacheMaxBytes: set.cacheMaxBytes ?? CACHE_BYTES.default,
    set,
    contents: geometry.devices.map(
      (_, device) => new Content((position) => ({ kind: 'device', device, offsetBytes: position })),
    ),
    expectation: {
      requests: [],
      unjudgedRequests: [],
      mount: { errno: 0, rule: 'mount' },
      devices: [],
      steps: [],
      refusals: [],
      contents: [],
      tolerated: [],
    },
    enosys: {
      end: false,
      ioend: false,
      fsync: false,
      fallocate: false,
      copy64: false,
      copy: false,
      flush: false,
      syncfs: false,
    },
    superblock: { frozen: false, shutDown: false, lost: { errors: [], by: new Set() }, timesTold: 0 },
    swap: new Map(),
    headers: new Set(),
    step: -1,
  };
}
