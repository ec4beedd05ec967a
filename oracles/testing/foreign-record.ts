/**
 * Records of a kernel of other authors (oracles/foreign), for tests that ask what the judge would make of a kernel that
 * did one thing otherwise.
 */
import { readFileSync } from 'node:fs';
import { decodeCase, type Case } from '../../model/case.ts';
import type { Exchange, Observation } from '../../model/observation.ts';
import { fromJsonSafe } from '../../model/json-safe.ts';

export interface ForeignRecord {
  of: Case;
  seen: Observation;
}

/** A copy of the record of that name, which the caller may change. */
export function foreignRecord(name: string): ForeignRecord {
  const { case: of, observation } = JSON.parse(
    readFileSync(new URL(`../foreign/${name}.json`, import.meta.url), 'utf8'),
  ) as { case: Parameters<typeof decodeCase>[0]; observation: unknown };
  return { of: decodeCase(of), seen: fromJsonSafe(observation) as Observation };
}

/** The `n`th request of that name, from 0. */
export function requestOf({ seen }: ForeignRecord, name: string, n = 0): Exchange {
  const found = seen.transcript.filter((one) => one.name === name)[n];
  if (!found) throw new Error(`the record has no ${name} number ${n}`);
  return found;
}

const renumber = ({ seen }: ForeignRecord): void =>
  seen.transcript.forEach((one, seq) => {
    one.seq = seq;
  });

/** Takes a request out. */
export function drop(record: ForeignRecord, name: string, n = 0): void {
  record.seen.transcript.splice(record.seen.transcript.indexOf(requestOf(record, name, n)), 1);
  renumber(record);
}

/** Puts a request behind another one, or in front of it. */
export function insert(
  record: ForeignRecord,
  what: Exchange,
  place: { behind: Exchange } | { before: Exchange },
): void {
  const at =
    'behind' in place ? record.seen.transcript.indexOf(place.behind) + 1 : record.seen.transcript.indexOf(place.before);
  record.seen.transcript.splice(at, 0, structuredClone(what));
  renumber(record);
}

/** Moves a request behind another one. */
export function moveBehind(record: ForeignRecord, what: Exchange, behind: Exchange): void {
  record.seen.transcript.splice(record.seen.transcript.indexOf(what), 1);
  record.seen.transcript.splice(record.seen.transcript.indexOf(behind) + 1, 0, what);
  renumber(record);
}
