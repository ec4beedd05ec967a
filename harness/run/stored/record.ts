/**
 * One stored observation, as results and records of other kernels hold it: what was run, what was seen, and what was
 * made of it.
 */
import type { z } from 'zod';
import { incidentDeviation } from '../../../model/incident.ts';
import { messageOf } from '../../../model/errors.ts';
import type { Case } from '../../../model/case.ts';
import { parseObservation } from '../../../model/observation-schema.ts';
import type { Observation } from '../../../model/observation.ts';
import { fromJsonSafe } from '../../../model/json-safe.ts';
import {
  deviation,
  unjudged,
  verdictKinds,
  type Deviation,
  type Unjudged,
  type Verdict,
} from '../../../model/verdict.ts';
import type { Numbers } from '../../../uapi/numbers.ts';
import { decodeAnySchema, explainFailure } from '../case-file.ts';
import { crashDeviation } from '../crash-deviation.ts';

/** Where a record stands. */
export interface Place {
  /** As the caller named it, or a path below that. */
  file: string;
  /** Line of a file that has one record a line, from 1. */
  line?: number;
  /** Position in an array of records, from 0. */
  index?: number;
  /** Position of the case in its run. */
  n?: number;
  /** Cell of the plan that the case was drawn for. */
  cell?: string;
  note?: string;
}

export interface StoredRecord {
  kind: 'record';
  place: Place;
  case: Case;
  observation: Observation;
  /** The verdict that the record holds: the one of its run, or the one that is known to be right. */
  recorded?: Verdict['kind'];
  /** Channels that the kernel lacked by the recorded verdict. */
  unjudged?: readonly Unjudged[];
  /** Of the kernel's uAPI, as its run says; absent: those of the case's revision. */
  numbers?: Numbers;
  /** Tries in which the kernel went down or hung before this was observed, as the run judged them. */
  crashes: readonly Deviation[];
}

export type StoredItem =
  | JudgeableItem
  /** A file in a directory whose name is none of a file of records: it was not read. */
  | { kind: 'other-file'; place: Place };

export type JudgeableItem =
  | StoredRecord
  /**
   * What the kernel did, and no observation shows: outside of cases, or in a case that it did not let come to an end.
   */
  | { kind: 'incident'; place: Place; deviations: Deviation[]; recorded?: Verdict['kind'] }
  /** There is nothing to judge, for a good reason. */
  | { kind: 'nothing'; place: Place; reason: string }
  /** It cannot be read as a record. */
  | { kind: 'unreadable'; place: Place; reason: string };

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Reads a value from JSON. Never throws: what is wrong with it is the reason. */
export function storedItem(json: unknown, place: Place): JudgeableItem {
  try {
    return read(json, place);
  } catch (error) {
    return { kind: 'unreadable', place, reason: messageOf(error) };
  }
}

function read(json: unknown, place: Place): JudgeableItem {
  if (!isObject(json))
    return { kind: 'unreadable', place, reason: 'a record is an object with a case and an observation' };
  // A line of findings.jsonl.
  if (isObject(json['example']) && typeof json['rule'] === 'string') return read(json['example'], place);
  if (isCaseAlone(json))
    return { kind: 'nothing', place, reason: 'a case without an observation; `iomapfuzz repro` runs it' };
  const named: Place = {
    ...place,
    ...(Number.isSafeInteger(json['n']) && { n: json['n'] as number }),
    ...(typeof json['cell'] === 'string' && json['cell'] !== '' && { cell: json['cell'] }),
    ...(typeof json['note'] === 'string' && json['note'] !== '' && { note: json['note'] }),
  };
  const recorded = recordedVerdict(json['verdict']);
  if (json['case'] === undefined && json['observation'] === undefined && recorded === undefined) {
    return { kind: 'unreadable', place: named, reason: 'it holds neither a case nor an observation' };
  }
  if (json['observation'] === undefined) {
    const crashes = crashesOf(json);
    if (crashes.length > 0)
      return { kind: 'incident', place: named, deviations: crashes, ...(recorded !== undefined && { recorded }) };
    // Results keep what was seen of deviations only.
    if (recorded !== undefined)
      return { kind: 'nothing', place: named, reason: `no observation was stored (${recorded})` };
    return { kind: 'unreadable', place: named, reason: 'it holds no observation' };
  }
  const parsedCase = decodeAnySchema(json['case']);
  if (parsedCase.kind !== 'case')
    return { kind: 'unreadable', place: named, reason: explainFailure(parsedCase).split('\n').slice(0, 2).join(' ') };
  const parsed = parseObservation(fromJsonSafe(json['observation']));
  if (parsed.kind === 'invalid')
    return { kind: 'unreadable', place: named, reason: `the observation is not valid: ${parsed.reason}` };
  const notJudged = unjudgedOf(json['verdict']);
  return {
    kind: 'record',
    place: named,
    case: parsedCase.case,
    observation: parsed.observation,
    ...(recorded !== undefined && { recorded }),
    ...(notJudged.length > 0 && { unjudged: notJudged }),
    crashes: crashesOf(json),
  };
}

/** What the try that was observed does not undo. */
function crashesOf({ crashes, tries, verdict }: Record<string, unknown>): Deviation[] {
  if (!Array.isArray(crashes) || crashes.length === 0) return [];
  const judged = partsOf(verdict, 'deviations', deviation).filter(
    ({ rule, aspect }) => (rule === 'kernel/healthy' || rule === 'kernel/hang') && aspect === 'kernel-log',
  );
  if (judged.length > 0) return judged;
  const [first] = crashes as unknown[];
  const reason = isObject(first) && typeof first['reason'] === 'string' ? first['reason'] : 'the kernel went down';
  return [crashDeviation(reason, crashes.length, Number.isSafeInteger(tries) ? (tries as number) : crashes.length + 1)];
}

/** A case file: it stands for itself. */
export const isCaseAlone = (json: Record<string, unknown>): boolean =>
  'schema' in json && 'workload' in json && !('observation' in json);

/** `conforms`, or an object of that kind. */
function recordedVerdict(value: unknown): Verdict['kind'] | undefined {
  const kind = isObject(value) ? value['kind'] : value;
  return verdictKinds.find((one) => one === kind);
}

/** Of the channels by which a kernel reports. */
const unjudgedOf = (verdict: unknown): Unjudged[] =>
  partsOf(verdict, 'unjudged', unjudged).filter(({ aspect }) => aspect === 'trace-event' || aspect === 'warn');

/** What is as the format says in a list of a stored verdict; the rest of a record need not be. */
function partsOf<T>(verdict: unknown, name: string, part: z.ZodType<T>): T[] {
  const list = isObject(verdict) ? verdict[name] : undefined;
  return (Array.isArray(list) ? list : []).flatMap((one: unknown) => part.safeParse(one).data ?? []);
}

/** What summary.json of a results directory says that the kernel did outside of cases; another file has none. */
export function storedIncidents(json: unknown, file: string): JudgeableItem[] {
  if (!isObject(json) || !Array.isArray(json['incidents'])) return [];
  return json['incidents'].map((one): JudgeableItem => {
    const place = { file, ...(isObject(one) && typeof one['when'] === 'string' && { note: one['when'] }) };
    if (!isObject(one) || typeof one['reason'] !== 'string')
      return { kind: 'unreadable', place, reason: 'an incident without a reason' };
    return { kind: 'incident', place, deviations: [incidentDeviation({ reason: one['reason'] })] };
  });
}
