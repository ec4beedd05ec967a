/** A run of cases that are known beforehand: the conformance plan, or a corpus. */
import type { VmSpec } from '../../vm/vm.ts';
import { decodeCase } from '../../model/case.ts';
import { isExpected, type ExpectedDeviation } from '../../model/expectations.ts';
import { deviationsOf, exampleOf, FindingSet, idsOf, type Found, type Sighting } from '../../model/finding/set.ts';
import { caseSize } from '../../model/finding/size.ts';
import { caseHash } from '../../model/hash.ts';
import type { CaseRecord } from '../../model/results.ts';
import type { CellInfo, Counts, RunSummary } from '../../model/run-summary.ts';
import type { RevisionId } from '../../uapi/revision.ts';
import { planRuns, runConformance, type PlannedRun, type Shard } from './conformance.ts';
import { FindingFiles, type KeptFinding } from './finding-files.ts';
import { defaultBudgetMs, minimisers, Minimiser, whyNot } from './minimise.ts';
import type { PlanCell } from '../../plan/plan.ts';
import { recordRun } from './recorded-run.ts';
import { nextRound } from './rounds.ts';

export interface Campaign {
  /** Default: conformance. */
  kind?: RunSummary['kind'];
  /** The cases, when they are not drawn from the cells. */
  planned?: readonly PlannedRun[];
  spec: VmSpec;
  cells: readonly PlanCell<string>[];
  seed: number;
  /** Cases per cell; the most of them where the time is limited. */
  runs: number;
  /**
   * Give each cell one case, however long that takes, then as many more as fit into this time. Default: all `runs`,
   * however long it takes.
   */
  timeMs?: number;
  revision: RevisionId;
  directory: string;
  /** How the kernel was named: `reference`, `--kernel PATH`. */
  kernelOrigin: string;
  flavour?: string;
  shard?: Shard;
  /**
   * The most time for making findings small when all cases have run. Default: it grows with the findings, see
   * `defaultBudgetMs`.
   */
  minimiseMs?: number;
  /** Guests that run cases at the same time. Default: 1. */
  jobs?: number;
  /** Liberties that the kernel takes by its command line. Default: none. */
  liberties?: readonly string[];
  /** Known deviations. Default: none. */
  expectations?: readonly ExpectedDeviation[];
  /** End the run after so many cases that took the kernel down alike. Default: 20. */
  maxCrashes?: number;
  onProgress?: (line: string) => void;
}

/**
 * Runs the cells' cases. `untestable`: this kernel has nothing to judge, every case was left out. Rejects when no guest
 * can be had at all; the results directory then says so.
 */
