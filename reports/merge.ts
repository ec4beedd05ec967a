/**
 * Merges the results of shards into one directory that is what one machine would have left with the same seed: cases in
 * the order of their positions, one summary. Only timings, and what the machines themselves are, can differ.
 */
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ForeignFileError, requireOrdinary, requireUnlinked } from '../files/inside.ts';
import { makeDirectory } from '../files/make-directory.ts';
import type { LibertyUse } from '../model/liberties.ts';
import {
  MOST_INCIDENTS,
  noCounts,
  type Counts,
  type Environment,
  type Incident,
  type RunSummary,
} from '../model/run-summary.ts';
import { Contradictions } from './contradictions.ts';
import { damageOf } from './damage.ts';
import { explainProblem, type ResultsProblem } from './errors.ts';
import { missingShardsText } from './missing-shards.ts';
import { differenceOf, withoutShard, type Difference } from './one-run.ts';
import { readCases, readFindings, readSummary } from './read.ts';

export type MergeProblem =
  | { kind: 'results'; problem: ResultsProblem }
  /** Not parts of one run: they differ in `field`. */
  | Difference
  | { kind: 'same-shard'; shard: string; a: string; b: string }
  | { kind: 'overlap'; n: number; a: string; b: string }
  | { kind: 'occupied'; path: string };

const givenTwice = (directory: string): string => `${directory} is given twice; give every shard once`;

export function explainMerge(problem: MergeProblem): string {
  switch (problem.kind) {
    case 'results':
      return explainProblem(problem.problem);
    case 'different-runs':
      return `${problem.a} and ${problem.b} are not shards of one run: ${problem.field} differs (${problem.values.join(' and ')}); merge only shards that were started with the same options, on the same kernel`;
    case 'same-shard':
      return problem.a === problem.b
        ? givenTwice(problem.a)
        : `${problem.a} and ${problem.b} are both shard ${problem.shard}; give every shard once, and the one of them that is complete`;
    case 'overlap':
      return problem.a === problem.b
        ? givenTwice(problem.a)
        : `${problem.a} and ${problem.b} both hold the case at position ${problem.n}; give every shard once`;
    case 'occupied':
      return `${problem.path} already holds files; give another --out directory, or move those away`;
  }
}

interface Source {
  directory: string;
  summary: RunSummary;
  /** In cases.jsonl. */
  cases: { n: number; cell?: string }[];
  counts: Counts;
  /** What of it contradicts itself. */
  contradictions: string[];
}
interface Place {
  n: number;
  source: number;
  start: number;
  lengthBytes: number;
}

export async function mergeRuns(
  directories: string[],
  out: string,
): Promise<{ kind: 'merged'; summary: RunSummary } | MergeProblem> {
  if (existsSync(out) && readdirSync(out).length > 0) return { kind: 'occupied', path: out };
  const sources: Source[] = [];
  for (const directory of directories) {
    const opened = readSummary(directory);
    if (opened.kind !== 'summary') return { kind: 'results', problem: opened };
    const foreign = foreignFile(directory);
    if (foreign) return { kind: 'results', problem: foreign };
    sources.push({ directory, summary: opened.summary, cases: [], counts: noCounts(), contradictions: [] });
  }
  sources.sort((a, b) => (a.summary.shard?.index ?? 0) - (b.summary.shard?.index ?? 0));
  const difference = differenceOf(sources);
  if (difference) return difference;
  const twice = sameShard(sources);
  if (twice) return twice;
  const located = await locate(sources);
  if (located.kind !== 'located') return located;

  const summary = mergeSummaries(sources, located.truncated);
  // Beside its final place and renamed at the end: a merge that fails leaves nothing that looks like results.
  makeDirectory(dirname(out));
  removeAbandoned(out);
  const scratch = join(dirname(out), `.${basename(out)}.${String(process.pid)}.merging`);
  // What follows does not wait for anything: a signal is heard when it is over, and a SIGKILL leaves what the next
  // merge removes.
  const later = (): void => {
    /* the results are whole by then */
  };
  for (const signal of endingSignals) process.on(signal, later);
  try {
    mkdirSync(scratch);
    copyCases(sources, located.places, join(scratch, 'cases.jsonl'));
    copyFindings(sources, scratch);
    copyConsoles(sources, join(scratch, 'console.log'));
    writeFileSync(join(scratch, 'summary.json'), `${JSON.stringify(summary, undefined, 1)}\n`);
    if (existsSync(out)) rmSync(out, { recursive: true });
    renameSync(scratch, out);
  } catch (error) {
    rmSync(scratch, { recursive: true, force: true });
    throw error;
  } finally {
    for (const signal of endingSignals) process.off(signal, later);
  }
  return { kind: 'merged', summary };
}

/**
 * What is copied as it is, and is no regular file: a merge follows no link out of somebody's results, and waits for no
 * pipe.
 */
