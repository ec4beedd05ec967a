/** Schema of stored results: checks what comes from disk before anything is said about it. Types: model/results.ts. */
import { z } from 'zod';
import { expectation } from '../model/expectations.ts';

const count = z.int().min(0);

const byteKind = z.enum([
  'device',
  'unchanged',
  'writer',
  'server',
  'zeros',
  'untouched',
  'unknown',
  'nothing',
  'other device',
  'other writer',
  'other file',
  'other place',
]);

const facts = z.object({
  request: z.string().optional(),
  operation: z.string().optional(),
  differs: z.enum(['missing', 'extra', 'layout', 'fields', 'data']).optional(),
  fields: z.array(z.object({ name: z.string(), expected: z.string(), seen: z.string() })).optional(),
  flags: z.array(z.string()).optional(),
  errno: z.object({ expected: z.array(z.string()), seen: z.string() }).optional(),
  answered: z.object({ expected: z.literal(true).optional(), seen: z.literal(true).optional() }).optional(),
  value: z.string().optional(),
  bytes: z.object({ expected: z.array(byteKind), seen: byteKind }).optional(),
  condition: z.object({ expected: z.string().optional(), seen: z.string().optional() }).optional(),
});

const aspect = z.enum([
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
const unjudged = z.array(z.object({ aspect, reason: z.string(), step: count.optional() })).optional();

const deviation = z.object({
  rule: z.string(),
  aspect,
  expected: z.string(),
  seen: z.string(),
  step: count.optional(),
  facts: facts.optional(),
});

/**
 * What only a verdict that deviates says; a record that has it beside another verdict contradicts itself
 * (contradictions.ts).
 */
const stray = { deviations: z.unknown().optional(), conformsAs: z.unknown().optional() };

const verdict = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('conforms'), unjudged, ...stray, reason: z.unknown().optional() }),
  z.object({
    kind: z.literal('deviates'),
    deviations: z.array(deviation).min(1),
    conformsAs: z.array(z.enum(['r1', 'r2', 'r3'])).optional(),
    unjudged,
  }),
  z.object({ kind: z.literal('unspecified'), reason: z.string(), ...stray }),
  z.object({ kind: z.literal('not-run'), reason: z.string(), ...stray }),
  z.object({ kind: z.literal('lost'), reason: z.string(), ...stray }),
]);

const reliability = z.object({ shown: count, of: z.int().min(1) });

/** The case is decoded where it is shown, as that of a record. */
const shownBy = z.object({ case: z.unknown(), file: z.string(), reliability, finding: z.string() });

export const caseRecordSchema = z.object({
  n: count,
  cell: z.string().optional(),
  hash: z.string().min(1),
  note: z.string(),
  seed: z.int(),
  atMs: z.number().min(0).optional(),
  verdict,
  newPlaces: count.optional(),
  /** Decoded where it is shown: a case of a newer schema must not make the rest unreadable. */
  case: z.unknown().optional(),
  observation: z.unknown().optional(),
  consoleTail: z.string().optional(),
  tries: z.int().min(1).optional(),
  crashes: z.array(z.object({ reason: z.string(), console: z.string() })).optional(),
});

export const findingRecordSchema = z.object({
  id: z.string().optional(),
  rule: z.string(),
  file: z.string(),
  minimised: z
    .object({ steps: count, tried: count, end: z.enum(['minimal', 'interrupted', 'out-of-time']) })
    .optional(),
  notMinimised: z.string().optional(),
  reliability: reliability.optional(),
  example: caseRecordSchema,
});

const cellInfo = z.object({
  id: z.string(),
  rule: z.string(),
  half: z.enum(['read', 'write']).optional(),
  path: z.string(),
  border: z.enum(['violating', 'legal']).optional(),
  impossible: z.string().optional(),
});

const environment = z.object({
  kernelOrigin: z.string(),
  kernelRelease: z.string(),
  kernelVersion: z.string(),
  kernelImageHash: z.string(),
  kernelImageDate: z.string().optional(),
  kernelCommit: z.string().optional(),
  flavour: z.string().optional(),
  kernelConfig: z.array(z.string()),
  accelerator: z.string(),
  acceleratorReason: z.string(),
  machine: z.string(),
  qemuVersion: z.string(),
  memoryMiB: z.number(),
  nodeVersion: z.string(),
  hostCpus: z.number(),
});

export const summarySchema = z.object({
  format: z.int().min(1),
  kind: z.enum(['conformance', 'fuzz', 'corpus', 'repro']),
  toolVersion: z.string(),
  argv: z.array(z.string()),
  revision: z.enum(['r1', 'r2', 'r3']),
  seed: z.int(),
  shard: z.object({ index: z.int().min(1), count: z.int().min(1) }).optional(),
  shards: z.int().min(2).optional(),
  startedAt: z.iso.datetime(),
  elapsedMs: z.number().min(0),
  complete: z.boolean(),
  endedBy: z.string().optional(),
  runsPerCell: z.int().min(1).optional(),
  environment: environment.optional(),
  cells: z.array(cellInfo),
  counts: z.object({ conforms: count, deviates: count, unspecified: count, 'not-run': count, lost: count }),
  planned: count.optional(),
  incidents: z
    .array(
      z.object({
        reason: z.string(),
        when: z.string(),
        log: z.string(),
        candidates: z.array(z.string()).optional(),
        shownBy: shownBy.optional(),
      }),
    )
    .optional(),
  omitted: z.object({ incidents: count, notices: count }).optional(),
  notices: z.array(z.string()),
  vms: z.object({ booted: count, lost: count, bootMs: z.array(z.number()) }),
  expectations: z.array(expectation).optional(),
  covered: z.record(z.string(), count).optional(),
  liberties: z
    .array(z.object({ name: z.string(), clause: z.string(), effect: z.string(), reached: count, used: count }))
    .optional(),
  coverage: z
    .object({
      unavailable: z.string().optional(),
      places: count,
      files: z.array(z.object({ file: z.string(), reached: count, lines: count })).optional(),
      noLines: z.string().optional(),
      keptCases: count,
      cutCases: count.optional(),
    })
    .optional(),
});

/** The first thing that is wrong, with its place in the value. */
export function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  if (!issue) return 'not as the format says';
  return `${issue.path.join('.') || 'the value'}: ${issue.message}`;
}
