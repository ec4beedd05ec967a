/** Replaying one case: what each replay saw, and how reliably a deviation shows. */
import { statSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../../model/errors.ts';
import type { Case } from '../../model/case.ts';
import type { KernelFacts } from '../../model/channel.ts';
import type { Observation } from '../../model/observation.ts';
import { noCounts } from '../../model/run-summary.ts';
import { findingsKey, showsFinding } from '../../model/finding/cause.ts';
import { unjudgedIn } from '../../model/partly-judged.ts';
import type { Deviation, Unjudged, Verdict } from '../../model/verdict.ts';
import { readCaseFile } from './case-file.ts';
import { verdictOf } from './conformance.ts';
import { execute, type GuestSource, type Outcome } from './execute.ts';
import { lossesOf } from './outcome.ts';

/** What a command line calls a case: a file, or the seed of a campaign with fast-check's path to one of its cases. */
export type CaseReference = { kind: 'file'; path: string } | { kind: 'seed'; seed: number; path?: string };

/** Makes the case of a seed and path again. Throws UsageError when there is none. */
export type CasesOfSeeds = (seed: number, path: string | undefined) => Case;

/** A file of that name is meant before a seed. */
export function parseReference(text: string): CaseReference {
  const match = /^(\d{1,10})(?::(\d+(?::\d+)*))?$/.exec(text);
  if (!match || statSync(text, { throwIfNoEntry: false })) return { kind: 'file', path: text };
  return { kind: 'seed', seed: Number(match[1]), ...(match[2] !== undefined && { path: match[2] }) };
}

/** Throws UsageError that says what is wrong. */
export function resolveCase(reference: CaseReference, ofSeeds?: CasesOfSeeds): Case {
  if (reference.kind === 'file') {
    const reason = whyNoCase(reference.path);
    if (reason !== undefined) throw new UsageError(reason);
    return readCaseFile(reference.path);
  }
  const numbers = [reference.seed, ...(reference.path ?? '').split(':').map(Number)];
  if (numbers.some((number) => number > MOST)) {
    throw new UsageError(
      `${[reference.seed, ...(reference.path === undefined ? [] : [reference.path])].join(':')}: seeds and numbers of cases go up to ${MOST}; ${asPrinted}`,
    );
  }
  if (ofSeeds) return ofSeeds(reference.seed, reference.path);
  throw new UsageError(
    `${reference.seed} is a seed, and this version has no campaigns that cases could be drawn from; give the case file that the results hold`,
  );
}

/** As --seed takes them; a campaign has no more cases either. */
const MOST = 0x7fff_ffff;
const asPrinted = 'give SEED:NUMBER as the report of the campaign prints it, such as 7:0 or 7:12:3';

/** Why no case file is called `text`; undefined: there is something to read. */
function whyNoCase(text: string): string | undefined {
  const stats = statOf(text);
  if (stats?.isDirectory()) return `${text} is a directory, and a case is one file: ${casesIn(text)}`;
  if (stats) return undefined;
  const [, before = '', behind = ''] = /^(.*?)(:[^/]*)$/.exec(text) ?? [];
  if (/^-?\d+$/.test(before === '' ? text : before))
    return `${text} is neither a file nor a case of a campaign: ${asPrinted}`;
  const named = statOf(before);
  if (named?.isDirectory()) return `${before} is a directory, and a case is one file: ${casesIn(before)}`;
  if (named) return `there is no file ${text}: ${before} holds one case and is given alone, without ${behind}`;
  return `there is no file ${text}; give a case file, such as findings/*.case.json of results, or SEED:NUMBER of a campaign`;
}

const statOf = (path: string): Stats | undefined => {
  try {
    return path === '' ? undefined : statSync(path, { throwIfNoEntry: false });
  } catch {
    // A part of the path is a file, or it may not be read: whoever reads it says so.
    return undefined;
  }
};

const casesIn = (directory: string): string =>
  statOf(join(directory, 'findings'))
    ? `those of its findings are ${join(directory, 'findings')}/*.case.json`
    : 'name the file in it';

export interface Replay {
  outcome: Outcome;
  verdict: Verdict;
}

/** Judged alone: without a cell of the plan there is no rule that the case has to meet. */
const noCell = { id: '', rule: '', path: '' };
export const verdictAlone = (testCase: Case, outcome: Outcome, facts: KernelFacts): Verdict =>
  verdictOf({ cell: noCell, case: testCase }, outcome, facts);

/** Replays one after the other, each one try in the guest that the source gives; `source` decides how fresh that is. */
export async function* replay(
  source: GuestSource,
  testCase: Case,
  times: number,
  facts: KernelFacts,
  signal?: AbortSignal,
): AsyncGenerator<Replay> {
  for (let n = 0; n < times && !signal?.aborted; n += 1) {
    for await (const { outcome } of execute(source, [testCase], { tries: 1, ...(signal && { signal }) })) {
      yield { outcome, verdict: verdictAlone(testCase, outcome, facts) };
    }
  }
}

export interface Reliability {
  times: number;
  counts: Record<Verdict['kind'], number>;
  /** Of the replays that conform, those of which something was not judged. */
  inPart: number;
  /** What was seen in the first replay that is like most of those that count, and what of it was not judged. */
  observation?: Observation;
  unjudged?: readonly Unjudged[];
  /** What most replays that deviate agree in; undefined: none deviates. */
  shown?: { deviations: readonly Deviation[]; times: number; consoleTail: readonly string[] };
}

/** Replays that show a finding, whatever else they show. */
export const replaysShowing = (id: string, replays: readonly Replay[]): Replay[] =>
  replays.filter(({ verdict }) => verdict.kind === 'deviates' && showsFinding(id, verdict.deviations));

export function reliabilityOf(replays: readonly Replay[]): Reliability {
  const counts: Reliability['counts'] = noCounts();
  const groups = new Map<string, { first: Replay; deviations: readonly Deviation[]; times: number }>();
  for (const one of replays) {
    counts[one.verdict.kind] += 1;
    if (one.verdict.kind !== 'deviates') continue;
    const key = findingsKey(one.verdict.deviations);
    const group = groups.get(key) ?? { first: one, deviations: one.verdict.deviations, times: 0 };
    group.times += 1;
    groups.set(key, group);
  }
  const [most] = [...groups.values()].sort((a, b) => b.times - a.times);
  const conforming = replays.filter(({ verdict }) => verdict.kind === 'conforms');
  const inPart = conforming.filter(({ verdict }) => unjudgedIn(verdict).length > 0);
  // What was judged whole says most.
  const replay = most?.first ?? conforming.find((one) => !inPart.includes(one)) ?? conforming[0] ?? replays[0];
  const outcome = replay?.outcome;
  const unjudged = replay ? unjudgedIn(replay.verdict) : [];
  return {
    times: replays.length,
    counts,
    inPart: inPart.length,
    ...(unjudged.length > 0 && { unjudged }),
    ...(outcome?.kind === 'observed' && { observation: outcome.observation }),
    ...(most && {
      shown: {
        deviations: most.deviations,
        times: most.times,
        consoleTail: (outcome && lossesOf(outcome).at(-1)?.consoleTail) ?? [],
      },
    }),
  };
}

/**
 * As docs/architecture.md says: 1 deviates, 3 lost or interrupted, 4 nothing judged, 0 conforms. `asked`: replays that
 * were to be made.
 */
export function exitCodeOf({ counts, times }: Reliability, asked: number): 0 | 1 | 3 | 4 {
  if (counts.deviates > 0) return 1;
  if (counts.lost > 0 || times < asked) return 3;
  return counts.conforms > 0 ? 0 : 4;
}
