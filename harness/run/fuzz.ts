/**
 * A fuzzing campaign from start to end: guests, records, findings as case files, interruption. Whatever ends it, what
 * finished is on disk.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { VmSpec } from '../../vm/vm.ts';
import { deviationsOf, exampleOf, inPlaces, type Found } from '../../model/finding/set.ts';
import { reconcile, type ExpectedDeviation, type Reconciled } from '../../model/expectations.ts';
import { PartlyJudgedCases } from '../../model/partly-judged.ts';
import type { Minimised, ReliabilityCount } from '../../model/results.ts';
import { placeOfLabel } from '../../model/rule-label.ts';
import type { RunSummary } from '../../model/run-summary.ts';
import type { RevisionId } from '../../uapi/revision.ts';
import type { Shard } from './conformance.ts';
import { FindingFiles } from './finding-files.ts';
import { FuzzCases } from './fuzz/cases.ts';
import { FuzzLoop, type FoundCase } from './fuzz/loop.ts';
import { KernelCoverage } from './kernel-coverage.ts';
import { whyNot, type ExaminedFinding } from './minimise.ts';
import type { Slot } from './fuzz/slots.ts';
import { recordRun } from './recorded-run.ts';
import { toolVersion } from './tool-version.ts';
import { timeLimit } from './time-limit.ts';

export interface FuzzCampaign {
  spec: VmSpec;
  seed: number;
  start: number;
  /** Cases of the undivided campaign; absent: until the time is over. */
  runs?: number;
  timeMs?: number;
  /**
   * The most time for making findings small when the cases are over. Default: it grows with the findings, see
   * `defaultBudgetMs`.
   */
  minimiseMs?: number;
  revision: RevisionId;
  directory: string;
  kernelOrigin: string;
  flavour?: string;
  shard?: Shard;
  /** Guests that run cases at the same time. Default: 1. */
  jobs?: number;
  /** Liberties that the kernel takes by its command line. Default: none. */
  liberties?: readonly string[];
  /** Ask for the kernel's code coverage. */
  coverage?: boolean;
  select?: (slot: Slot) => boolean;
  expectations: readonly ExpectedDeviation[];
  /** End the run after so many cases that took the kernel down alike. Default: 20. */
  maxCrashes?: number;
  /** State that is replaced by the next. */
  onProgress?: (line: string) => void;
  /** Something that stays. */
  onEvent?: (line: string) => void;
}

export interface FuzzOutcome {
  summary: RunSummary;
  /** Cases of which something was not judged. */
  partly: Pick<PartlyJudgedCases, 'reasons' | 'count'>;
  untestable: boolean;
  /** Judged against the list of expectations; severe findings first. */
  reconciled: Reconciled<Found<FoundCase>>;
  /** By id of the finding; absent: nobody made it small. */
  examined: ReadonlyMap<string, ExaminedFinding>;
  /** Where a later campaign takes up, and what is left for it of the cases and of the time. */
  resumeAt: number;
  runsLeft?: number;
  timeLeftMs?: number;
  interrupted: boolean;
  /**
   * Sha256 of the hashes of all cases that ran, in the order of their numbers: what `fuzz --dry-run` prints of the same
   * ones.
   */
  digest: string;
  /** How many cases each rule and path was refused in. */
  covered: ReadonlyMap<string, number>;
  /** Case file of each finding, by its id, relative to the directory. */
  files: ReadonlyMap<string, string>;
}

