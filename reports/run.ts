/** A run as reports see it: the summary, one short entry a case, and whole records only where a reader needs them. */
import { concerning, reconcile, type ExpectedDeviation, type Place } from '../model/expectations.ts';
import type { CaseRecord } from '../model/results.ts';
import { noCounts, type CellInfo, type RunSummary, type Counts } from '../model/run-summary.ts';
import type { Verdict } from '../model/verdict.ts';
import type { RevisionId } from '../uapi/revision.ts';
import { Contradictions } from './contradictions.ts';
import { damageOf } from './damage.ts';
import type { ResultsProblem } from './errors.ts';
import { FindingCollector } from './findings.ts';
import { narrowed, type Finding } from './finding.ts';
import { readCases, readFindings, readSummary } from './read.ts';

export interface StoredCase {
  n: number;
  cell?: string;
  hash: string;
  note: string;
  seed: number;
  /** Milliseconds from the start of the run. */
  atMs?: number;
  kind: Verdict['kind'];
  /** unspecified, not run, lost: why. */
  reason?: string;
  /** It deviates, and conforms by these other revisions of the uAPI. */
  conformsAs?: readonly RevisionId[];
  /** What of it could not be judged, as one text; absent: all was, or what was not concerns the whole run. */
  unjudged?: string;
  /** It deviates, and only in ways that are expected. */
  expected?: true;
  /** Places of the kernel's code that it reached first. */
  newPlaces?: number;
}

/** Cases that were lost for one reason. */
export interface Loss {
  reason: string;
  cases: number[];
  /** The first of them, with the console's tail when there is one. */
  example: CaseRecord;
}

/** Cases that were judged in part, for one reason. */
export interface PartlyJudged {
  reason: string;
  cases: number[];
}

export interface Run {
  directory: string;
  summary: RunSummary;
  /** In the order of `n`. */
  cases: StoredCase[];
  /** Counted from the cases, not believed from the summary. */
  counts: Counts;
  /** Findings that nobody expects: these fail a run. */
  findings: Finding[];
  /** Findings that meet an expectation which has not run out. */
  expected: { finding: Finding; expectation: ExpectedDeviation }[];
  /** Expectations that ran out, or that were not met although what they are about was judged. */
  expectationNotices: readonly string[];
  losses: Loss[];
  /** What could not be judged in cases that were; not what a notice says of the whole run. */
  unjudged: PartlyJudged[];
  /** Hashes of cases that were judged differently within this run. */
  flaky: string[];
  /** What is wrong with the directory although it can be read; a run with damage is not a pass. */
  damage: string[];
}

/** Results of an iomapfuzz that did not store how many cases were planned: that none is missing cannot be said. */
export const planUnknown = ({ summary: { complete, planned } }: Pick<Run, 'summary'>): boolean =>
  complete && planned === undefined;

/**
 * Reads a whole results directory. `expectations`: known deviations that count instead of those that the run was
 * started with.
 */
