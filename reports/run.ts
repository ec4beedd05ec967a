/** A run as reports see it: the summary, one short entry a case, and whole records only where a reader needs them. */
import { concerning, reconcile, type ExpectedDeviation, type Place } from '../model/expectations.ts';
import type { CaseRecord } from '../model/results.ts';
import { placeOfLabel } from '../model/rule-label.ts';
import { aspectsNotJudged, PartlyJudgedCases, type PartlyJudged } from '../model/partly-judged.ts';
import { noCounts, type CellInfo, type RunSummary, type Counts } from '../model/run-summary.ts';
import type { Aspect, Verdict } from '../model/verdict.ts';
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
  /** Of what something was not judged in it, what concerns the whole run included; absent: all was. */
  aspectsNotJudged?: readonly Aspect[];
  /** It deviates, and only in ways that are expected. */
  expected?: true;
  /** Places of the kernel's code that it reached first. */
  newPlaces?: number;
}

/** Cases that were lost for one reason. */
interface Loss {
  reason: string;
  cases: number[];
  /** The first of them, with the console's tail when there is one. */
  example: CaseRecord;
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
  /** What could not be judged in cases that were; not what the summary says of the whole run. */
  unjudged: PartlyJudged[];
  /** How many cases these are. */
  partlyJudged: number;
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
  const partly = new PartlyJudgedCases(summary);
  const aspects = new Map<string, readonly Aspect[]>();
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
    const reasons = partly.add(record.n, record.verdict);
    const notJudged = once(aspects, aspectsNotJudged(record.verdict));
    cases.push({
      ...toStored(record),
      ...(reasons.length > 0 && { unjudged: reasons.join('; ') }),
      ...(notJudged.length > 0 && { aspectsNotJudged: notJudged }),
    });
    findings.add(record, record.cell === undefined ? undefined : cells.get(record.cell));
    if (record.verdict.kind === 'lost') noteLoss(losses, record, record.verdict.reason);
    // What conforms in part may hold what another run of the case showed.
    if (record.verdict.kind === 'deviates' || (record.verdict.kind === 'conforms' && reasons.length === 0)) {
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
      unjudged: partly.reasons,
      partlyJudged: partly.count,
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
  // Where something was not judged nobody can say that a deviation did not happen.
  const judged = new Set(
    cases
      .filter(({ kind, unjudged }) => (kind === 'conforms' || kind === 'deviates') && unjudged === undefined)
      .flatMap(({ cell }) => cell ?? []),
  );
  return [...[...judged].map((id) => cells.get(id)!), ...Object.keys(covered).map(placeOfLabel)];
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

/** One list for all cases that have the same: 100,000 of them need not a list each. */
function once(known: Map<string, readonly Aspect[]>, aspects: readonly Aspect[]): readonly Aspect[] {
  const key = aspects.join();
  const same = known.get(key);
  if (!same) known.set(key, aspects);
  return same ?? aspects;
}

/** Whether a deviation of this aspect would have shown in the case. */
export const judgedBy = ({ kind, aspectsNotJudged: not = [] }: StoredCase, aspect: Aspect): boolean =>
  (kind === 'deviates' || kind === 'conforms') && !not.includes(aspect);

/** Numbers in a reason (case, address, milliseconds) do not make it another reason. */
function noteLoss(losses: Map<string, Loss>, record: CaseRecord, reason: string): void {
  const key = reason.replace(/\d+/g, '#');
  const known = losses.get(key);
  if (known) known.cases.push(record.n);
  else losses.set(key, { reason, cases: [record.n], example: record });
}
