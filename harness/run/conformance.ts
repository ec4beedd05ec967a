/** A conformance run: the plan's cases through the guests, each judged, everything recorded as it comes. */
import { judge, rulesReached } from '../../oracles/judge.ts';
import { encodeCase, type Case, type Step } from '../../model/case.ts';
import type { KernelFacts } from '../../model/channel.ts';
import { mountOrder } from '../../model/case-traits.ts';
import { caseHash } from '../../model/hash.ts';
import { describeHang } from '../../model/hang.ts';
import type { Observation } from '../../model/observation.ts';
import { jsonSafe } from '../../model/json-safe.ts';
import type { CaseRecord } from '../../model/results.ts';
import type { Deviation, Verdict } from '../../model/verdict.ts';
import { execute, type ExecuteOptions, type GuestSource, type Outcome } from './execute.ts';
import type { GuestLoss } from './guest.ts';
import { consoleOf } from './outcome.ts';
import { shared } from './parallel.ts';
import { casesIn, casesOf, type PlanCell } from '../../plan/plan.ts';
import { crashDeviation, timesText, withCrashes } from './crash-deviation.ts';

/** A case of the plan with its place in the undivided run. */
export interface PlannedRun {
  n: number;
  cell: PlanCell<string>;
  case: Case;
  note: string;
}

export interface Shard {
  index: number;
  count: number;
}

/**
 * All cases of the cells, numbered as in the undivided run; a shard keeps every count-th. A further round of a run
 * begins with the `from`-th case of each cell, and counts on from `firstN`.
 */
export function planRuns(
  cells: readonly PlanCell<string>[],
  drawOptions: { seed: number; runs: number; shard?: Shard; from?: number; firstN?: number },
): PlannedRun[] {
  const { from = 0, firstN = 0 } = drawOptions;
  const all: PlannedRun[] = [];
  for (const cell of cells) {
    for (const { case: drawnCase, note } of casesOf(cell, drawOptions).slice(casesIn(cell, from)))
      all.push({ n: firstN + all.length, cell, case: drawnCase, note });
  }
  const { shard } = drawOptions;
  return shard === undefined ? all : all.filter(({ n }) => n % shard.count === shard.index - 1);
}

/** `jobs`: guests that run cases at the same time. Default: 1. */
export interface RunOptions extends ExecuteOptions {
  jobs?: number;
}

