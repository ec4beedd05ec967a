/** What changed between two runs, or over a history of them. The last run is judged against the one before. */
import type { Severity } from '../model/finding/severity.ts';
import { rowLabel } from '../model/rule-label.ts';
import type { CellInfo, Environment } from '../model/run-summary.ts';
import type { Aspect } from '../model/verdict.ts';
import { gapsBetween, triedLess, type Gap } from './compare-scope.ts';
import { isFlaky, placesText, reliabilityText, type Finding } from './finding.ts';
import { buildMatrix, matrixCells, type BorderOutcome, type MatrixCell } from './matrix.ts';
import { judgedBy, planUnknown, type Run } from './run.ts';
import { numbersText } from './uapi-header-text.ts';

interface ComparedFinding {
  id: string;
  key: string;
  rule: string;
  /** What deviated, in the run that shows it last. */
  title: string;
  paths: readonly string[];
  before?: string;
  after?: string;
  /** gone, flaky: what this rests on. */
  note?: string;
}

export interface CellChange {
  /**
   * `map/length-nonzero@read seek-data`; `map/length-nonzero@read seek-data (violating side)` where only that side of
   * the border changed.
   */
  cell: string;
  before: string;
  after: string;
  reason: string;
}

export interface Difference {
  field: string;
  before: string;
  after: string;
}

export interface Comparison {
  before: { directory: string; startedAt: string };
  after: { directory: string; startedAt: string };
  new: ComparedFinding[];
  gone: ComparedFinding[];
  changed: ComparedFinding[];
  /**
   * Do not show each time, and showed before; or come and go although neither the kernel nor the tool changed. A crash
   * or wrong bytes that were never seen before are new all the same.
   */
  flaky: ComparedFinding[];
  /** Still there and the same. */
  same: ComparedFinding[];
  /** In the new run and expected there: neither new nor gone. */
  expected: ComparedFinding[];
  /** Were judged before and are not judged now; lost ones included. Never a pass. */
  newlyNotRun: CellChange[];
  newlyRun: CellChange[];
  /** Sides of cells where all was judged of some case before, and something was left out of every case now. */
  newlyInPart: CellChange[];
  /** Were judged in neither run, although they can exist. */
  neverRun: CellChange[];
  /** Were there before, and what shows them was not tried again: neither gone nor still there. */
  notTried: ComparedFinding[];
  /** What one of the runs tried less than the other. */
  gaps: Gap[];
  /** One kernel image: whatever is new was drawn or judged otherwise. */
  sameImage: boolean;
  /** Kernel and config: what can explain a change. */
  kernel: Difference[];
  /** Tool, revision, seed, machine: what makes two runs less comparable. */
  circumstances: Difference[];
  /**
   * 0 no regression, 1 regression, 3 no verdict (a run lost cases, is incomplete, or tried less than the other), 4
   * nothing was judged in the new run.
   */
  exitCode: 0 | 1 | 3 | 4;
}

/** What nobody waits for a second sight of. */
const GRAVE: ReadonlySet<Severity> = new Set(['crash', 'bytes'] as const);