function foreignFile(directory: string): ResultsProblem | undefined {
  const findings = join(directory, 'findings');
  try {
    for (const name of ['console.log', 'cases.jsonl', 'findings.jsonl']) requireOrdinary(join(directory, name));
    requireUnlinked(findings);
    for (const name of existsSync(findings) ? readdirSync(findings) : []) requireOrdinary(join(findings, name));
    return undefined;
  } catch (error) {
    if (error instanceof ForeignFileError) return { kind: 'unreadable', path: error.path, detail: error.reason };
    return { kind: 'unreadable', path: findings, detail: error instanceof Error ? error.message : String(error) };
  }
}

const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Removes what merges into this directory left that were killed. */
function removeAbandoned(out: string): void {
  const prefix = `.${basename(out)}.`;
  for (const name of readdirSync(dirname(out))) {
    const writer = name.startsWith(prefix) ? /^(\d+)\.merging$/.exec(name.slice(prefix.length))?.[1] : undefined;
    if (writer !== undefined && !existsSync(`/proc/${writer}`))
      rmSync(join(dirname(out), name), { recursive: true, force: true });
  }
}

/** `sources` in the order of their shards. */
function sameShard(sources: readonly Source[]): MergeProblem | undefined {
  for (const [
    n,
    {
      directory,
      summary: { shard },
    },
  ] of sources.entries()) {
    const next = sources[n + 1];
    if (shard && next?.summary.shard?.index === shard.index)
      return { kind: 'same-shard', shard: `${shard.index} of ${shard.count}`, a: directory, b: next.directory };
  }
  return undefined;
}

/** Reads every shard once, keeping only where each line is. */
async function locate(
  sources: Source[],
): Promise<{ kind: 'located'; places: Place[]; truncated: string[] } | MergeProblem> {
  const places: Place[] = [];
  const owner = new Map<number, number>();
  const truncated: string[] = [];
  for (const [source, { directory, summary, cases, counts, contradictions: contradicting }] of sources.entries()) {
    const contradictions = new Contradictions(summary);
    for await (const line of readCases(directory)) {
      if (line.kind === 'truncated') {
        truncated.push(directory);
        continue;
      }
      if (line.kind !== 'case') return { kind: 'results', problem: line };
      const { n, cell, verdict } = line.record;
      const other = owner.get(n);
      if (other !== undefined) return { kind: 'overlap', n, a: sources[other]!.directory, b: directory };
      owner.set(n, source);
      counts[verdict.kind] += 1;
      contradictions.addCase(line);
      cases.push({ n, ...(cell !== undefined && { cell }) });
      places.push({ n, source, start: line.start, lengthBytes: line.lengthBytes });
    }
    for (const finding of readFindings(directory)) contradictions.addFinding(finding);
    contradicting.push(...contradictions.texts);
  }
  return { kind: 'located', places: places.sort((a, b) => a.n - b.n), truncated };
}

function mergeSummaries(sources: Source[], truncated: string[]): RunSummary {
  const summaries = sources.map(({ summary }) => summary);
  const [first] = summaries as [RunSummary, ...RunSummary[]];
  const {
    shard,
    endedBy: _endedBy,
    environment: _environment,
    planned: _planned,
    incidents: _incidents,
    omitted: _omitted,
    ...common
  } = first;
  const present = new Set(summaries.map((summary) => summary.shard?.index));
  const missing = shard
    ? Array.from({ length: shard.count }, (_, index) => index + 1).filter((index) => !present.has(index))
    : [];
  const endings = [
    ...sources
      .filter(({ summary }) => !summary.complete)
      .map(({ summary, directory }) => `shard ${summary.shard?.index ?? directory}: ${summary.endedBy ?? 'killed'}`),
    ...sources
      .filter(({ summary, directory }) => summary.complete && truncated.includes(directory))
      .map(({ directory }) => `${directory}: its cases break off`),
    ...sources.flatMap(({ summary, directory, cases, counts, contradictions }) =>
      [...damageOf(summary, cases, counts), ...contradictions].map((damage) => `${directory}: ${damage}`),
    ),
    ...(missing.length > 0 ? [missingShardsText(missing, shard!.count)] : []),
  ];
  const planned = summaries.map((summary) => summary.planned);
  const allIncidents = differentIncidents(summaries);
  const incidents = allIncidents.slice(0, MOST_INCIDENTS);
  const notices = [...new Set(summaries.flatMap((summary) => summary.notices))];
  const omissions = summaries.flatMap((summary) => summary.omitted ?? []);
  const omitted = {
    incidents: sum(omissions.map((one) => one.incidents)) + allIncidents.length - incidents.length,
    notices: sum(omissions.map((one) => one.notices)) + Math.max(notices.length - MOST_INCIDENTS, 0),
  };
  const environment = summaries.map((summary) => summary.environment).find((one) => one !== undefined);
  return {
    ...common,
    argv: withoutShard(first.argv),
    ...(first.kind === 'fuzz' && sources.length > 1 && { shards: sources.length }),
    startedAt: summaries.map(({ startedAt }) => startedAt).sort()[0]!,
    elapsedMs: Math.max(...summaries.map(({ elapsedMs }) => elapsedMs)),
    complete: endings.length === 0,
    ...(endings.length > 0 && { endedBy: endings.join('; ') }),
    ...(environment && { environment }),
    counts: sumOfCounts(sources),
    ...(first.liberties && { liberties: first.liberties.map((use) => sumOfUses(use, summaries)) }),
    // How many cases a shard was to have is known of those that are there.
    ...(missing.length === 0 &&
      planned.every((count) => count !== undefined) && { planned: planned.reduce((sum, count) => sum + count, 0) }),
    ...(incidents.length > 0 && { incidents }),
    ...(omitted.incidents + omitted.notices > 0 && { omitted }),
    notices: [...notices.slice(0, MOST_INCIDENTS), ...machineNotices(summaries)],
    vms: {
      booted: summaries.reduce((sum, { vms }) => sum + vms.booted, 0),
      lost: summaries.reduce((sum, { vms }) => sum + vms.lost, 0),
      bootMs: summaries.flatMap(({ vms }) => vms.bootMs),
    },
  };
}

