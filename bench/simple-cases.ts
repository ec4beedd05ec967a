/**
 * The simple cases of the benchmark: one reply, one syscall, a fresh inode. yardstick.c makes the kernel do the same,
 * by the same names.
 */
import type { Case, Geometry, Step } from '../model/case.ts';
import { NULL_ADDR, type RevisionId } from '../uapi/revision.ts';

const fileBytes = 64n * 1024n;
const blockBytes = 4096;

const geometry: Geometry = {
  mount: 'ordinary',
  devices: [{ sizeBytes: 1 << 20, access: 'rw' }],
  files: [{ sizeBytes: fileBytes, attrFlags: ['EXCLUSIVE', 'IOMAP'] }],
};

const calls: Readonly<Record<string, { flags: Extract<Step, { call: 'open' }>['flags']; step: Step }>> = {
  'direct-read': { flags: ['rdonly', 'direct'], step: { call: 'pread', fd: 0, offset: 0n, lengthBytes: blockBytes } },
  'direct-write': {
    flags: ['rdwr', 'direct'],
    step: { call: 'pwrite', fd: 0, offset: 0n, lengthBytes: blockBytes, writer: 0 },
  },
  'seek-data': { flags: ['rdonly'], step: { call: 'seekData', fd: 0, offset: 0n } },
  fiemap: {
    flags: ['rdonly'],
    step: { call: 'fiemap', fd: 0, start: 0n, lengthBytes: fileBytes, flags: 0, extents: 8 },
  },
};

/** By whose rules the kernel is measured. */
export const benchRevision: RevisionId = 'r3';

/** Each call with a mapping that is accepted and with one that has no length and is refused. */
export const simpleKinds: readonly string[] = Object.keys(calls).flatMap((call) => [call, `${call}-refused`]);

export function simpleCase(kind: string): Case {
  const call = calls[kind.replace(/-refused$/, '')]!;
  const length = kind.endsWith('-refused') ? 0n : fileBytes;
  return {
    schema: 1,
    revision: benchRevision,
    geometry,
    debugIomap: false,
    script: [
      {
        on: 'IOMAP_BEGIN',
        reply: {
          kind: 'mappings',
          read: { type: 'MAPPED', flags: [], dev: { device: 0 }, addr: 0n, offset: 0n, length },
          write: { type: 'PURE_OVERWRITE', flags: [], dev: 0, addr: NULL_ADDR, offset: 0n, length },
        },
      },
    ],
    workload: [{ call: 'open', file: 0, flags: call.flags }, call.step, { call: 'close', fd: 0 }],
  };
}
