/**
 * Observation: everything seen while a case ran. No judgement in it. Made in the guest, sent to the host by structured
 * clone, stored with what does not conform. The schema is the one description: the types are derived from it, and stored
 * observations, in the form that `fromJsonSafe` gives, are checked by it. Fields that newer versions add are left out.
 */
import { z } from 'zod';
import type { ByteRun, ByteSource } from './bytes.ts';
import { cutReasons } from './cut-reasons.ts';

const count = z.union([z.int().min(0), z.bigint().min(0n).max(BigInt(Number.MAX_SAFE_INTEGER)).transform(Number)]);
const number = z.union([
  z.int(),
  z.bigint().min(BigInt(Number.MIN_SAFE_INTEGER)).max(BigInt(Number.MAX_SAFE_INTEGER)).transform(Number),
]);
/** 64 bits; a small number may have been stored as a plain one. */
const wide = z.union([z.bigint(), z.int().transform(BigInt)]);
const bytes: z.ZodType<Uint8Array> = z.instanceof(Uint8Array);

/** What bytes.ts describes: the guest makes runs without this schema. */
const knownSource = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('device'), device: count, offsetBytes: wide }),
  z.object({ kind: z.literal('writer'), writer: count, offsetBytes: wide }),
  z.object({ kind: z.literal('server'), file: count, offsetBytes: wide }),
  z.object({ kind: z.literal('zero') }),
  z.object({ kind: z.literal('poison') }),
  z.object({ kind: z.literal('other'), hex: z.string().regex(/^([0-9a-f]{2})*$/) }),
  z.object({ kind: z.literal('unknown') }),
]);
const sourceKinds: ReadonlySet<string> = new Set(knownSource.options.map(({ shape }) => shape.kind.value));
/** A kind that a later version adds says nothing to the judges of this one. */
const byteSource: z.ZodType<ByteSource> = z.union([
  knownSource,
  z
    .looseObject({ kind: z.string().refine((kind) => !sourceKinds.has(kind)) })
    .transform(() => ({ kind: 'unknown' as const })),
]);
const byteRuns: z.ZodType<ByteRun[]> = z.array(z.object({ lengthBytes: count, source: byteSource }));

/** struct fiemap_extent; all bytes. */
const fiemapExtent = z.object({ logical: wide, physical: wide, length: wide, flags: count });
export type FiemapExtent = z.infer<typeof fiemapExtent>;

/** Result of one syscall. */
const stepResult = z.object({
  /** Return value; -1n with errno set on failure. */
  ret: wide,
  /** 0 or a positive errno. */
  errno: count,
  /** pread: what the returned bytes are (ret bytes), and what lies behind them in the buffer. */
  data: byteRuns.exactOptional(),
  tail: byteRuns.exactOptional(),
  fiemap: z.array(fiemapExtent).exactOptional(),
  /** fm_mapped_extents: with room for 0 extents it is their number. */
  fiemapMapped: count.exactOptional(),
  /** fstat. */
  sizeBytes: wide.exactOptional(),
  blksizeBytes: count.exactOptional(),
  /** fuseIoctl with an out argument, fsUuid: its bytes. */
  out: bytes.exactOptional(),
  /** setTimes: seconds and nanoseconds of atime and mtime. */
  times: z.array(wide).exactOptional(),
});
export type StepResult = z.infer<typeof stepResult>;

/** The reply as it went out: `error` as in the header (0 or negative), payload bytes, decoded where the layout fits. */
const sentReply = z.object({
  error: number,
  payload: bytes,
  /** Bytes behind `payload` that went out, too, and were not kept. */
  cutBytes: count.exactOptional(),
  fields: z.record(z.string(), z.unknown()).exactOptional(),
  /**
   * Header fields that lied: the length it gave, the request it named; and the bytes that went out when not even the
   * header did.
   */
  lengthBytes: count.exactOptional(),
  unique: wide.exactOptional(),
  sentBytes: count.exactOptional(),
});
export type SentReply = z.infer<typeof sentReply>;

/** A FUSE request, decoded by the layout of its opcode, and what the server did with it. */
const exchange = z.object({
  /** Position in the connection's order of requests. */
  seq: number,
  unique: wide,
  /**
   * Index of the workload step that was running when the request arrived; absent: none was, or the guest did not note
   * it.
   */
  step: number.exactOptional(),
  opcode: count,
  /** Name of the opcode in the revision, or `op N`. */
  name: z.string(),
  nodeid: wide,
  /** Index of the case's file that the nodeid stands for, when it does. */
  file: count.exactOptional(),
  /**
   * Decoded request: the fields of its structure (bigint for 64-bit ones), its names as `name` and `name2`, the bytes
   * behind them as `data` (ByteRun[]). Requests that the layout does not fit have `raw` instead.
   */
  request: z
    .record(z.string(), z.unknown())
    .refine(({ data }) => data === undefined || byteRuns.safeParse(data).success, {
      path: ['data'],
      message: 'no runs of bytes',
    }),
  raw: bytes.exactOptional(),
  /** Bytes at the request's end that were not kept. */
  cutBytes: count.exactOptional(),
  /**
   * What the script had sent while the request waited, and whether there was a signal: the line, and for each
   * notification of it 0 or the errno of its write().
   */
  notified: z.object({ line: count, errnos: z.array(count) }).exactOptional(),
  /** What was answered; absent: no answer (FORGET, or `ended`). */
  reply: sentReply.exactOptional(),
  /** Instead of an answer the server ended the connection. */
  ended: z.enum(['die', 'kill', 'abort']).exactOptional(),
  /** 0 or the errno that write() to /dev/fuse returned for the reply. */
  writeErrno: count.exactOptional(),
});
export type Exchange = z.infer<typeof exchange>;

