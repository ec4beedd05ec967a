/** The inside of a campaign: draws cases, runs them in guests, judges them, collects findings and minimises the new ones. */
import { assess } from '../../../oracles/judge.ts';
import type { ExpectedRefusal } from '../../../oracles/kernel/expectation.ts';
import { encodeCase, type Case } from '../../model/case.ts';
import type { KernelFacts } from '../../model/channel.ts';
import { mountOrder } from '../../model/case-traits.ts';
import { caseHash } from '../../model/hash.ts';
import { jsonSafe, type CaseRecord } from '../../model/results.ts';
import type { Deviation, Verdict } from '../../model/verdict.ts';
import { triesOf, verdictOf, type Shard } from '../conformance.ts';
import { execute, type ExecuteOptions, type GuestSource, type Outcome } from '../execute.ts';
import { shared } from '../parallel.ts';
import { examine } from '../examine.ts';
import { shrink } from '../shrink.ts';
import type { CaseNode, FuzzCases } from './cases.ts';
import { FindingSet, primaryDeviations, findingKey, type FuzzFinding } from './findings.ts';
import type { KernelCoverage } from '../kernel-coverage.ts';
import { pathOfStep } from '../../model/places.ts';
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
  isExpected?: (finding: FuzzFinding) => boolean;
  /** Somebody wants the campaign to end now. */
  signal: AbortSignal;
  /** The time is over: findings are still minimised. Default: never. */
  timeUp?: AbortSignal;
  execute?: Pick<ExecuteOptions, 'batchSize' | 'caseDeadlineMs'>;
  /** Guests that run cases at the same time. Default: 1. */
  jobs?: number;
  /** Takes note of the kernel's code that cases reach. Default: nobody asks. */
  coverage?: Pick<KernelCoverage, 'add'>;
  /** Where findings are replayed. Default: where cases run. */
  fresh?: GuestSource;
  /** The most time that minimising one finding may take, and all of them when the time is over. Default: two minutes. */
  shrinkLimitMs?: number;
  onShrink?: (finding: FuzzFinding, state: { steps: number; tried: number }) => void;
}

export type LoopEvent =
  | { kind: 'case'; record: CaseRecord }
  | { kind: 'finding'; finding: FuzzFinding }
  /** Minimised, and replayed. */
  | { kind: 'shrunk'; finding: FuzzFinding };

/** Cases that are drawn, ordered by mount and run before the next: a few stretches of the geometries' table. */
const CHUNK = 2048;
/** A kernel that deviates everywhere is not worth hours of minimising. */
const MOST_SHRUNK = 40;
const SHRINK_LIMIT_MS = 120_000;

export class FuzzLoop {
  readonly findings = new FindingSet();
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
  #shrunk = 0;
  #shrinkingMs = 0;
  #overtimeUntilMs: number | undefined;

  constructor(source: GuestSource, options: LoopOptions) {
    this.#source = source;
    this.#options = options;
    this.#next = options.start ?? 0;
    this.#queue = this.#draw();
  }

  /** Cases that were drawn to be run. */
  get drawn(): number {
    return this.#taken;
  }

  /** Number of the first case that has not finished: where a later campaign takes up. */
  get resumeAt(): number {
    return this.#unfinished.size > 0 ? Math.min(...this.#unfinished) : this.#next;
  }

