/** What host and guest must know of a case before it runs: with which others it can share a mount, and what it can leave behind. */
import type { Case, Step } from './case.ts';

const ENOSYS = 38;

const plainFlags: readonly (string | bigint)[] = ['BLOCKSIZE', 'MAXBYTES', 'CACHE_MAXBYTES'];
/** CONFIG answers that no kernel refuses; with any other the mount itself is the experiment. */
function plainConfig(config: Case['geometry']['config']): boolean {
  if (!config) return true;
  if (config.kind === 'error') return config.errno === ENOSYS;
  const { kind: _, flags = [], blockSizeBytes = 4096, maxBytes = 1n, cacheMaxBytes: _cache, ...others } = config;
  return flags.every((flag) => plainFlags.includes(flag)) && Object.values(others).every((value) => value === undefined) && [512, 1024, 2048, 4096].includes(blockSizeBytes) && maxBytes > 0n;
}

/** Steps about the connection or the file system as a whole, and those whose usual answers the kernel remembers. */
const ownMount: ReadonlySet<Step['call']> = new Set(['fuseIoctl', 'copyFileRange', 'freeze', 'thaw', 'syncfs', 'shutdown', 'ordinary'] as const);

/** Answers that the kernel remembers for the connection (ENOSYS to a copy is the server's ordinary one), and steps that change its device table, need a mount of their own. */
export const needsOwnMount = ({ script, workload, geometry }: Case): boolean =>
  !plainConfig(geometry.config) || workload.some(({ call }) => ownMount.has(call))
  || script.some(({ on, reply }) => on === 'INIT' || on === 'IOMAP_CONFIG' || on === 'SYNCFS' || on === 'SHUTDOWN_FS' || on === 'GETXATTR' || reply.kind === 'error' && reply.errno === ENOSYS
    || reply.kind === 'raw' && reply.error === -ENOSYS || reply.kind === 'die' || reply.kind === 'kill' || reply.kind === 'abort' || on === 'DESTROY');

/** Without OPEN the kernel sends neither RELEASE nor FLUSH: two or three requests less for a case. */
export const needsOpens = ({ script, geometry }: Case): boolean =>
  geometry.files.some(({ directIo }) => directIo) || script.some(({ on }) => on === 'OPEN' || on === 'RELEASE' || on === 'FLUSH');

/** Cases of one key share a mount. */
export const mountKey = (value: Case): string => {
  const { files: _files, ...geometry } = value.geometry;
  return JSON.stringify([value.revision, needsOpens(value), geometry], (_, v: unknown) => typeof v === 'bigint' ? `${v}n` : v);
};

/** Cases sorted by this change mounts as rarely as may be. Those with a mount of their own come last, by devices: what they do to a mount would take it from the others. */
export const mountOrder = (value: Case): string => {
  const own = needsOwnMount(value);
  return JSON.stringify([own, own ? value.geometry.devices : mountKey(value), value.debugIomap]);
};

const readOnly: ReadonlySet<Step['call']> = new Set(['open', 'close', 'pread', 'mmapRead', 'seekData', 'seekHole', 'fiemap', 'fstat', 'notify', 'deviceRead', 'readahead', 'fadvise', 'fsUuid'] as const);
export const mayWrite = ({ workload }: Case): boolean => workload.some((step) => !readOnly.has(step.call) || step.call === 'open' && step.flags.includes('trunc'));

/** Only direct reads and reports ask while their syscall waits; readahead and the answer to RETRIEVE come in their own time. */
export const isQuiet = (value: Case): boolean => !mayWrite(value) && !needsOpens(value) && value.script.every(({ before, signal }) => before === undefined && signal === undefined) && value.workload.every(({ call }) => call !== 'notify' && call !== 'mmapRead' && call !== 'readahead' && call !== 'fadvise')
  && value.workload.every((step) => step.call !== 'open' || step.flags.includes('direct') || !value.workload.some(({ call }) => call === 'pread'));

/** The server's log of a case holds so many requests. */
const mostLogged = 20_000;
/** Requests that have to do with no block: lookups, opens, attributes, whatever a mount begins with. */
const freeRequests = 1000, perStep = 64;
/** BEGIN, END, IOEND and a READ or WRITE for each of the smallest blocks that a step touches, twice. */
const smallestBlockBytes = 512, perBlock = 8;
/** A mapping is asked for again when the server changed what the kernel knows of it. */
const perNotification = 64;

/**
 * More requests than any kernel makes that gets anywhere: in every run of plan, corpus and campaigns on the reference kernel a case stayed below a
 * tenth of it. A kernel that makes more is in a loop.
 */
export function mostRequests({ script, workload }: Case): number {
  const blocks = workload.reduce((sum, step) => sum + ('lengthBytes' in step ? Math.ceil(Math.min(Number(step.lengthBytes), 1 << 26) / smallestBlockBytes) : 0), 0);
  const notifications = script.reduce((sum, { before = [] }) => sum + before.length, 0) + workload.filter(({ call }) => call === 'notify').length;
  const lines = script.length * workload.length * 4;
  return Math.min(mostLogged, freeRequests + perStep * workload.length + lines + perBlock * blocks + perNotification * notifications);
}
