/**
 * Results: what a run leaves behind, format 1. A results directory holds
 *   summary.json  one RunSummary (run-summary.ts), replaced atomically while the run goes on; `complete` is false until
 *     the run has ended
 *   cases.jsonl   one CaseRecord a line, appended as cases finish
 *   findings.jsonl  one FindingRecord a line, when a finding has been made small and replayed; absent: nothing deviated
 *   findings/     their case files
 *   coverage.json, coverage/  lines of the kernel that were reached, and the cases that reached something first; only
 *     when asked for
 *   console.log   the kernel log of every guest, one after the other
 * A run that was killed therefore leaves everything it finished, and says itself that it is incomplete.
 *
 * The schemas are the one description of the format: the types are derived from them, and whoever reads stored results
 * checks them by these before anything is said about them. Fields that a newer version adds are left out on reading.
 */
import { z } from 'zod';
import { messageOf } from './errors.ts';
import { fromJsonSafe } from './json-safe.ts';
import { parseObservation, type ObservationParse } from './observation-schema.ts';
import { verdict } from './verdict.ts';

export const RESULTS_FORMAT = 1;

const count = z.int().min(0);

/** In how many of so many replays, each in a fresh guest, the case showed the same. */
export const reliabilityCount = z.object({ shown: count, of: z.int().min(1) });
export type ReliabilityCount = z.infer<typeof reliabilityCount>;

export const caseRecord = z.object({
  /** Position in the run, from 0; a shard keeps the positions of the undivided run. */
  n: count,
  /** Id of the cell the case was drawn for; absent in fuzzing. */
  cell: z.string().exactOptional(),
  /** Content address of the case: sha256 of its canonical JSON, hexadecimal. */
  hash: z.string().min(1),
  /** One line for people: what is special about this case, with the border values. */
  note: z.string(),
  seed: z.int(),
  /** Milliseconds from the start of the run to the end of this case; absent: not measured. Only timings read it. */
  atMs: z.number().min(0).exactOptional(),
  verdict,
  /** Places of the kernel's code that no case of the run had reached before; absent: none, or not asked for. */
  newPlaces: count.exactOptional(),
  /**
   * The case itself, encoded; always there for deviations. Decoded where it is shown: a case of a newer schema must not
   * make the rest unreadable.
   */
  case: z.unknown().exactOptional(),
  /** Only for deviations and lost cases; see `jsonSafe` for the form of bigint and bytes. */
  observation: z.unknown().exactOptional(),
  /** Tail of the guest's console, for deviations the kernel log shows and for lost cases. */
  consoleTail: z.string().exactOptional(),
  /** How often the case was run, when not once: guests were lost while it ran. */
  tries: z.int().min(1).exactOptional(),
  /** The tries in which the kernel took its guest down, oldest first, with the end of each one's log. */
  crashes: z.array(z.object({ reason: z.string(), console: z.string() })).exactOptional(),
});
export type CaseRecord = z.infer<typeof caseRecord>;

/** How far a finding's case was made smaller. */
const minimised = z.object({
  /** How often a smaller form was found, and how many forms were run. */
  steps: count,
  tried: count,
  /** `minimal`: no smaller form shows it. */
  end: z.enum(['minimal', 'interrupted', 'out-of-time']),
});
export type Minimised = z.infer<typeof minimised>;

export const findingRecord = z.object({
  /** As reports print it; absent in results of older versions. */
  id: z.string().exactOptional(),
  /** The rule or behaviour that is contradicted. */
  rule: z.string(),
  /** The case file, relative to the results directory. */
  file: z.string(),
  /** Absent: nobody tried. */
  minimised: minimised.exactOptional(),
  /** Why not. */
  notMinimised: z.string().exactOptional(),
  reliability: reliabilityCount.exactOptional(),
  /** The smallest case; `n`, `cell` and `seed` are those of the case that it was made from. */
  example: caseRecord,
});
export type FindingRecord = z.infer<typeof findingRecord>;

/** The observation that a record holds; undefined: it holds none. */
export const observationOf = ({ observation }: Pick<CaseRecord, 'observation'>): ObservationParse | undefined =>
  observation === undefined ? undefined : parseStored(observation);

function parseStored(observation: unknown): ObservationParse {
  try {
    return parseObservation(fromJsonSafe(observation));
  } catch (error) {
    // A number that is none.
    return { kind: 'invalid', reason: messageOf(error) };
  }
}

/** The first thing that is wrong with a stored value, with its place in the value. */
export function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  if (!issue) return 'not as the format says';
  return `${issue.path.join('.') || 'the value'}: ${issue.message}`;
}
