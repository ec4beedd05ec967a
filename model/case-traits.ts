/**
 * What host and guest must know of a case before it runs: with which others it can share a mount, and what it can leave
 * behind.
 */
import type { Case, Step } from './case.ts';
import type { Notification } from './notification.ts';
import { errnos } from '../uapi/errno.ts';

const { ENOSYS } = errnos;

const plainFlags: readonly (string | bigint)[] = ['BLOCKSIZE', 'MAXBYTES', 'CACHE_MAXBYTES'];
/** CONFIG answers that no kernel refuses; with any other the mount itself is the experiment. */
function plainConfig(config: Case['geometry']['config']): boolean {
  if (!config) return true;
  if (config.kind === 'error') return config.errno === ENOSYS;
  const { kind: _, flags = [], blockSizeBytes = 4096, maxBytes = 1n, cacheMaxBytes: _cache, ...others } = config;
  return (
    flags.every((flag) => plainFlags.includes(flag)) &&
    Object.values(others).every((value) => value === undefined) &&
    [512, 1024, 2048, 4096].includes(blockSizeBytes) &&
    maxBytes > 0n
  );
}

/** Steps about the connection or the file system as a whole, and those whose usual answers the kernel remembers. */
const ownMount: ReadonlySet<Step['call']> = new Set([
  'fuseIoctl',
  'copyFileRange',
  'freeze',
  'thaw',
  'syncfs',
  'shutdown',
  'ordinary',
] as const);

/**
 * Answers that the kernel remembers for the connection (ENOSYS to a copy is the server's ordinary one), and steps that
 * change its device table, need a mount of their own.
 */
export const needsOwnMount = ({ script, workload, geometry }: Case): boolean =>
  !plainConfig(geometry.config) ||
  workload.some(({ call }) => ownMount.has(call)) ||
  script.some(
    ({ on, reply }) =>
      on === 'INIT' ||
      on === 'IOMAP_CONFIG' ||
      on === 'SYNCFS' ||
      on === 'SHUTDOWN_FS' ||
      on === 'GETXATTR' ||
      (reply.kind === 'error' && reply.errno === ENOSYS) ||
      (reply.kind === 'raw' && reply.error === -ENOSYS) ||
      reply.kind === 'die' ||
      reply.kind === 'kill' ||
      reply.kind === 'abort' ||
      on === 'DESTROY',
  );

/** Without OPEN the kernel sends neither RELEASE nor FLUSH: two or three requests less for a case. */
export const needsOpens = ({ script, geometry }: Case): boolean =>
  geometry.files.some(({ directIo }) => directIo) ||
  script.some(({ on }) => on === 'OPEN' || on === 'RELEASE' || on === 'FLUSH');

/** Cases of one key share a mount. */
export const mountKey = (value: Case): string => {
  const { files: _files, ...geometry } = value.geometry;
  return JSON.stringify([value.revision, needsOpens(value), geometry], (_, v: unknown) =>
    typeof v === 'bigint' ? `${v}n` : v,
  );
};

/**
 * Cases sorted by this change mounts as rarely as may be. Those with a mount of their own come last, by devices: what
 * they do to a mount would take it from the others.
 */
export const mountOrder = (value: Case): string => {
  const own = needsOwnMount(value);
  return JSON.stringify([own, own ? value.geometry.devices : mountKey(value), value.debugIomap]);
};

const readOnly: ReadonlySet<Step['call']> = new Set([
  'open',
  'close',
  'pread',
  'mmapRead',
  'seekData',
  'seekHole',
  'fiemap',
  'fstat',
  'notify',
  'deviceRead',
  'readahead',
  'fadvise',
  'fsUuid',
] as const);
export const mayWrite = ({ workload }: Case): boolean =>
  workload.some((step) => !readOnly.has(step.call) || (step.call === 'open' && step.flags.includes('trunc')));