const condition = { func: z.string(), line: count, condition: z.string() };
const report = { title: z.string(), text: z.string() };
const knownEvent = z.discriminatedUnion('kind', [
  /** Trace event fuse_iomap_bad_data. */
  z.object({ kind: z.literal('bad-data'), ...condition }),
  /** `Bad mapping: CONDITION, func: FUNCTION, line: N` followed by a WARNING block. */
  z.object({ kind: z.literal('bad-mapping-warn'), ...condition }),
  /** `Assertion failed: ...`: always a finding. */
  z.object({ kind: z.literal('assertion'), ...condition }),
  /**
   * Any other report: WARNING, BUG, Oops, KASAN, UBSAN, lockdep, hung task (kernel-log/patterns.ts). `title` is the
   * same whenever the same thing goes wrong: without addresses, offsets, processors and threads. `text` is the report
   * as it was printed.
   */
  z.object({ kind: z.literal(['warning', 'bug']), ...report }),
  /** Worth a line, but no fault of the kernel: out of memory, remarks of the unwinder. */
  z.object({ kind: z.literal('notice'), ...report }),
  /**
   * A checker of the kernel stopped, as its limits demand: from here on its silence proves nothing. `earlier`: it did
   * so before the case.
   */
  z.object({
    kind: z.literal('channel-ended'),
    channel: z.string(),
    ...report,
    earlier: z.literal(true).exactOptional(),
  }),
  /** Records were overwritten before they were read: what is absent proves nothing. */
  z.object({ kind: z.literal('lost-events'), source: z.enum(['trace', 'kmsg']), count }),
]);
export type KernelEvent = z.infer<typeof knownEvent>;

const eventKinds: ReadonlySet<unknown> = new Set(knownEvent.options.flatMap(({ shape: { kind } }) => [...kind.values]));
/** Kinds that later versions add are kept: the judges of this one say that they do not know them. */
const kernelEvent = z.union([
  knownEvent,
  z.custom<KernelEvent>((value) => {
    const { kind } = (value ?? {}) as { kind?: unknown };
    return typeof kind === 'string' && !eventKinds.has(kind);
  }),
]);

/** A range of a device that differs from its initial content after the case. */
const deviceChange = z.object({ device: count, offsetBytes: wide, content: byteRuns });
export type DeviceChange = z.infer<typeof deviceChange>;

const mountResult = z.object({
  /** Errno of mount(2), 0 when it succeeded. */
  errno: count,
  /** What the kernel offered in INIT. */
  minor: count.exactOptional(),
  flags: wide.exactOptional(),
  /** BACKING_OPEN result per device of the geometry: id or -errno. */
  devices: z.array(number),
});
export type MountResult = z.infer<typeof mountResult>;

const transcriptCut = z.strictObject({
  /**
   * The first step whose exchanges are not all there; as many as there are steps: only what came behind the last one is
   * missing.
   */
  step: count,
  /** Exchanges that are missing, as far as they were counted. */
  exchanges: count,
  why: z.enum(cutReasons),
});
export type TranscriptCut = z.infer<typeof transcriptCut>;

const observation = z.object({
  mount: mountResult,
  /** One per step that was executed, in order: all but those behind a cut by a freeze. */
  steps: z.array(stepResult),
  transcript: z.array(exchange),
  events: z.array(kernelEvent),
  deviceChanges: z.array(deviceChange),
  /**
   * The kernel made more requests than any case needs (case-traits.ts): `opcode` of the one that was too many, and
   * whether the last ones were the same over and over. Its connection was cut then, and only the first requests are
   * kept.
   */
  endless: z.strictObject({ opcode: count, same: z.boolean(), step: count.exactOptional() }).exactOptional(),
  /** The transcript is the beginning of what was said; absent: all of it. */
  cut: transcriptCut.exactOptional(),
  /** Of a case with a mount of its own: errno of umount(2), when everything was closed; 0: it was removed. */
  unmountErrno: count.exactOptional(),
  /** Places of the kernel that the case reached first in its guest, as little-endian u64; absent: not asked for. */
  coverage: bytes.exactOptional(),
  /** It reached more than there was room for. */
  coverageCut: z.literal(true).exactOptional(),
  /** Inode number that the server gave each file of the case. */
  inodes: z.array(wide),
});
export type Observation = z.infer<typeof observation>;

export type ObservationParse = { kind: 'observation'; observation: Observation } | { kind: 'invalid'; reason: string };

/** Checks what is to be judged or shown. `reason` names the first field that is wrong, as `steps.1.ret: why`. */
export function parseObservation(value: unknown): ObservationParse {
  const parsed = observation.safeParse(value);
  if (parsed.success) return { kind: 'observation', observation: parsed.data };
  const issue = parsed.error.issues[0];
  return {
    kind: 'invalid',
    reason: `${issue?.path.join('.') || 'the observation'}: ${issue?.message ?? 'not as the format says'}`,
  };
}
