/** Verdict: what the oracles make of (Case, Observation). Schema and types; stored results hold verdicts as they are. */
import { z } from 'zod';
import { revisionIds } from '../uapi/revision.ts';

/** Which channel or effect shows something. */
export const aspect = z.enum([
  'errno',
  'result',
  'trace-event',
  'warn',
  'bytes-read',
  'device-bytes',
  'request',
  'kernel-log',
  'size',
]);
export type Aspect = z.infer<typeof aspect>;

/** What bytes are, next to those that belong where they lie. */
const byteKind = z.enum([
  // Of a device, a write or the server. On a device, `unchanged` is what lay there before the case.
  'device',
  'unchanged',
  'writer',
  'server',
  'zeros',
  // The read buffer as it was before the syscall.
  'untouched',
  'unknown',
  // Bytes end here.
  'nothing',
  // Of the same kind as those that belong there, and of another owner or from another position.
  'other device',
  'other writer',
  'other file',
  'other place',
]);
export type ByteKind = z.infer<typeof byteKind>;

const step = z.int().min(0);

/** What is wrong, without what was drawn. Each part only where the deviation is about it. */
const deviationFacts = z.object({
  /** Name of the request's opcode. */
  request: z.string().exactOptional(),
  /** What the request is for: `writeback`, `direct read`, `report` ... */
  operation: z.string().exactOptional(),
  /** How it differs from the one that was due. */
  differs: z.enum(['missing', 'extra', 'layout', 'fields', 'data']).exactOptional(),
  /** Fields that differ, named as in the uAPI header: `new_addr`, `map.offset`. */
  fields: z.array(z.object({ name: z.string(), expected: z.string(), seen: z.string() })).exactOptional(),
  /** Of those that hold flags: `+FAULT -WRITE` where FAULT is set and should not be, and WRITE is not. */
  flags: z.array(z.string()).exactOptional(),
  /** Names; `success` where the call, the mount or the answer is to succeed, or did. */
  errno: z.object({ expected: z.array(z.string()), seen: z.string() }).exactOptional(),
  /** The errno that was due, or the one that was seen, is one that the server answered with in this case. */
  answered: z
    .object({ expected: z.literal(true).exactOptional(), seen: z.literal(true).exactOptional() })
    .exactOptional(),
  /** A value that a syscall returned besides its errno: `count`, `extents`, `times` ... */
  value: z.string().exactOptional(),
  bytes: z.object({ expected: z.array(byteKind), seen: byteKind }).exactOptional(),
  /** Texts of reported conditions; absent: no report. */
  condition: z.object({ expected: z.string().exactOptional(), seen: z.string().exactOptional() }).exactOptional(),
});
export type DeviationFacts = z.infer<typeof deviationFacts>;

/** One way in which the kernel deviates from the rules. */
export const deviation = z.object({
  /** Id of the rule or behaviour that is contradicted, as in the rule tables. */
  rule: z.string(),
  aspect,
  /** For people: one line each. */
  expected: z.string(),
  seen: z.string(),
  /** Index of the workload step, when one step shows it. */
  step: step.exactOptional(),
  /** The same for programs: findings are grouped by it. Absent in results of older versions. */
  facts: deviationFacts.exactOptional(),
});
export type Deviation = z.infer<typeof deviation>;

/**
 * What could not be judged, because the kernel lacks a channel, records were lost, or what was seen was cut short. Not
 * a pass of that: the rest of the case was judged.
 */
export const unjudged = z.object({
  aspect,
  reason: z.string(),
  /** Index of the workload step, when it is about one, or about those from there on. */
  step: step.exactOptional(),
});
export type Unjudged = z.infer<typeof unjudged>;

const notJudged = z.array(unjudged).exactOptional();

export const verdict = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('conforms'), unjudged: notJudged }),
  z.object({
    kind: z.literal('deviates'),
    deviations: z.array(deviation).min(1),
    /** Other revisions of the uAPI by which the same observation conforms. */
    conformsAs: z.array(z.enum(revisionIds)).exactOptional(),
    unjudged: notJudged,
  }),
  /** The spec does not say what must happen. */
  z.object({ kind: z.literal('unspecified'), reason: z.string() }),
  /** Nothing was tried: the kernel or the machine lacks what the case needs. Never a pass. */
  z.object({ kind: z.literal('not-run'), reason: z.string() }),
  /** The infrastructure failed: no judgement possible. Never a pass. */
  z.object({ kind: z.literal('lost'), reason: z.string() }),
]);
export type Verdict = z.infer<typeof verdict>;
export type VerdictKind = Verdict['kind'];
export const verdictKinds: readonly VerdictKind[] = verdict.options.map(({ shape }) => shape.kind.value);
