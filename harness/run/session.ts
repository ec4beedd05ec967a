/** A run of cases that are known beforehand: the conformance plan, or a corpus. */
import type { VmSpec } from '../../vm/vm.ts';
import { decodeCase } from '../model/case.ts';
import { expectationOf, type Place, type ExpectedDeviation } from '../model/expectations.ts';
import { caseHash } from '../model/hash.ts';
import type { CaseRecord, Counts, RunSummary } from '../model/results.ts';
import type { RevisionId } from '../uapi/revision.ts';
import { planRuns, runConformance, type PlannedRun, type Shard } from './conformance.ts';
import { examine } from './examine.ts';
import { FindingFiles } from './finding-files.ts';
import { FoundInCells } from './found-in-cells.ts';
import type { PlanCell } from './plan.ts';
import { recordRun } from './recorded-run.ts';
import { nextRound } from './rounds.ts';

export interface Campaign {
  /** Default: conformance. */
  kind?: RunSummary['kind'];
  /** The cases, when they are not drawn from the cells. */
  planned?: readonly PlannedRun[];
  spec: VmSpec;
  cells: readonly PlanCell[];
  seed: number;
  /** Cases per cell; the most of them where the time is limited. */
  runs: number;
  /** Give each cell one case, however long that takes, then as many more as fit into this time. Default: all `runs`, however long it takes. */
  timeMs?: number;
  revision: RevisionId;
  directory: string;
  /** How the kernel was named: `reference`, `--kernel PATH`. */
  kernelOrigin: string;
  flavour?: string;
  shard?: Shard;
  /** The most time for making findings small at the end. Default: a minute. */
  minimiseMs?: number;
  /** Guests that run cases at the same time. Default: 1. */
  jobs?: number;
  /** Known deviations. Default: none. */
  expectations?: readonly ExpectedDeviation[];
  onProgress?: (line: string) => void;
}

/** Runs the cells' cases. `untestable`: this kernel has nothing to judge, every case was left out. Rejects when no guest can be had at all; the results directory then says so. */
export async function campaign(of: Campaign): Promise<{ summary: RunSummary; untestable: boolean }> {
  const cells = of.cells.map(({ id, rule, half, path, border, impossible }) => ({
    id, rule, path, ...(half && { half }), ...(border && { border }), ...(impossible !== undefined && { impossible }),
  }));
  const first = of.planned ?? planRuns(of.cells, of.timeMs === undefined ? of : { ...of, runs: 1 });
  return recordRun<{ summary: RunSummary; untestable: boolean }>({ ...of, kind: of.kind ?? 'conformance', cells, expectations: of.expectations ?? [] }, async ({ summary, writer, guests, facts, signal, add, allRan }) => {
    const found = new FoundInCells();
    const begun = performance.now();
    let planned = 0;
    const run = async (runs: readonly PlannedRun[]): Promise<void> => {
      planned += runs.length;
      summary.planned = planned;
      for await (const record of runConformance(guests, runs, of.seed, () => facts, { signal, ...(of.jobs !== undefined && { jobs: of.jobs }) }, begun)) {
        add(record);
        found.add(record);
        of.onProgress?.(progressOf(summary.counts, planned, summary.elapsedMs));
      }
    };
    await run(first);
    for (let runs = 1; of.timeMs !== undefined && !signal.aborted;) {
      summary.runsPerCell = runs;
      const next = nextRound({ done: runs, runs: of.runs, elapsedMs: performance.now() - begun, timeMs: of.timeMs });
      if (next <= runs) break;
      await run(planRuns(of.cells, { ...of, runs: next, from: runs, firstN: planned }));
      runs = next;
    }
    allRan();
    const files = new FindingFiles(writer);
    const untilMs = performance.now() + (of.minimiseMs ?? MINIMISE_MS);
    const expected = ({ rule, path }: Place): boolean => expectationOf(summary.expectations ?? [], { rule, path }, summary.startedAt.slice(0, 10)) !== undefined;
    const findings = eachRuleFirst(found.all(cells).filter((finding) => !expected(finding)));
    for (const [position, { rule, record, deviations }] of findings.entries()) {
      const leftMs = untilMs - performance.now();
      if (signal.aborted || leftMs <= 0) break;
      of.onProgress?.(`minimising ${position + 1} of ${findings.length} findings`);
      const value = decodeCase(record.case);
      const examined = await examine(guests, { case: value, deviations }, {
        facts, signal, fresh: guests.fresh(), limitMs: leftMs, shows: (_, others) => others.some((other) => deviations.some((one) => other.rule === one.rule && other.aspect === one.aspect)),
      });
      const { n, note, seed, cell, consoleTail, tries, crashes } = record;
      files.save({
        rule, ...examined,
        found: { n, note, seed, ...(cell !== undefined && { cell }), ...(consoleTail !== undefined && { consoleTail }), ...(tries !== undefined && { tries }), ...(crashes && { crashes }) },
      });
    }
    return { summary, untestable: false };
  }, ({ summary, add }, reason) => {
    summary.planned = first.length;
    for (const run of first) add(notRun(run, of.seed, reason));
    return { summary, untestable: true };
  });
}

/** One broken check shows on many paths: of each rule one finding is made small before any has a second one. */
export function eachRuleFirst<T extends { rule: string }>(findings: readonly T[]): T[] {
  const first = new Map<string, T>();
  for (const finding of findings) if (!first.has(finding.rule)) first.set(finding.rule, finding);
  return [...first.values(), ...findings.filter((finding) => first.get(finding.rule) !== finding)];
}

/** A kernel that deviates everywhere is told of without waiting for all of it to be made small. */
const MINIMISE_MS = 60_000;

const notRun = ({ n, cell, case: of, note }: PlannedRun, seed: number, reason: string): CaseRecord =>
  ({ n, cell: cell.id, hash: caseHash(of), note, seed, verdict: { kind: 'not-run', reason } });

function progressOf(counts: Counts, total: number, elapsedMs: number): string {
  const done = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const rate = done / (elapsedMs / 1000);
  return `${done} of ${total} cases, ${rate.toFixed(0)}/s, ${counts.deviates} deviate${counts.lost > 0 ? `, ${counts.lost} lost` : ''}`;
}
