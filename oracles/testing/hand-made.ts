/**
 * Hand-made cases and observations for tests of the judges: one file, one operation, numbers written out as a kernel
 * shows them.
 */
import { CASE_SCHEMA, type Case, type Step } from '../../model/case.ts';
import type { Exchange, KernelEvent, Observation, StepResult } from '../../model/observation.ts';
import type { Verdict } from '../../model/verdict.ts';
import { attrOut } from '../../uapi/fuse-structs.ts';
import { beginOut, ioendOut, type IomapIo } from '../../uapi/iomap.ts';
import { NULL_ADDR } from '../../uapi/revision.ts';

export const INO = 77n;
export const MiB = 1 << 20;

export function madeCase(steps: Step[], more: Partial<Case> & { sizeBytes?: bigint } = {}): Case {
  const { sizeBytes = 16384n, ...rest } = more;
  return {
    schema: CASE_SCHEMA,
    revision: 'r3',
    debugIomap: false,
    script: [],
    geometry: {
      mount: 'ordinary',
      devices: [
        { sizeBytes: MiB, access: 'rw' },
        { sizeBytes: MiB, access: 'rw' },
      ],
      files: [{ sizeBytes, attrFlags: ['IOMAP', 'EXCLUSIVE'] }],
    },
    workload: [{ call: 'open', file: 0, flags: ['rdwr', 'direct'] }, ...steps],
    ...rest,
  };
}

/** Types by their numbers in the uAPI: HOLE 0, DELALLOC 1, MAPPED 2, UNWRITTEN 3, INLINE 4, PURE_OVERWRITE 255. */
export const wire = (type: number, offset: bigint, length: bigint, more: Partial<IomapIo> = {}): IomapIo => ({
  type,
  offset,
  length,
  addr: NULL_ADDR,
  dev: 0,
  flags: 0,
  ...more,
});
export const mapped = (offset: bigint, length: bigint, addr: bigint, dev = 1, flags = 0): IomapIo =>
  wire(2, offset, length, { addr, dev, flags });
export const overwrite = (offset: bigint, length: bigint): IomapIo => wire(255, offset, length);

export type Made = Omit<Exchange, 'seq' | 'unique' | 'opcode' | 'nodeid'>;

export const beginExchange = (opflags: number, pos: bigint, count: bigint, read: IomapIo, write: IomapIo): Made => ({
  name: 'IOMAP_BEGIN',
  file: 0,
  request: { opflags, reserved: 0, attrIno: INO, pos, count },
  reply: { error: 0, payload: beginOut.encode({ read, write }) },
  writeErrno: 0,
});
export const endExchange = (
  opflags: number,
  pos: bigint,
  count: bigint,
  written: bigint,
  map: IomapIo,
  error = 0,
): Made => ({
  name: 'IOMAP_END',
  file: 0,
  request: { opflags, reserved: 0, attrIno: INO, pos, count, written, map },
  reply: { error, payload: new Uint8Array() },
  writeErrno: 0,
});
export const ioendExchange = (
  flags: number,
  pos: bigint,
  written: bigint,
  error = 0,
  reply: { error?: number; newsize?: bigint } = {},
): Made => ({
  name: 'IOMAP_IOEND',
  file: 0,
  request: { flags, error, attrIno: INO, pos, newAddr: NULL_ADDR, written, dev: 0, pad: 0 },
  reply: reply.error
    ? { error: reply.error, payload: new Uint8Array() }
    : { error: 0, payload: ioendOut.encode({ newsize: reply.newsize ?? 0n }) },
  writeErrno: 0,
});
/** What it was answered is not at stake. */
export const other = (name: string): Made => ({
  name,
  file: 0,
  request: name === 'FSYNC' ? { fsyncFlags: 0, padding: 0 } : {},
  reply: { error: 0, payload: new Uint8Array(name === 'SETATTR' ? attrOut.size : 0) },
});

export const opened: StepResult = { ret: 0n, errno: 0 };
export const failed = (errno: number): StepResult => ({ ret: -1n, errno });
export const device = (number: number, offsetBytes: bigint, lengthBytes: number) => ({
  lengthBytes,
  source: { kind: 'device' as const, device: number, offsetBytes },
});
export const writer = (offsetBytes: bigint, lengthBytes: number, number = 0) => ({
  lengthBytes,
  source: { kind: 'writer' as const, writer: number, offsetBytes },
});
export const zeros = (lengthBytes: number) => ({ lengthBytes, source: { kind: 'zero' as const } });
export const poison = (lengthBytes: number) => ({ lengthBytes, source: { kind: 'poison' as const } });

/** The first step's result is that of the open. */
export function observed(of: {
  exchanges?: Made[];
  results?: StepResult[];
  events?: KernelEvent[];
  changes?: Observation['deviceChanges'];
}): Observation {
  return {
    mount: { errno: 0, minor: 99, flags: 1n << 43n, devices: [1, 2] },
    inodes: [INO],
    steps: [opened, ...(of.results ?? [])],
    events: of.events ?? [],
    deviceChanges: of.changes ?? [],
    transcript: (of.exchanges ?? []).map((exchange, seq) => ({
      ...exchange,
      seq,
      unique: BigInt(seq),
      opcode: 0,
      nodeid: 2n,
    })),
  };
}

/** Rule and aspect of each deviation, or the kind of a verdict that has none. */
export const deviates = (verdict: Verdict): string[] =>
  verdict.kind === 'deviates' ? verdict.deviations.map(({ rule, aspect }) => `${rule} ${aspect}`) : [verdict.kind];