/** Rejects when no guest can be had at all; the results directory then says so. */
export async function fuzzCampaign(campaign: FuzzCampaign): Promise<FuzzOutcome> {
  const cases = new FuzzCases({
    seed: campaign.seed,
    revision: campaign.revision,
    numbers: campaign.spec.uapiHeader?.numbers,
    version: toolVersion(),
  });
  const files = new Map<string, string>();
  const nothing = {
    partly: { reasons: [], count: 0 },
    reconciled: { unexpected: [], expected: [], notices: [] },
    resumeAt: campaign.start,
    interrupted: false,
    digest: '',
    covered: new Map(),
    examined: new Map(),
    files,
  };
  return recordRun(
    { ...campaign, kind: 'fuzz', cells: [] },
    async ({ summary, writer, guests, facts, signal, enough, add, onLiberties }): Promise<FuzzOutcome> => {
      const onDisk = new FindingFiles(writer);
      const save = (
        finding: Found<FoundCase>,
        known: { examined: ExaminedFinding } | { notMinimised: string },
      ): string => {
        const { rule, n, example } = exampleOf(finding);
        const kept =
          'examined' in known ? known.examined : { case: example.case, deviations: deviationsOf(finding), ...known };
        const file = onDisk.save({
          id: finding.id,
          rule,
          ...kept,
          found: { n, note: example.note, seed: campaign.seed, ...example.lost },
        });
        files.set(finding.id, file);
        return file;
      };
      const check = (findings: readonly Found<FoundCase>[], covered: readonly string[]): Reconciled<Found<FoundCase>> =>
        reconcile(findings, summary.expectations ?? [], {
          tried: covered.map(placeOfLabel),
          today: summary.startedAt.slice(0, 10),
          narrow: inPlaces,
        });
      // Counted from the first case on: booting is no fuzzing.
      const begun = performance.now();
      const timeUp = campaign.timeMs === undefined ? enough : AbortSignal.any([timeLimit(campaign.timeMs), enough]);
      const lacking = campaign.coverage ? KernelCoverage.lacking(facts) : undefined;
      if (lacking !== undefined) {
        summary.coverage = { unavailable: lacking, places: 0, keptCases: 0 };
        campaign.onEvent?.(`no code coverage: ${lacking}`);
      }
      const coverage =
        campaign.coverage && lacking === undefined
          ? new KernelCoverage(campaign.directory, campaign.spec.kernel.path)
          : undefined;
      const loop = new FuzzLoop(guests, {
        ...(coverage && { coverage }),
        execute: { onLiberties },
        cases,
        facts,
        start: campaign.start,
        signal,
        fresh: guests.fresh(),
        timeUp,
        ...(campaign.minimiseMs !== undefined && { minimiseMs: campaign.minimiseMs }),
        ...(campaign.runs !== undefined && { runs: campaign.runs }),
        ...(campaign.jobs !== undefined && { jobs: campaign.jobs }),
        ...(campaign.shard && { shard: campaign.shard }),
        ...(campaign.select && { select: campaign.select }),
        isExpected: (finding) => check([finding], []).unexpected.length === 0,
        onShrink: ({ id, title }, { steps, tried }) =>
          campaign.onProgress?.(`minimising ${id} ${title}: ${tried} forms run, ${steps} times smaller`),
      });
      // Read whenever the summary is written, not for every case.
      Object.defineProperty(summary, 'covered', { enumerable: true, get: () => Object.fromEntries(loop.covered) });
      const hashes = new Map<number, string>();
      const partly = new PartlyJudgedCases(summary);
      for await (const event of loop.run()) {
        switch (event.kind) {
          case 'case':
            add(event.record);
            partly.add(event.record.n, event.record.verdict);
            hashes.set(event.record.n, event.record.hash);
            campaign.onProgress?.(progressOf(campaign, summary, loop, performance.now() - begun));
            break;
          case 'finding':
            campaign.onEvent?.(
              `finding: ${event.finding.id} ${event.finding.title} (case ${campaign.seed}:${exampleOf(event.finding).example.path})`,
            );
            break;
          case 'shrunk':
            campaign.onEvent?.(
              `minimised: ${event.finding.id} ${event.finding.title}: ${join(campaign.directory, save(event.finding, { examined: event.examined }))}, ${describeShrunk(event.examined.minimised)}${event.examined.reliability ? `; ${describeReliability(event.examined.reliability)}` : ''}`,
            );
            break;
        }
      }
      // Without a limit of time every case that was drawn has ended; with one, those that were sent.
      if (!signal.aborted) summary.planned = timeUp?.aborted ? hashes.size : loop.drawn;
      if (coverage) {
        campaign.onProgress?.('reading which lines were reached');
        summary.coverage = coverage.finish();
      }
      const findings = loop.findings.all();
      const examined = new Map<string, ExaminedFinding>();
      for (const finding of findings) {
        const known = loop.examinedOf(finding);
        if (known) examined.set(finding.id, known);
        if (known && files.has(finding.id)) continue;
        save(
          finding,
          known
            ? { examined: known }
            : {
                notMinimised:
                  check([finding], []).unexpected.length === 0 ? 'it is expected' : whyNot(signal, loop.budgetMs),
              },
        );
      }
      return {
        ...nothing,
        summary,
        partly,
        untestable: false,
        examined,
        reconciled: check(findings, [...loop.covered.keys()]),
        covered: loop.covered,
        digest: digestOf(hashes),
        interrupted: signal.aborted,
        resumeAt: loop.resumeAt,
        ...(campaign.runs !== undefined && { runsLeft: campaign.runs - countSelected(cases, campaign, loop.resumeAt) }),
        ...(campaign.timeMs !== undefined && { timeLeftMs: Math.max(0, begun + campaign.timeMs - performance.now()) }),
      };
    },
    ({ summary }) => {
      summary.planned = 0;
      return { ...nothing, summary, untestable: true };
    },
  );
}