export async function campaign(of: Campaign): Promise<{ summary: RunSummary; untestable: boolean }> {
  const cells = of.cells.map(({ id, rule, half, path, border, impossible }) => ({
    id,
    rule,
    path,
    ...(half && { half }),
    ...(border && { border }),
    ...(impossible !== undefined && { impossible }),
  }));
  const first = of.planned ?? planRuns(of.cells, of.timeMs === undefined ? of : { ...of, runs: 1 });
  return recordRun<{ summary: RunSummary; untestable: boolean }>(
    { ...of, kind: of.kind ?? 'conformance', cells, expectations: of.expectations ?? [] },
    async ({ summary, writer, guests, facts, signal, enough, add, allRan, onLiberties }) => {
      const found = new FindingSet<CaseRecord>();
      const known = (finding: Found<CaseRecord>): boolean =>
        isExpected(summary.expectations ?? [], finding, summary.startedAt.slice(0, 10));
      const infos = new Map(cells.map((cell) => [cell.id, cell]));
      const files = new FindingFiles(writer);
      const saved = new Set<string>();
      const save = ({ id, places }: Found<CaseRecord>, kept: Omit<KeptFinding, 'id' | 'rule' | 'found'>): void => {
        const [
          {
            rule,
            example: { n, note, seed, cell, consoleTail, tries, crashes },
          },
        ] = places as [Sighting<CaseRecord>];
        files.save({
          id,
          rule,
          ...kept,
          found: {
            n,
            note,
            seed,
            ...(cell !== undefined && { cell }),
            ...(consoleTail !== undefined && { consoleTail }),
            ...(tries !== undefined && { tries }),
            ...(crashes && { crashes }),
          },
        });
        saved.add(id);
      };
      const minimiser = new Minimiser<CaseRecord>({
        source: guests,
        fresh: guests.fresh(),
        facts,
        signal,
        startOf: ({ case: value }) => ({ case: decodeCase(value) }),
        latest: (id) => found.get(id),
        onBegin: (_, left) => of.onProgress?.(`minimising findings, ${left + 1} left`),
        onDone: save,
      });
      // A processor that runs no case makes findings small meanwhile.
      minimiser.workIn(minimisers() > (of.jobs ?? 1) && of.minimiseMs !== 0 ? 1 : 0);
      const begun = performance.now();
      let planned = 0;
      const open = new Map<number, PlannedRun>();
      const noMore = AbortSignal.any([signal, enough]);
      const run = async (runs: readonly PlannedRun[]): Promise<void> => {
        planned += runs.length;
        summary.planned = planned;
        for (const one of runs) open.set(one.n, one);
        for await (const record of runConformance(
          guests,
          runs,
          of.seed,
          () => facts,
          { signal: noMore, onLiberties, ...(of.jobs !== undefined && { jobs: of.jobs }) },
          begun,
        )) {
          open.delete(record.n);
          add(record);
          minimiser.add(notice(found, record, infos).filter((finding) => !known(finding)));
          of.onProgress?.(progressOf(summary.counts, planned, summary.elapsedMs));
        }
      };
      await run(first);
      for (let runs = 1; of.timeMs !== undefined && !noMore.aborted;) {
        summary.runsPerCell = runs;
        const next = nextRound({ done: runs, runs: of.runs, elapsedMs: performance.now() - begun, timeMs: of.timeMs });
        if (next <= runs) break;
        await run(planRuns(of.cells, { ...of, runs: next, from: runs, firstN: planned }));
        runs = next;
      }
      if (enough.aborted && !signal.aborted)
        for (const one of open.values()) add(notRun(one, of.seed, `the run ended before: ${summary.endedBy ?? ''}`));
      allRan();
      minimiser.add(found.all().filter((finding) => !known(finding)));
      const budgetMs = of.minimiseMs ?? defaultBudgetMs(minimiser.left.length);
      await minimiser.finish(Math.max(of.jobs ?? 1, minimisers()), budgetMs);
      for (const finding of found.all()) {
        if (idsOf(finding).some((id) => saved.has(id))) continue;
        save(finding, {
          case: decodeCase(exampleOf(finding).example.case),
          deviations: deviationsOf(finding),
          notMinimised: known(finding) ? 'it is expected' : whyNot(signal, budgetMs),
        });
      }
      return { summary, untestable: false };
    },
    ({ summary, add }, reason) => {
      summary.planned = first.length;
      for (const run of first) add(notRun(run, of.seed, reason));
      return { summary, untestable: true };
    },
  );
}

function notice(
  found: FindingSet<CaseRecord>,
  record: CaseRecord,
  cells: ReadonlyMap<string, CellInfo>,
): Found<CaseRecord>[] {
  const { verdict, n, case: value, cell } = record;
  return verdict.kind === 'deviates'
    ? found.add(
        { n, example: record, size: caseSize(value), case: value, cell: cells.get(cell ?? '') },
        verdict.deviations,
      )
    : [];
}

const notRun = ({ n, cell, case: testCase, note }: PlannedRun, seed: number, reason: string): CaseRecord => ({
  n,
  cell: cell.id,
  hash: caseHash(testCase),
  note,
  seed,
  verdict: { kind: 'not-run', reason },
});

function progressOf(counts: Counts, total: number, elapsedMs: number): string {
  const done = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const rate = done / (elapsedMs / 1000);
  return `${done} of ${total} cases, ${rate.toFixed(0)}/s, ${counts.deviates} deviate${counts.lost > 0 ? `, ${counts.lost} lost` : ''}`;
}
