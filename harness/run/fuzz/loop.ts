/**
 * The inside of a campaign: draws cases, runs them in guests, judges them, collects findings and minimises the new
 * ones.
 */
import { assess } from '../../../oracles/judge.ts';
import type { ExpectedRefusal } from '../../../oracles/kernel/expectation.ts';
import { encodeCase, type Case } from '../../../model/case.ts';
import type { KernelFacts } from '../../../model/channel.ts';
import { FindingSet, idsOf, type Found } from '../../../model/finding/set.ts';
import { caseSize } from '../../../model/finding/size.ts';
import { mountOrder } from '../../../model/case-traits.ts';
import { caseHash } from '../../../model/hash.ts';
import { jsonSafe } from '../../../model/json-safe.ts';
import { ruleLabel } from '../../../model/rule-label.ts';
import type { CaseRecord } from '../../../model/results.ts';
import { CAMPAIGN_CHUNK } from '../../../model/run-summary.ts';
import type { Deviation, Verdict } from '../../../model/verdict.ts';
import { triesOf, verdictOf, type Shard } from '../conformance.ts';
import { execute, type ExecuteOptions, type GuestSource, type Outcome } from '../execute.ts';
import { defaultBudgetMs, minimisers, Minimiser, type ExaminedFinding } from '../minimise.ts';
import { shared } from '../parallel.ts';
import type { CaseNode, FuzzCases } from './cases.ts';
import type { KernelCoverage } from '../kernel-coverage.ts';
import { pathOfStep } from '../../../model/places.ts';
import type { Slot } from './slots.ts';

export interface LoopOptions {
  cases: FuzzCases;
  facts: KernelFacts;
  /** Number of the first case. Default: 0. */
  start?: number;
  /** Cases of the undivided campaign; absent: until `signal` or `timeUp`. */
  runs?: number;
  shard?: Shard;
  /** Slots whose cases are run. Default: all. */
  select?: (slot: Slot) => boolean;
  /** Findings that are not worth minimising. Default: none. */
  isExpected?: (finding: Found<FoundCase>) => boolean;
  /** Somebody wants the campaign to end now. */
  signal: AbortSignal;
  /** The time is over: findings are still minimised. Default: never. */
  timeUp?: AbortSignal;
  execute?: Pick<ExecuteOptions, 'batchSize' | 'caseDeadlineMs' | 'onLiberties'>;
  /** Guests that run cases at the same time. Default: 1. */
  jobs?: number;
  /** Takes note of the kernel's code that cases reach. Default: nobody asks. */
  coverage?: Pick<KernelCoverage, 'add'>;
  /** Where findings are replayed. Default: where cases run. */
  fresh?: GuestSource;
  /** The most time for making findings small when the cases are over. Default: it grows with the findings. */
  minimiseMs?: number;
  onShrink?: (finding: Found<FoundCase>, state: { steps: number; tried: number }) => void;
}

/** A case that deviates, and the guests that were lost on the way to its outcome. */
export interface FoundCase extends CaseNode {
  lost: ReturnType<typeof triesOf>;
}

export type LoopEvent =
  | { kind: 'case'; record: CaseRecord }
  | { kind: 'finding'; finding: Found<FoundCase> }
  /** Minimised, and replayed. */
  | { kind: 'shrunk'; finding: Found<FoundCase>; examined: ExaminedFinding };

export class FuzzLoop {
  readonly findings = new FindingSet<FoundCase>();
  /** What has been made of findings, by id. */
  readonly examined = new Map<string, ExaminedFinding>();
  /** In how many cases a rule refused something, with the path: `map/length-nonzero@read fiemap`. */
  readonly covered = new Map<string, number>();
  readonly #source: GuestSource;
  readonly #options: LoopOptions;
  readonly #queue: Iterator<CaseNode>;
  readonly #unfinished = new Set<number>();
  readonly #startedMs = performance.now();
  #next: number;
  #drawn = 0;
  #taken = 0;
  /** For what was left when the cases were over. */
  budgetMs = 0;
  readonly #minimiser: Minimiser<FoundCase>;
  /** Made small since the last event. */
  #fresh: LoopEvent[] = [];