export async function loadRun(
  directory: string,
  expectations?: readonly ExpectedDeviation[],
): Promise<{ kind: 'run'; run: Run } | ResultsProblem> {
  const opened = readSummary(directory);
  if (opened.kind !== 'summary') return opened;
  const { summary } = opened;
  const cells = new Map<string, CellInfo>(summary.cells.map((cell) => [cell.id, cell]));
  const findings = new FindingCollector();
  const losses = new Map<string, Loss>();
  const unjudged = new Map<string, PartlyJudged>();
  const cases: StoredCase[] = [];
  const damage: string[] = [];
  const counts = noCounts();
  const seen = new Set<number>();
  const judged = new Map<string, string>();
  const flaky = new Set<string>();
  const contradictions = new Contradictions(summary);

  for await (const line of readCases(directory)) {
    if (line.kind === 'truncated') {
      damage.push(`the last line of cases.jsonl (line ${line.line}) breaks off: the run was killed while it wrote`);
      continue;
    }
    if (line.kind !== 'case') return line;
    const { record } = line;
    if (seen.has(record.n)) {
      return {
        kind: 'corrupt',
        path: `${directory}/cases.jsonl`,
        line: line.line,
        detail: `there are two cases at position ${record.n}`,
      };
    }
    if (record.cell !== undefined && !cells.has(record.cell)) {
      return {
        kind: 'corrupt',
        path: `${directory}/cases.jsonl`,
        line: line.line,
        detail: `cell '${record.cell}' is not in summary.json`,
      };
    }
    seen.add(record.n);
    counts[record.verdict.kind] += 1;
    contradictions.addCase(line);
    const reasons = unjudgedOf(record, summary);
    for (const reason of reasons) noteUnjudged(unjudged, record, reason);
    cases.push({ ...toStored(record), ...(reasons.length > 0 && { unjudged: reasons.join('; ') }) });
    findings.add(record, record.cell === undefined ? undefined : cells.get(record.cell));
    if (record.verdict.kind === 'lost') noteLoss(losses, record, record.verdict.reason);
    if (record.verdict.kind === 'conforms' || record.verdict.kind === 'deviates') {
      if ((judged.get(record.hash) ?? record.verdict.kind) !== record.verdict.kind) flaky.add(record.hash);
      judged.set(record.hash, record.verdict.kind);
    }
  }
  cases.sort((a, b) => a.n - b.n);
  for (const line of readFindings(directory)) {
    if (line.kind === 'finding') findings.examined(line.record);
    contradictions.addFinding(line);
  }
  damage.push(...damageOf(summary, cases, counts), ...contradictions.texts);
  const { environment } = summary;
  for (const incident of summary.incidents ?? []) findings.addIncident(incident, summary.seed);
  const kernel = environment && { release: environment.kernelRelease, version: environment.kernelVersion };
  const here =
    expectations === undefined
      ? (summary.expectations ?? [])
      : kernel === undefined
        ? []
        : concerning(expectations, kernel);
  const reconciled = reconcile(findings.finish(summary.cells), here, {
    tried: judgedPlaces(summary, cases, cells),
    today: summary.startedAt.slice(0, 10),
    narrow: narrowed,
  });
  const bad = new Set(reconciled.unexpected.flatMap(({ cases: members }) => members));
  const known = new Set(reconciled.expected.flatMap(({ finding }) => finding.cases));
  // A case that deviates and is in no finding at all is no expected one.
  for (const one of cases) if (one.kind === 'deviates' && known.has(one.n) && !bad.has(one.n)) one.expected = true;
  return {
    kind: 'run',
    run: {
      directory,
      summary,
      cases,
      counts,
      findings: [...reconciled.unexpected],
      expected: [...reconciled.expected],
      expectationNotices: reconciled.notices,
      losses: [...losses.values()],
      unjudged: [...unjudged.values()],
      flaky: [...flaky],
      damage,
    },
  };
}

/**
 * Where a deviation would have shown: cells of the plan in which something was judged, rules that refused in a
 * campaign.
 */
function judgedPlaces(
  { covered = {} }: RunSummary,
  cases: readonly StoredCase[],
  cells: ReadonlyMap<string, CellInfo>,
): Place[] {
  const judged = new Set(
    cases.filter(({ kind }) => kind === 'conforms' || kind === 'deviates').flatMap(({ cell }) => cell ?? []),
  );
  return [
    ...[...judged].map((id) => cells.get(id)!),
    ...Object.keys(covered).map((place) => ({
      rule: place.split(' ')[0]!.replace(/@\w+$/, ''),
      path: place.split(' ')[1]!,
    })),
  ];
}

function toStored(record: CaseRecord): StoredCase {
  const { n, cell, hash, note, seed, atMs, verdict } = record;
  return {
    n,
    hash,
    note,
    seed,
    kind: verdict.kind,
    ...(record.newPlaces !== undefined && { newPlaces: record.newPlaces }),
    ...(cell !== undefined && { cell }),
    ...(atMs !== undefined && { atMs }),
    ...('reason' in verdict && { reason: verdict.reason }),
    ...('conformsAs' in verdict && verdict.conformsAs && { conformsAs: verdict.conformsAs }),
  };
}

/** What of a case was not judged, besides what a notice says of the whole run. */
function unjudgedOf({ verdict }: CaseRecord, { notices }: RunSummary): string[] {
  const { unjudged = [] } = 'unjudged' in verdict ? verdict : {};
  return [...new Set(unjudged.map(({ reason }) => reason))].filter(
    (reason) => !notices.some((notice) => notice.endsWith(reason)),
  );
}

function noteUnjudged(all: Map<string, PartlyJudged>, record: CaseRecord, reason: string): void {
  const key = reason.replace(/(0x)?[0-9a-f]*\d[0-9a-f]*/g, '#');
  const known = all.get(key);
  if (!known) all.set(key, { reason, cases: [record.n] });
  else if (!known.cases.includes(record.n)) known.cases.push(record.n);
}

/** Numbers in a reason (case, address, milliseconds) do not make it another reason. */
function noteLoss(losses: Map<string, Loss>, record: CaseRecord, reason: string): void {
  const key = reason.replace(/\d+/g, '#');
  const known = losses.get(key);
  if (known) known.cases.push(record.n);
  else losses.set(key, { reason, cases: [record.n], example: record });
}