/** `runs`, oldest first; at least two. */
export function compareRuns(runs: Run[]): Comparison {
  const after = runs.at(-1)!;
  const before = runs.at(-2)!;
  const old = index(before.findings);
  const now = index(after.findings);
  const afterCells = cellsOf(after);
  const unstable = flakyKeys(runs);
  const shownBefore = new Set(runs.slice(0, -1).flatMap((run) => allOf(run).map(({ key }) => key)));
  const awaited = new Set(after.expected.map(({ finding }) => finding.key));
  const awaitedBefore = new Set(before.expected.map(({ finding }) => finding.key));
  const comparison: Comparison = {
    before: { directory: before.directory, startedAt: before.summary.startedAt },
    after: { directory: after.directory, startedAt: after.summary.startedAt },
    new: [],
    gone: [],
    changed: [],
    flaky: [],
    same: [],
    notTried: [],
    gaps: gapsBetween(before, after),
    expected: after.expected.map(({ finding, expectation: { reason, expires } }) => ({
      ...named(finding),
      after: shape(finding),
      note: `${reason} (until ${expires})`,
    })),
    ...compareCells(cellsOf(before), afterCells),
    sameImage: sameImage(before, after),
    kernel: [...differences(kernelFacts(before), kernelFacts(after)), ...configDifferences(before, after)],
    circumstances: differences(circumstances(before), circumstances(after)),
    exitCode: 0,
  };
  const beforeCells = cellsOf(before);
  const noteOf = (finding: Finding): { note?: string } => {
    if (awaitedBefore.has(finding.key)) return { note: 'it was expected before and is not any more' };
    const wasTried = finding.ofRun || finding.places.some((place) => judgedIn(place, after, before, beforeCells));
    return wasTried ? {} : { note: 'what shows it was not tried in the earlier run' };
  };
  for (const [key, finding] of now) {
    const earlier = old.get(key);
    const entry = { ...named(finding), ...(earlier && { before: shape(earlier) }), after: shape(finding) };
    const unsteady = unstable.get(key);
    // A race shows now and then: that is no reason to pass it when it shows for the first time.
    const isFirst = !shownBefore.has(key) && (GRAVE.has(finding.severity) || !unsteady?.comesAndGoes);
    if (unsteady && isFirst) comparison.new.push({ ...entry, note: unsteady.note });
    else if (unsteady) comparison.flaky.push({ ...entry, note: unsteady.note });
    else if (!earlier) comparison.new.push({ ...entry, ...noteOf(finding) });
    // One kernel that is asked other questions gives other answers: no change either.
    else
      ((sameImage(before, after) && before.summary.seed !== after.summary.seed) ||
      showAlike(earlier, finding, { before, after })
        ? comparison.same
        : comparison.changed
      ).push(entry);
  }
  for (const [key, finding] of old) {
    if (now.has(key) || awaited.has(key)) continue;
    const entry = { ...named(finding), before: shape(finding) };
    const unsteady = unstable.get(key);
    if (unsteady) comparison.flaky.push({ ...entry, note: unsteady.note });
    // A deviation that was not looked for again is not gone.
    else if (judgedAgain(finding, before, after, afterCells)) comparison.gone.push(entry);
    else comparison.notTried.push(entry);
  }
  takeChanged(comparison);
  comparison.exitCode = exitCodeOf(comparison, after);
  return comparison;
}

function exitCodeOf(comparison: Comparison, after: Run): Comparison['exitCode'] {
  if (comparison.new.length > 0) return 1;
  if (after.counts.conforms + after.counts.deviates === 0)
    return after.counts.lost > 0 || !after.summary.complete ? 3 : 4;
  if (after.counts.lost > 0 || !after.summary.complete || after.damage.length > 0 || planUnknown(after)) return 3;
  if (comparison.newlyNotRun.length > 0) return 1;
  const { notTried, newlyInPart, gaps } = comparison;
  return notTried.length > 0 || newlyInPart.length > 0 || gaps.some(({ noVerdict }) => noVerdict) ? 3 : 0;
}

const allOf = ({ findings, expected }: Run): Finding[] => [...findings, ...expected.map(({ finding }) => finding)];
const index = (findings: Finding[]): Map<string, Finding> => new Map(findings.map((finding) => [finding.key, finding]));

/** On the same paths, as far as both runs judged what shows it there. */
function showAlike(old: Finding, now: Finding, { before, after }: { before: Run; after: Run }): boolean {
  const [paths, pathsNow] = [new Set(old.paths), new Set(now.paths)];
  const cells = new Map([before, after].map((run) => [run, cellsOf(run)]));
  const isNew = (place: Finding['places'][number], known: ReadonlySet<string>, from: Run, to: Run): boolean =>
    !known.has(place.path) && judgedIn(place, from, to, cells.get(to)!);
  return (
    !now.places.some((place) => isNew(place, paths, after, before)) &&
    !old.places.some((place) => isNew(place, pathsNow, before, after))
  );
}

/** What shows in another way than before, by the same rule and in the same place, is neither new nor gone. */
function takeChanged(comparison: Comparison): void {
  for (const now of [...comparison.new]) {
    const old = comparison.gone.find(
      ({ rule, paths }) => rule === now.rule && paths.some((path) => now.paths.includes(path)),
    );
    if (!old || now.note !== undefined) continue;
    comparison.new.splice(comparison.new.indexOf(now), 1);
    comparison.gone.splice(comparison.gone.indexOf(old), 1);
    comparison.changed.push({ ...now, ...(old.before !== undefined && { before: old.before }) });
  }
}

const named = ({
  id,
  key,
  rule,
  title,
  paths,
}: Finding): Pick<ComparedFinding, 'id' | 'key' | 'rule' | 'title' | 'paths'> => ({ id, key, rule, title, paths });

/** For people: what deviates in the smallest case, and where else. */
const shape = (finding: Finding): string => `${finding.title} (on ${placesText(finding)})`;

/** In all cells that showed it, or in one that is enough to say that it is gone. */
const judgedAgain = (finding: Finding, before: Run, after: Run, cells: Map<string, MatrixCell>): boolean =>
  finding.places.every((place) => judgedIn(place, before, after, cells));

