/**
 * Schema of a stored observation, in the form that `fromJsonSafe` gives. It asks for what judges read, and lets through
 * fields that newer versions add. Types: observation.ts.
 */
import { z } from 'zod';
import { cutReasons, type Observation } from './observation.ts';

const count = z.union([z.int().min(0), z.bigint().min(0n).max(BigInt(Number.MAX_SAFE_INTEGER)).transform(Number)]);
const number = z.union([
  z.int(),
  z.bigint().min(BigInt(Number.MIN_SAFE_INTEGER)).max(BigInt(Number.MAX_SAFE_INTEGER)).transform(Number),
]);
/** 64 bits; a small number may have been stored as a plain one. */
const wide = z.union([z.bigint(), z.int().transform(BigInt)]);
const bytes = z.instanceof(Uint8Array);

const knownSource = z.discriminatedUnion('kind', [
  z.looseObject({ kind: z.literal('device'), device: count, offsetBytes: wide }),
  z.looseObject({ kind: z.literal('writer'), writer: count, offsetBytes: wide }),
  z.looseObject({ kind: z.literal('server'), file: count, offsetBytes: wide }),
  z.looseObject({ kind: z.literal('zero') }),
  z.looseObject({ kind: z.literal('poison') }),
  z.looseObject({ kind: z.literal('other'), hex: z.string().regex(/^([0-9a-f]{2})*$/) }),
  z.looseObject({ kind: z.literal('unknown') }),
]);
const sourceKinds: ReadonlySet<string> = new Set(['device', 'writer', 'server', 'zero', 'poison', 'other', 'unknown']);
/** A kind that a later version adds says nothing to the judges of this one. */
const byteSource = z.union([
  knownSource,
  z
    .looseObject({ kind: z.string().refine((kind) => !sourceKinds.has(kind)) })
    .transform(() => ({ kind: 'unknown' as const })),
]);
const byteRuns = z.array(z.looseObject({ lengthBytes: count, source: byteSource }));

const stepResult = z.looseObject({
  ret: wide,
  errno: count,
  data: byteRuns.optional(),
  tail: byteRuns.optional(),
  fiemap: z.array(z.looseObject({ logical: wide, physical: wide, length: wide, flags: count })).optional(),
  fiemapMapped: count.optional(),
  sizeBytes: wide.optional(),
  blksizeBytes: count.optional(),
  out: bytes.optional(),
  times: z.array(wide).optional(),
});

const sentReply = z.looseObject({
  error: number,
  payload: bytes,
  lengthBytes: count.optional(),
  unique: wide.optional(),
  sentBytes: count.optional(),
  cutBytes: count.optional(),
});

const exchange = z.looseObject({
  seq: number,
  unique: wide,
  step: number.optional(),
  opcode: count,
  name: z.string(),
  nodeid: wide,
  file: count.optional(),
  request: z
    .record(z.string(), z.unknown())
    .refine(({ data }) => data === undefined || byteRuns.safeParse(data).success, {
      path: ['data'],
      message: 'no runs of bytes',
    }),
  raw: bytes.optional(),
  cutBytes: count.optional(),
  notified: z.looseObject({ line: count, errnos: z.array(count) }).optional(),
  reply: sentReply.optional(),
  ended: z.enum(['die', 'kill', 'abort']).optional(),
  writeErrno: count.optional(),
});

const report = { func: z.string(), line: count, condition: z.string() };
const knownEvents: Readonly<Record<string, z.ZodType>> = {
  'bad-data': z.looseObject(report),
  'bad-mapping-warn': z.looseObject(report),
  assertion: z.looseObject(report),
  warning: z.looseObject({ title: z.string(), text: z.string() }),
  bug: z.looseObject({ title: z.string(), text: z.string() }),
  'channel-ended': z.looseObject({ title: z.string() }),
  'lost-events': z.looseObject({ source: z.enum(['trace', 'kmsg']), count }),
};
/** Kinds that later versions add say nothing to the judges of this one. */
const kernelEvent = z.looseObject({ kind: z.string() }).check(({ value, issues }) => {
  const parsed = knownEvents[value.kind]?.safeParse(value);
  if (parsed?.success === false) issues.push({ code: 'custom', input: value, message: `is no ${value.kind}` });
});

const observation = z.looseObject({
  mount: z.looseObject({ errno: count, minor: count.optional(), flags: wide.optional(), devices: z.array(number) }),
  steps: z.array(stepResult),
  transcript: z.array(exchange),
  events: z.array(kernelEvent),
  deviceChanges: z.array(z.looseObject({ device: count, offsetBytes: wide, content: byteRuns })),
  unmountErrno: count.optional(),
  endless: z.strictObject({ opcode: count, same: z.boolean(), step: count.optional() }).optional(),
  cut: z.strictObject({ step: count, exchanges: count, why: z.enum(cutReasons) }).optional(),
  coverage: bytes.optional(),
  coverageCut: z.literal(true).optional(),
  inodes: z.array(wide),
});

export type ObservationParse = { kind: 'observation'; observation: Observation } | { kind: 'invalid'; reason: string };

/** Checks what is to be judged. `reason` names the first field that is wrong, as `steps.1.ret: why`. */
export function parseObservation(value: unknown): ObservationParse {
  const parsed = observation.safeParse(value);
  if (parsed.success) return { kind: 'observation', observation: parsed.data as unknown as Observation };
  const issue = parsed.error.issues[0];
  return {
    kind: 'invalid',
    reason: `${issue?.path.join('.') || 'the observation'}: ${issue?.message ?? 'not as the format says'}`,
  };
}