  constructor(source: GuestSource, options: LoopOptions) {
    this.#source = source;
    this.#options = options;
    this.#next = options.start ?? 0;
    this.#queue = this.#draw();
    const { facts, signal, fresh = source, onShrink } = options;
    this.#minimiser = new Minimiser({
      source,
      fresh,
      facts,
      signal,
      startOf: (node) => ({ node }),
      latest: (id) => this.findings.get(id),
      ...(onShrink && { onProgress: onShrink }),
      onDone: (finding, examined) => {
        this.examined.set(finding.id, examined);
        this.#fresh.push({ kind: 'shrunk', finding, examined });
      },
    });
  }

  /** Cases that were drawn to be run. */
  get drawn(): number {
    return this.#taken;
  }

  /** Number of the first case that has not finished: where a later campaign takes up. */
  get resumeAt(): number {
    return this.#unfinished.size > 0 ? Math.min(...this.#unfinished) : this.#next;
  }

  async *run(): AsyncGenerator<LoopEvent> {
    const { signal, timeUp, jobs = 1, isExpected, minimiseMs } = this.#options;
    const stop = timeUp ? AbortSignal.any([signal, timeUp]) : signal;
    const unexpected = (findings: readonly Found<FoundCase>[]): Found<FoundCase>[] =>
      findings.filter((finding) => !isExpected?.(finding));
    // A processor that runs no case makes findings small meanwhile.
    this.#minimiser.workIn(minimisers() > jobs && minimiseMs !== 0 ? 1 : 0);
    let chunk = this.#take(CAMPAIGN_CHUNK);
    while (chunk.length > 0 && !stop.aborted) {
      const following: CaseNode[] = [];
      for await (const { node, outcome } of this.#execute(chunk)) {
        const { record, deviations } = this.#judge(node, outcome);
        this.#unfinished.delete(record.n);
        yield { kind: 'case', record };
        if (deviations.length > 0) {
          const found = this.findings.add(
            { n: record.n, example: { ...node, lost: triesOf(outcome) }, size: caseSize(node.case), case: node.case },
            deviations,
          );
          for (const finding of found) yield { kind: 'finding', finding };
          this.#minimiser.add(unexpected(found));
        }
        yield* this.#fresh.splice(0);
        // Drawn while the guest is busy with what it has.
        following.push(...this.#take(1));
      }
      chunk = stop.aborted ? [] : [...following, ...this.#take(CAMPAIGN_CHUNK - following.length)];
    }
    this.#minimiser.add(unexpected(this.findings.all()));
    this.budgetMs = minimiseMs ?? defaultBudgetMs(this.#minimiser.left.length);
    await this.#minimiser.finish(Math.max(jobs, minimisers()), this.budgetMs);
    yield* this.#fresh.splice(0);
  }

  /** What was made of a finding, or of one that became a part of it: the smallest. */
  examinedOf(finding: Found<FoundCase>): ExaminedFinding | undefined {
    return idsOf(finding)
      .flatMap((id) => this.examined.get(id) ?? [])
      .sort((a, b) => caseSize(a.case) - caseSize(b.case))[0];
  }

  /** A mount serves all cases of one geometry: those are brought together. */
  async *#execute(chunk: readonly CaseNode[]): AsyncGenerator<{ node: CaseNode; outcome: Outcome }> {
    const ordered = chunk
      .map((node) => ({ node, key: mountOrder(node.case) }))
      .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : numberOf(a.node) - numberOf(b.node)));
    // One guest has its next batch while this one is judged.
    yield* shared(
      ordered.map(({ node }) => node),
      this.#options.jobs ?? 1,
      (pieces) => this.#work(pieces),
    );
  }

  /** One guest's part: takes pieces as long as there are any. */
  async *#work(pieces: CaseNode[][]): AsyncGenerator<{ node: CaseNode; outcome: Outcome }> {
    const { signal, timeUp, execute: how } = this.#options;
    while (!signal.aborted && !timeUp?.aborted) {
      const piece = pieces.shift();
      if (!piece) return;
      for await (const { index, outcome } of execute(
        this.#source,
        piece.map((node) => node.case),
        { ...how, signal, coverage: this.#options.coverage !== undefined, ...(timeUp && { stop: timeUp }) },
      )) {
        yield { node: piece[index]!, outcome };
      }
    }
  }

  #judge(node: CaseNode, outcome: Outcome): { record: CaseRecord; deviations: readonly Deviation[] } {
    const { facts } = this.#options;
    const { case: value } = node;
    let verdict: Verdict;
    if (outcome.kind === 'observed') {
      const assessed = assess(value, outcome.observation, { facts });
      verdict = assessed.verdict;
      for (const place of new Set(placesOf(assessed.refusals, value, this.#options.cases.slotAt(numberOf(node)))))
        this.covered.set(place, (this.covered.get(place) ?? 0) + 1);
    } else verdict = verdictOf({ cell: { id: '', rule: '', path: '' }, case: value }, outcome, facts);
    const record: CaseRecord = {
      n: numberOf(node),
      hash: caseHash(value),
      note: node.note,
      seed: this.#options.cases.seed,
      atMs: Math.round(performance.now() - this.#startedMs),
      verdict,
    };
    if (outcome.kind === 'observed' && outcome.observation.coverage) {
      const fresh =
        this.#options.coverage?.add(value, outcome.observation.coverage, outcome.observation.coverageCut) ?? 0;
      if (fresh > 0) record.newPlaces = fresh;
      delete outcome.observation.coverage;
    }
    if (verdict.kind !== 'conforms') {
      record.case = encodeCase(value);
      if (outcome.kind === 'observed') record.observation = jsonSafe(outcome.observation);
    }
    Object.assign(record, triesOf(outcome));
    return { record, deviations: verdict.kind === 'deviates' ? verdict.deviations : [] };
  }

  #take(count: number): CaseNode[] {
    const nodes: CaseNode[] = [];
    while (nodes.length < count) {
      const { value, done } = this.#queue.next() as IteratorResult<CaseNode, undefined>;
      if (done) break;
      nodes.push(value!);
      this.#taken += 1;
      this.#unfinished.add(numberOf(value!));
    }
    return nodes;
  }

  *#draw(): Generator<CaseNode, undefined> {
    const { cases, runs = Infinity, shard, select = () => true } = this.#options;
    for (; this.#drawn < runs; this.#next += 1) {
      const index = this.#next;
      if (!select(cases.slotAt(index))) continue;
      this.#drawn += 1;
      if (shard && index % shard.count !== shard.index - 1) continue;
      yield cases.at(index);
    }
    return undefined;
  }
}

/** What the rules refuse in a case: `map/length-nonzero@read fiemap`. A case of the plan is on the path of its cell. */
export const placesOf = (refusals: readonly ExpectedRefusal[], testCase: Case, slot: Slot): string[] =>
  refusals.map(
    ({ rule, half, step }) =>
      `${ruleLabel({ rule, half })} ${'cell' in slot ? slot.cell.path : pathOfStep(testCase, step)}`,
  );

const numberOf = ({ path }: CaseNode): number => Number.parseInt(path, 10);