/** Whether the other run would have shown there what one run shows: by the channel that shows it, not by any. */
function judgedIn(
  { cell, cases, deviation: { aspect } }: Finding['places'][number],
  before: Run,
  after: Run,
  cells: Map<string, MatrixCell>,
): boolean {
  const info = before.summary.cells.find(({ id }) => id === cell);
  if (!info) return drawnAgain(cases, aspect, before, after);
  const border = cells.get(cellKey(info.rule, info.half, info.path))?.borders.find((one) => one.info.id === info.id);
  return border?.cases.some((one) => judgedBy(one, aspect)) === true;
}

/** Of campaigns, which have no cells: a whole one that tried as much, and the same cases where it has them. */
function drawnAgain(cases: readonly number[], aspect: Aspect, before: Run, after: Run): boolean {
  if (!after.summary.complete || after.counts.conforms === 0 || triedLess(after, before)) return false;
  const numbers = new Set(cases);
  const hashes = new Set(before.cases.flatMap(({ n, hash }) => (numbers.has(n) ? [hash] : [])));
  const same = after.cases.filter(({ hash }) => hashes.has(hash));
  return (same.length > 0 ? same : after.cases).some((one) => judgedBy(one, aspect));
}

/**
 * Flaky: judged differently in repetitions of one case; or, between runs of one kernel by one tool and seed, there and
 * not there although its cell was judged in both.
 */
function flakyKeys(runs: Run[]): Map<string, { note: string; comesAndGoes: boolean }> {
  const notes = new Map<string, { note: string; comesAndGoes: boolean }>();
  for (const run of runs.slice(-2)) {
    const hashes = new Set(run.flaky);
    const positions = new Set(run.cases.filter(({ hash }) => hashes.has(hash)).map(({ n }) => n));
    for (const finding of run.findings) {
      const { key, cases } = finding;
      if (isFlaky(finding)) notes.set(key, { note: reliabilityText(finding)!, comesAndGoes: false });
      if (cases.some((n) => positions.has(n)))
        notes.set(key, { note: 'one case was judged differently when repeated', comesAndGoes: false });
    }
  }
  for (let later = 1; later < runs.length; later += 1) {
    const [a, b] = [runs[later - 1]!, runs[later]!];
    if (!sameExperiment(a, b)) continue;
    // What is expected in one of them is there all the same.
    const [left, right] = [index(allOf(a)), index(allOf(b))];
    for (const [one, other, from, to] of [
      [left, right, a, b],
      [right, left, b, a],
    ] as const) {
      const cells = cellsOf(to);
      for (const [key, finding] of one) {
        if (!other.has(key) && judgedAgain(finding, from, to, cells))
          notes.set(key, {
            note: `it comes and goes with the same kernel, tool and seed (${from.directory} has it, ${to.directory} does not)`,
            comesAndGoes: true,
          });
      }
    }
  }
  return notes;
}

const sameImage = (a: Run, b: Run): boolean =>
  a.summary.environment !== undefined &&
  a.summary.environment.kernelImageHash === b.summary.environment?.kernelImageHash;

const sameExperiment = (a: Run, b: Run): boolean =>
  sameImage(a, b) &&
  a.summary.toolVersion === b.summary.toolVersion &&
  a.summary.seed === b.summary.seed &&
  a.summary.revision === b.summary.revision;

const cellKey = (rule: string, half: CellInfo['half'], path: string): string => `${rowLabel({ rule, half })} ${path}`;

function cellsOf(run: Run): Map<string, MatrixCell> {
  return new Map(matrixCells(buildMatrix(run)).map(({ row, cell }) => [cellKey(row.rule, row.half, cell.path), cell]));
}

const judged = (cell: MatrixCell | undefined): boolean =>
  cell?.status === 'conforms' || cell?.status === 'deviates' || cell?.status === 'expected';

type Cells = Map<string, MatrixCell>;

function compareCells(
  before: Cells,
  after: Cells,
): Pick<Comparison, 'newlyNotRun' | 'newlyRun' | 'newlyInPart' | 'neverRun'> {
  const newlyNotRun: CellChange[] = [];
  const newlyRun: CellChange[] = [];
  const newlyInPart: CellChange[] = [];
  const neverRun: CellChange[] = [];
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    const [old, now] = [before.get(key), after.get(key)];
    const change = { cell: key, before: old?.status ?? 'not in the plan', after: now?.status ?? 'not in the plan' };
    if (judged(old) && judged(now)) {
      newlyNotRun.push(...lostSides(key, old!, now!));
      newlyInPart.push(...partialSides(key, old!, now!));
    } else if (judged(old))
      newlyNotRun.push({ ...change, reason: now?.reasons.join('; ') ?? 'the plan no longer has it' });
    else if (judged(now)) newlyRun.push({ ...change, reason: '' });
    else if (mayExist(old) || mayExist(now)) neverRun.push({ ...change, reason: (now ?? old)!.reasons.join('; ') });
  }
  return { newlyNotRun, newlyRun, newlyInPart, neverRun };
}