function digestOf(hashes: ReadonlyMap<number, string>): string {
  const digest = createHash('sha256');
  for (const [, hash] of [...hashes].sort(([a], [b]) => a - b)) digest.update(hash);
  return digest.digest('hex');
}

/** Cases of the undivided campaign before number `end`. */
function countSelected(cases: FuzzCases, { start, select = () => true }: FuzzCampaign, end: number): number {
  let count = 0;
  for (let index = start; index < end; index += 1) if (select(cases.slotAt(index))) count += 1;
  return count;
}

export function describeShrunk({ steps, tried, end }: Minimised): string {
  const ends = {
    minimal: 'no simpler form shows it',
    interrupted: 'interrupted before it was minimal',
    'out-of-time': 'out of time before it was minimal',
  };
  return `${steps} steps, ${tried} forms run, ${ends[end]}`;
}

/** `shows in 5 of 5 replays`. */
export const describeReliability = ({ shown, of }: ReliabilityCount): string =>
  `shows in ${shown} of ${of} replays${shown < of ? ': flaky' : ''}`;

/** `12345 cases, 812/s, 183 rules x paths, 2 findings, 1 VM restart, 4:32 left`. */
function progressOf(campaign: FuzzCampaign, { counts, vms }: RunSummary, loop: FuzzLoop, elapsedMs: number): string {
  const done = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const toRun = campaign.runs === undefined ? undefined : Math.ceil(campaign.runs / (campaign.shard?.count ?? 1));
  // Whichever ends it first: its time, or its last case at the rate so far.
  const lefts = [
    ...(campaign.timeMs === undefined ? [] : [campaign.timeMs - elapsedMs]),
    ...(toRun === undefined ? [] : [((toRun - done) * elapsedMs) / Math.max(1, done)]),
  ];
  const left = Math.max(0, Math.min(...lefts)) / 1000;
  const restarts = vms.lost;
  return [
    `${done}${toRun === undefined ? '' : ` of ${toRun}`} cases`,
    `${(done / (elapsedMs / 1000)).toFixed(0)}/s`,
    `${loop.covered.size} rules x paths`,
    `${loop.findings.size} finding${loop.findings.size === 1 ? '' : 's'}`,
    ...(counts.lost > 0 ? [`${counts.lost} lost`] : []),
    `${restarts} VM restart${restarts === 1 ? '' : 's'}`,
    ...(lefts.length === 0
      ? []
      : [
          `${campaign.timeMs === undefined ? 'about ' : ''}${Math.floor(left / 60)}:${String(Math.floor(left % 60)).padStart(2, '0')} left`,
        ]),
  ].join(', ');
}