  async* run(): AsyncGenerator<LoopEvent> {
    const { signal, timeUp } = this.#options;
    const stop = timeUp ? AbortSignal.any([signal, timeUp]) : signal;
    const waiting: FuzzFinding[] = [];
    let chunk = this.#take(CHUNK);
    while (chunk.length > 0 && !stop.aborted) {
      const fresh: FuzzFinding[] = [];
      const following: CaseNode[] = [];
      for await (const { node, outcome } of this.#execute(chunk)) {
        const { record, deviations } = this.#judge(node, outcome);
        this.#unfinished.delete(record.n);
        yield { kind: 'case', record };
        for (const finding of this.findings.add(node, deviations)) {
          Object.assign(finding, { lost: triesOf(outcome) });
          fresh.push(finding);
          yield { kind: 'finding', finding };
        }
        // Drawn while the guest is busy with what it has.
        following.push(...this.#take(1));
      }
      waiting.push(...fresh);
      // A kernel that deviates everywhere is fuzzed all the same: minimising gets half of the time, and what is over when the cases are.
      while (waiting.length > 0 && this.#shrinkingMs <= (performance.now() - this.#startedMs) / 2) yield* this.#minimise(waiting.shift()!);
      chunk = stop.aborted ? [] : [...following, ...this.#take(CHUNK - following.length)];
    }
    for (const finding of waiting) yield* this.#minimise(finding);
  }

  /** A mount serves all cases of one geometry: those are brought together. */
  async* #execute(chunk: readonly CaseNode[]): AsyncGenerator<{ node: CaseNode; outcome: Outcome }> {
    const ordered = chunk.map((node) => ({ node, key: mountOrder(node.case) })).sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : numberOf(a.node) - numberOf(b.node)));
    // One guest has its next batch while this one is judged.
    yield* shared(ordered.map(({ node }) => node), this.#options.jobs ?? 1, (pieces) => this.#work(pieces));
  }

  /** One guest's part: takes pieces as long as there are any. */
  async* #work(pieces: CaseNode[][]): AsyncGenerator<{ node: CaseNode; outcome: Outcome }> {
    const { signal, timeUp, execute: how } = this.#options;
    while (!signal.aborted && !timeUp?.aborted) {
      const piece = pieces.shift();
      if (!piece) return;
      for await (const { index, outcome } of execute(this.#source, piece.map((node) => node.case), { ...how, signal, coverage: this.#options.coverage !== undefined, ...(timeUp && { stop: timeUp }) })) {
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
      for (const place of new Set(placesOf(assessed.refusals, value, this.#options.cases.slotAt(numberOf(node))))) this.covered.set(place, (this.covered.get(place) ?? 0) + 1);
    } else verdict = verdictOf({ cell: { id: '', rule: '', path: '' }, case: value }, outcome, facts);
    const record: CaseRecord = {
      n: numberOf(node), hash: caseHash(value), note: node.note, seed: this.#options.cases.seed, atMs: Math.round(performance.now() - this.#startedMs), verdict,
    };
    if (outcome.kind === 'observed' && outcome.observation.coverage) {
      const fresh = this.#options.coverage?.add(value, outcome.observation.coverage) ?? 0;
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

  async* #minimise(finding: FuzzFinding): AsyncGenerator<LoopEvent> {
    const { facts, signal, isExpected, onShrink } = this.#options;
    const limitMs = this.#shrinkTime();
    if (signal.aborted || limitMs <= 0 || this.#shrunk >= MOST_SHRUNK || isExpected?.(finding)) return;
    this.#shrunk += 1;
    const startedMs = performance.now();
    const { key: _key, rule, aspect, detail, path } = finding;
    // The deviation must stay a cause on its path; one that is in no step takes the path of what is left of the case.
    const isSame = (of: CaseNode['case'], one: Deviation): boolean => {
      const other = findingKey(of, one);
      return other.rule === rule && other.aspect === aspect && other.detail === detail && (other.path === path || path === 'several');
    };
    const shrunk = await shrink(this.#source, { node: finding.example, deviations: finding.deviations }, finding, {
      facts, signal, limitMs, shows: (node, deviations) => primaryDeviations(deviations).some((one) => isSame(node.case, one)),
      onProgress: (state) => onShrink?.(finding, state),
    });
    // What the tree cannot leave out may still go: it shrinks values, and knows nothing of the parts of a case.
    const examined = await examine(this.#source, { case: shrunk.node.case, deviations: shrunk.deviations }, {
      facts, signal, fresh: this.#options.fresh ?? this.#source, limitMs: limitMs - (performance.now() - startedMs),
      shows: (of, deviations) => primaryDeviations(deviations).some((one) => isSame(of, one)),
    });
    const { minimised: { steps, tried, end }, outcome, reliability } = examined;
    Object.assign(finding, {
      minimised: true, example: steps > 0 ? { ...shrunk.node, case: examined.case, shrinks: () => [] } : shrunk.node, deviations: examined.deviations,
      shrunk: { steps: shrunk.steps + steps, tried: shrunk.tried + tried, end: shrunk.end === 'minimal' ? end : shrunk.end },
      ...(outcome && { outcome }), ...(reliability && { reliability }),
    });
    this.#shrinkingMs += performance.now() - startedMs;
    yield { kind: 'shrunk', finding };
  }

  #shrinkTime(): number {
    const { timeUp, shrinkLimitMs = SHRINK_LIMIT_MS } = this.#options;
    if (!timeUp?.aborted) return shrinkLimitMs;
    this.#overtimeUntilMs ??= performance.now() + shrinkLimitMs;
    return Math.max(0, Math.floor(this.#overtimeUntilMs - performance.now()));
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
export const placesOf = (refusals: readonly ExpectedRefusal[], of: Case, slot: Slot): string[] =>
  refusals.map(({ rule, half, step }) => `${half && !rule.startsWith('begin/') ? `${rule}@${half}` : rule} ${'cell' in slot ? slot.cell.path : pathOfStep(of, step)}`);

const numberOf = ({ path }: CaseNode): number => Number.parseInt(path, 10);