const mayExist = (cell: MatrixCell | undefined): boolean => cell !== undefined && cell.status !== 'impossible';

/**
 * Sides of a cell's border that were judged before and had no run at all now: the other side alone does not show that a
 * rule is kept.
 */
function lostSides(key: string, old: MatrixCell, now: MatrixCell): CellChange[] {
  return old.borders.filter(wasJudged).flatMap(({ info, status }) => {
    const same = now.borders.find((border) => border.info.border === info.border);
    if (same && same.status !== 'not-run') return [];
    const reasons = [...new Set(same?.cases.flatMap(({ reason }) => reason ?? []))];
    const reason =
      reasons.join('; ') || (same ? 'the run has no case for this side' : 'the plan no longer has this side');
    return [{ cell: sideName(key, info), before: status, after: 'not-run', reason }];
  });
}

const sideName = (key: string, { border }: CellInfo): string =>
  border === undefined ? key : `${key} (${border} side)`;

/** Sides of which no case was judged whole now, and some was before. */
function partialSides(key: string, old: MatrixCell, now: MatrixCell): CellChange[] {
  return old.borders.filter(wasJudgedWhole).flatMap(({ info, status }) => {
    const same = now.borders.find((border) => border.info.border === info.border);
    if (!same || !wasJudged(same) || wasJudgedWhole(same)) return [];
    const reasons = [...new Set(same.cases.flatMap(({ unjudged }) => unjudged ?? []))];
    return [{ cell: sideName(key, info), before: status, after: 'in part', reason: reasons.join('; ') }];
  });
}

const wasJudgedWhole = ({ cases }: BorderOutcome): boolean =>
  cases.some(({ kind, unjudged }) => (kind === 'conforms' || kind === 'deviates') && unjudged === undefined);

const wasJudged = ({ counts }: BorderOutcome): boolean => counts.conforms + counts.deviates > 0;

function kernelFacts({ summary: { environment } }: Run): Map<string, string> {
  if (!environment) return new Map();
  const { kernelRelease, kernelVersion, kernelImageHash, kernelCommit, kernelOrigin, flavour } = environment;
  return new Map<string, string>([
    ['kernel release', kernelRelease],
    ['kernel version', kernelVersion],
    ['kernel image', kernelImageHash],
    ['kernel commit', kernelCommit ?? 'not known'],
    ['kernel origin', kernelOrigin],
    ['flavour', flavour ?? 'none'],
  ]);
}

/** Options of a kernel whose config is known; one that is absent there is not set. */
function configOf({ summary: { environment } }: Run): Map<string, string> | undefined {
  const lines = environment?.kernelConfig ?? [];
  if (lines.length === 0) return undefined;
  const pairs = lines.map((line): [string, string] => {
    const [name, ...value] = line.split('=');
    return [name!, value.join('=')];
  });
  return new Map(pairs.filter(([name, value]) => name.startsWith('CONFIG_') && value !== 'n'));
}

function configDifferences(before: Run, after: Run): Difference[] {
  const [old, now] = [configOf(before), configOf(after)];
  if (old && now) return differences(old, now, 'not set');
  if (!old && !now) return [];
  const shown = (options: Map<string, string> | undefined): string =>
    options ? `${options.size} options that matter` : 'not known';
  return [{ field: 'kernel config', before: shown(old), after: shown(now) }];
}

function circumstances({ summary }: Run): Map<string, string> {
  const { environment } = summary;
  const keys: (keyof Environment)[] = ['accelerator', 'machine', 'qemuVersion', 'memoryMiB', 'nodeVersion', 'hostCpus'];
  return new Map<string, string>([
    ['tool', summary.toolVersion],
    ['revision', summary.revision],
    ['uAPI numbers', numbersText(summary)],
    ['seed', String(summary.seed)],
    ['complete', summary.complete ? 'yes' : `no (${summary.endedBy ?? 'killed'})`],
    ...(environment ? keys.map((key): [string, string] => [key, String(environment[key])]) : []),
  ]);
}

function differences(before: Map<string, string>, after: Map<string, string>, absent = 'not known'): Difference[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((field) => before.get(field) !== after.get(field))
    .map((field) => ({ field, before: before.get(field) ?? absent, after: after.get(field) ?? absent }));
}