/** Runs and judges; yields one record per case, as they finish. */
export async function* runConformance(
  source: GuestSource,
  runs: readonly PlannedRun[],
  seed: number,
  facts: () => KernelFacts,
  { jobs = 1, ...options }: RunOptions = {},
  startedMs = performance.now(),
): AsyncGenerator<CaseRecord> {
  // A mount serves all cases of one geometry: bring those together.
  const ordered = runs
    .map((run) => ({ run, key: mountOrder(run.case) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.run.n - b.run.n));
  yield* shared(
    ordered.map(({ run }) => run),
    jobs,
    async function* (pieces): AsyncGenerator<CaseRecord> {
      for (let piece = pieces.shift(); piece && !options.signal?.aborted; piece = pieces.shift()) {
        for await (const { index, outcome } of execute(
          source,
          piece.map((run) => run.case),
          options,
        )) {
          yield recordOf(piece[index]!, outcome, seed, facts(), Math.round(performance.now() - startedMs));
        }
      }
    },
  );
}

function recordOf(run: PlannedRun, outcome: Outcome, seed: number, facts: KernelFacts, atMs: number): CaseRecord {
  return caseRecord(
    { n: run.n, cell: run.cell.id, note: run.note, seed, atMs, case: run.case },
    outcome,
    verdictOf(run, outcome, facts),
  );
}

/** A line of cases.jsonl: what was run, and of what does not conform all that was seen. */
export function caseRecord(
  { case: testCase, ...place }: Pick<CaseRecord, 'n' | 'cell' | 'note' | 'seed' | 'atMs'> & { case: Case },
  outcome: Outcome,
  verdict: Verdict,
): CaseRecord {
  const record: CaseRecord = { ...place, hash: caseHash(testCase), verdict, case: encodeCase(testCase) };
  if (verdict.kind !== 'conforms' && outcome.kind === 'observed') record.observation = jsonSafe(outcome.observation);
  return Object.assign(record, triesOf(outcome));
}

/** What a record keeps of the guests that were lost on the way to an outcome. */
export function triesOf(outcome: Outcome): Pick<CaseRecord, 'consoleTail' | 'tries' | 'crashes'> {
  const { crashes, tries } = outcome;
  const consoleTail = consoleOf(outcome);
  return {
    ...(consoleTail !== '' && { consoleTail }),
    ...(tries !== undefined && { tries }),
    ...(crashes && {
      crashes: crashes.map(({ reason, consoleTail: lines }) => ({ reason, console: lines.join('\n') })),
    }),
  };
}

const swapping: ReadonlySet<Step['call']> = new Set(['swapon', 'swapoff', 'pageOut'] as const);

/** What the kernel lacks for a case, and what to do about it. */
function lackingFor(
  { geometry, workload }: Case,
  { atomicDevices = true, swap = true }: KernelFacts,
): string | undefined {
  if (!swap && workload.some(({ call }) => swapping.has(call)))
    return 'this kernel cannot swap: build it with CONFIG_SWAP=y, as the fragment of `iomapfuzz kernel config` does';
  if (!geometry.devices.some(({ atomic }) => atomic) || atomicDevices) return undefined;
  return 'no block device of this kernel takes atomic writes: build it with CONFIG_SCSI_DEBUG=y and CONFIG_BLK_DEV_SD=y, as the fragment of `iomapfuzz kernel config` does';
}

/** A kernel that went down did so, whatever a later try saw. */
export function verdictOf(run: Pick<PlannedRun, 'cell' | 'case'>, outcome: Outcome, facts: KernelFacts): Verdict {
  return withCrashes(verdictOfLastTry(run, outcome, facts), crashDeviations(outcome));
}

/** One for each way in which the kernel went down or hung. */
function crashDeviations({ crashes = [], tries = 1 }: Outcome): Deviation[] {
  const kinds = new Map<string, GuestLoss[]>();
  for (const loss of crashes) {
    const kind = loss.signature ?? loss.reason;
    kinds.set(kind, [...(kinds.get(kind) ?? []), loss]);
  }
  return [...kinds.values()].map((losses) => {
    const { hang, reason } = losses[0]!;
    if (!hang) return crashDeviation(reason, losses.length, tries);
    return {
      rule: 'kernel/hang',
      aspect: 'kernel-log',
      expected: 'the syscall returns: all that the kernel asked for is answered',
      seen: `${describeHang(hang)} ${timesText(losses.length, tries)}`,
      ...(hang.step !== undefined && { step: hang.step }),
    };
  });
}

function verdictOfLastTry(
  { cell, case: testCase }: Pick<PlannedRun, 'cell' | 'case'>,
  outcome: Outcome,
  facts: KernelFacts,
): Verdict {
  switch (outcome.kind) {
    // What crashed is judged by its crashes.
    case 'crashed':
    case 'lost':
      return { kind: 'lost', reason: outcome.loss.reason };
    case 'failed': {
      const lacks = lackingFor(testCase, facts);
      if (lacks !== undefined) return { kind: 'not-run', reason: lacks };
      return { kind: 'lost', reason: `the guest could not execute the case: ${outcome.reason}` };
    }
    case 'observed':
      try {
        // A syscall that the kernel does not have fails like one that it should not have refused.
        if (facts.swap === false) {
          const lacks = lackingFor(testCase, facts);
          if (lacks !== undefined) return { kind: 'not-run', reason: lacks };
        }
        return judged(cell, testCase, outcome.observation, facts);
      } catch (error) {
        // One case must not cost the others of a night.
        return {
          kind: 'lost',
          reason: `iomapfuzz could not judge what was seen, which is a bug of iomapfuzz: ${error instanceof Error ? error.message : String(error)}`,
        };
      }
  }
}

function judged(
  cell: PlannedRun['cell'],
  testCase: PlannedRun['case'],
  seen: Observation,
  facts: KernelFacts,
): Verdict {
  const verdict = judge(testCase, seen, { facts });
  // A case that conforms without having met its rule says nothing about the rule.
  if (
    verdict.kind === 'conforms' &&
    cell.reaches !== undefined &&
    rulesReached(testCase, seen, { facts }).includes(cell.reaches) !== (cell.border === 'violating')
  ) {
    return {
      kind: 'not-run',
      reason:
        cell.border === 'violating'
          ? `the case did not reach ${cell.reaches}`
          : `the legal twin was refused by ${cell.reaches}`,
    };
  }
  return verdict;
}
