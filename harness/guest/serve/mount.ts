/** mount(2) of a server that will answer later. */
import { constants } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Native } from '../../native/index.ts';

export interface MountRequest {
  mountPoint: string;
  /** Of /dev/fuse. */
  fd: number;
  /** The addon's file. */
  addon: string;
  /** Printed on standard error when the mount is there. */
  readyLine: string;
}

const optionsOf = (fd: number): string => `fd=${fd},rootmode=40000,user_id=0,group_id=0,allow_other`;

export const mountNow = (native: Native, { mountPoint, fd }: MountRequest): number =>
  native.mount('iomapfuzz', mountPoint, 'fuse', 0, optionsOf(fd));

/** What the thread runs: a string, because a script's bundle is one file. */
const program = `
const { workerData: { addon, mountPoint, options, readyLine, result } } = require('node:worker_threads');
const native = { exports: {} };
process.dlopen(native, addon);
const word = new Int32Array(result);
const ret = native.exports.mount('iomapfuzz', mountPoint, 'fuse', 0, options);
Atomics.store(word, 0, ret);
Atomics.notify(word, 0);
if (ret >= 0) require('node:fs').writeSync(2, readyLine + '\\n');
`;

/** The kernel ends the connection and mount(2) at the same time, or before. */
const returnDeadlineMs = 10_000;

/**
 * After SYNC_INIT mount(2) returns when INIT and CONFIG were answered: a thread of its own waits for that. Returns what
 * waits for its result.
 */
export function mountAside({ mountPoint, fd, addon, readyLine }: MountRequest): () => number {
  const result = new SharedArrayBuffer(4);
  const word = new Int32Array(result);
  word[0] = -constants.errno.EINPROGRESS;
  new Worker(program, {
    eval: true,
    workerData: { addon, mountPoint, options: optionsOf(fd), readyLine, result },
  }).unref();
  return () => {
    Atomics.wait(word, 0, -constants.errno.EINPROGRESS, returnDeadlineMs);
    return Atomics.load(word, 0);
  };
}