/**
 * Only direct reads and reports ask while their syscall waits; readahead and the answer to RETRIEVE come in their own
 * time.
 */
export const isQuiet = (value: Case): boolean =>
  !mayWrite(value) &&
  !needsOpens(value) &&
  value.script.every(({ before, signal }) => before === undefined && signal === undefined) &&
  value.workload.every(
    ({ call }) => call !== 'notify' && call !== 'mmapRead' && call !== 'readahead' && call !== 'fadvise',
  ) &&
  value.workload.every(
    (step) =>
      step.call !== 'open' || step.flags.includes('direct') || !value.workload.some(({ call }) => call === 'pread'),
  );

/** More requests of one case than these are not served: a kernel in a loop must end. */
const mostServed = 20_000;
/** Requests that have to do with no block: lookups, opens, attributes, whatever a mount begins with. */
const freeRequests = 1000,
  perStep = 64;
/** BEGIN, END, IOEND and a READ or WRITE for each of the smallest blocks that a step touches, twice. */
const smallestBlockBytes = 512,
  perBlock = 8;
/** A mapping is asked for again when the server changed what the kernel knows of it. */
const perNotification = 64;
/** These walk through mappings as far as the file goes. */
const walking: ReadonlySet<Step['call']> = new Set(['seekData', 'seekHole', 'ftruncate', 'swapon'] as const);

/**
 * So many requests of the case are served. `certain`: no kernel makes more of them that gets anywhere, so that one that
 * does is in a loop; where a case may need more than are served, it is not known what becomes of it.
 */
export function mostRequests(value: Case): { most: number; certain: boolean } {
  const {
    geometry: { files },
    script,
    workload,
  } = value;
  const largest = Math.max(0, ...files.map(({ sizeBytes }) => Number(sizeBytes)));
  const bytesOf = (step: Step): number =>
    'lengthBytes' in step
      ? Number(step.lengthBytes)
      : walking.has(step.call)
        ? Math.max(largest, 'sizeBytes' in step ? Number(step.sizeBytes) : 0)
        : 0;
  const blocks = workload.reduce((sum, step) => sum + Math.ceil(bytesOf(step) / smallestBlockBytes), 0);
  const lines = script.length * workload.length * 4;
  const needed =
    freeRequests +
    perStep * workload.length +
    lines +
    perBlock * blocks +
    perNotification * notificationsOf(value).length;
  return { most: Math.min(mostServed, needed), certain: needed <= mostServed };
}

/** Steps that change a file: on a file system that is frozen they wait (include/linux/fs.h, sb_start_write). */
export const waitsForThaw: ReadonlySet<Step['call']> = new Set([
  'pwrite',
  'mmapWrite',
  'ftruncate',
  'fallocate',
  'copyFileRange',
  'clone',
  'dedupe',
  'setTimes',
  'ordinary',
] as const);

/** Whether the step cannot be begun, by what came of those before it: `results`, one for each of them. */
export function waitsForEver(
  { workload }: Pick<Case, 'workload'>,
  step: number,
  results: readonly { errno: number }[],
): boolean {
  let frozenBy: number | undefined;
  for (const [index, one] of workload.slice(0, step).entries()) {
    // A file is closed whatever close(2) returns, and the guest thaws with the one by which it froze.
    if (one.call === 'close' && one.fd === frozenBy) frozenBy = undefined;
    if (results[index]?.errno !== 0) continue;
    if (one.call === 'freeze') frozenBy = one.fd;
    else if (one.call === 'thaw') frozenBy = undefined;
  }
  const next = workload[step];
  return frozenBy !== undefined && next !== undefined && waitsForThaw.has(next.call);
}

/** Notifications of steps, and those that are sent while a request waits. */
export const notificationsOf = ({ workload, script }: Case): Notification[] => [
  ...workload.flatMap((step) => (step.call === 'notify' ? [step.notification] : [])),
  ...script.flatMap(({ before = [] }) => before),
];