function sumOfCounts(sources: readonly Source[]): Counts {
  const total = noCounts();
  for (const kind of Object.keys(total) as (keyof Counts)[])
    total[kind] = sum(sources.map(({ counts }) => counts[kind]));
  return total;
}

/** Each shard boots the same kernel, which says the same. */
function differentIncidents(summaries: readonly RunSummary[]): Incident[] {
  const different = new Map<string, Incident>();
  for (const one of summaries.flatMap(({ incidents = [] }) => incidents)) {
    const key = JSON.stringify([one.reason, one.when]);
    if (!different.has(key)) different.set(key, one);
  }
  return [...different.values()];
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

const sumOfUses = (use: LibertyUse, summaries: readonly RunSummary[]): LibertyUse => {
  const all = summaries.flatMap(({ liberties = [] }) => liberties.filter(({ name }) => name === use.name));
  return {
    ...use,
    reached: all.reduce((sum, { reached }) => sum + reached, 0),
    used: all.reduce((sum, { used }) => sum + used, 0),
  };
};

/** The merged summary carries the first shard's machine; where others differ in what can matter, it says so. */
function machineNotices(summaries: RunSummary[]): string[] {
  const keys: (keyof Environment)[] = ['accelerator', 'machine', 'qemuVersion'];
  return keys.flatMap((key) => {
    const values = [
      ...new Set(summaries.flatMap(({ environment }) => (environment ? [String(environment[key])] : []))),
    ];
    return values.length > 1 ? [`the shards ran with different ${key}: ${values.join(', ')}`] : [];
  });
}

function copyCases(sources: Source[], places: Place[], target: string): void {
  const files = sources.map(({ directory }) =>
    existsSync(join(directory, 'cases.jsonl')) ? openSync(join(directory, 'cases.jsonl'), 'r') : -1,
  );
  const out = openSync(target, 'w');
  let buffer = Buffer.alloc(1 << 16);
  try {
    for (const { source, start, lengthBytes } of places) {
      if (buffer.length < lengthBytes + 1) buffer = Buffer.alloc(2 * lengthBytes);
      readSync(files[source]!, buffer, 0, lengthBytes, start);
      buffer[lengthBytes] = 10;
      writeSync(out, buffer, 0, lengthBytes + 1);
    }
  } finally {
    closeSync(out);
    for (const file of files) if (file >= 0) closeSync(file);
  }
}

/**
 * Findings are told by their rule and place: those of several shards stand side by side, and a report takes the
 * smallest of each.
 */
function copyFindings(sources: Source[], target: string): void {
  for (const { directory } of sources) {
    // Half a line, as a killed run leaves one, would spoil the next one.
    const lines = readFindings(directory).flatMap((line) => (line.kind === 'truncated' ? [] : [`${line.text}\n`]));
    if (lines.length > 0) appendFileSync(join(target, 'findings.jsonl'), lines.join(''));
    const findings = join(directory, 'findings');
    if (!existsSync(findings)) continue;
    makeDirectory(join(target, 'findings'));
    for (const name of readdirSync(findings)) copyFileSync(join(findings, name), join(target, 'findings', name));
  }
}

function copyConsoles(sources: Source[], target: string): void {
  writeFileSync(target, '');
  for (const { directory, summary } of sources) {
    const path = join(directory, 'console.log');
    if (!existsSync(path)) continue;
    if (sources.length > 1) writeFileSync(target, `--- shard ${summary.shard?.index ?? directory}\n`, { flag: 'a' });
    appendFile(path, target);
  }
}

/** In pieces: a console log can be large. */
function appendFile(from: string, to: string): void {
  const [input, output] = [openSync(from, 'r'), openSync(to, 'a')];
  const buffer = Buffer.alloc(1 << 20);
  try {
    for (let count = readSync(input, buffer); count > 0; count = readSync(input, buffer))
      writeSync(output, buffer, 0, count);
  } finally {
    closeSync(input);
    closeSync(output);
  }
}
