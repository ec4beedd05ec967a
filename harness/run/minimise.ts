/**
 * Makes findings small, the severe ones first, while the run goes on and after it. Each is taken from the queue with
 * the smallest case that is known by then; several guests work at several findings.
 */
import { availableParallelism } from 'node:os';
import { causesOf, showsFinding } from '../../model/finding/cause.ts';
import { exampleOf, idsOf, type Found } from '../../model/finding/set.ts';
import { caseHash } from '../../model/hash.ts';
import { bySeverity } from '../../model/finding/severity.ts';
import type { Case } from '../../model/case.ts';
import type { KernelFacts } from '../../model/channel.ts';
import type { Minimised } from '../../model/results.ts';
import type { Deviation } from '../../model/verdict.ts';
import { examine, type Examined } from './examine.ts';
import type { GuestSource, Outcome } from './execute.ts';
import { consoleOf } from './outcome.ts';
import { verdictAlone } from './repro.ts';
import type { CaseNode } from './fuzz/cases.ts';
import { shrink } from './shrink.ts';

/** What shows a finding: a case, or a node of the shrink tree that drew it. */
type Start = { case: Case } | { node: CaseNode };

export interface MinimiserOptions<E> {
  source: GuestSource;
  /** Where replays run. */
  fresh: GuestSource;
  facts: KernelFacts;
  signal: AbortSignal;
  startOf: (example: E) => Start;
  /** The finding of that id with the smallest case so far; undefined: it has become a part of another. */
  latest: (id: string) => Found<E> | undefined;
  /** The most time for one finding. Default: two minutes. */
  limitMs?: number;
  onBegin?: (finding: Found<E>, left: number) => void;
  onProgress?: (finding: Found<E>, state: { tried: number; steps: number }) => void;
  onDone: (finding: Found<E>, examined: ExaminedFinding) => void;
}

/** `node`: its place in the shrink tree, where it still has one. */
export interface ExaminedFinding extends Examined {
  node?: CaseNode;
}

const LIMIT_MS = 120_000;

/**
 * The default time for what is left when the cases have run: a minute, and half a minute for each finding, twenty
 * minutes at most.
 */
export const defaultBudgetMs = (findings: number): number => Math.min(20 * 60_000, 60_000 + 30_000 * findings);

/** Guests that make findings small at once: more than processors would only be slower, each. */
export const minimisers = (): number => Math.min(4, availableParallelism());

/** Why a finding was not made small. */
export const whyNot = (signal: AbortSignal, budgetMs: number): string =>
  signal.aborted
    ? 'the run was interrupted'
    : `the time for it was over (${Math.round(budgetMs / 1000)} s; --minimise gives more)`;

export class Minimiser<E> {
  readonly #options: MinimiserOptions<E>;
  readonly #waiting: Found<E>[] = [];
  readonly #known = new Set<string>();
  readonly #begun = new Set<string>();
  /** Findings that only smaller forms have shown. */
  readonly #others = new Set<string>();
  readonly #workers = new Set<Promise<void>>();
  #guests = 0;
  #untilMs = Infinity;
  #failure: unknown;

  constructor(options: MinimiserOptions<E>) {
    this.#options = options;
  }

  /** Findings that nobody has begun with, without those that became parts of others. */
  get left(): readonly Found<E>[] {
    return this.#waiting.filter(({ id }) => this.#options.latest(id) !== undefined);
  }

  /** Those that it has not had before, as a whole or in a part that is being made small. */
  add(findings: readonly Found<E>[]): void {
    const fresh = findings.filter(
      (finding) => !this.#known.has(finding.id) && !idsOf(finding).some((id) => this.#begun.has(id)),
    );
    for (const { id } of fresh) this.#known.add(id);
    this.#waiting.push(...fresh);
    this.#waiting.sort(bySeverity);
    this.#start();
  }

  /** From now on works in so many guests at once, beside whatever else goes on. */
  workIn(guests: number): void {
    this.#guests = guests;
    this.#start();
  }

  /**
   * Works at what is left; resolves when there is nothing more, or the time is over. Rejects when no guest can be had.
   */
  async finish(guests: number, budgetMs: number): Promise<void> {
    this.#untilMs = performance.now() + budgetMs;
    this.workIn(guests);
    while (this.#workers.size > 0) await Promise.race(this.#workers);
    if (this.#failure !== undefined) throw this.#failure;
  }

  #start(): void {
    for (
      let free = Math.min(this.#guests - this.#workers.size, this.#waiting.length);
      free > 0 && this.#hasTime();
      free -= 1
    ) {
      const worker: Promise<void> = this.#work()
        .catch((error: unknown) => {
          this.#failure ??= error;
        })
        .finally(() => {
          this.#workers.delete(worker);
        });
      this.#workers.add(worker);
    }
  }

  #hasTime(): boolean {
    return !this.#options.signal.aborted && this.#failure === undefined && performance.now() < this.#untilMs;
  }

  async #work(): Promise<void> {
    const { latest, onBegin, onDone } = this.#options;
    while (this.#hasTime()) {
      const next = this.#waiting.shift();
      if (!next) return;
      const finding = latest(next.id);
      if (!finding) continue;
      this.#begun.add(finding.id);
      onBegin?.(finding, this.left.length);
      onDone(finding, await this.#examine(finding));
    }
  }

  /**
   * What a form of a finding's case makes the kernel complain of, or go down with, is told of, when it is another
   * finding and no case of the run has shown it.
   */
  #lookForOthers(id: string, form: Case, outcome: Outcome): void {
    const { source, facts, latest } = this.#options;
    const verdict = verdictAlone(form, outcome, facts);
    if (verdict.kind !== 'deviates') return;
    const hash = caseHash(form);
    for (const {
      id: other,
      deviation: { rule, seen },
    } of causesOf(verdict.deviations)) {
      if (!rule.startsWith('kernel/') || other === id || this.#others.has(other) || latest(other)) continue;
      this.#others.add(other);
      const { crashes = [], tries = 1 } = outcome;
      const events = outcome.kind === 'observed' ? outcome.observation.events : [];
      const log =
        crashes.length > 0
          ? consoleOf(outcome).split('\n')
          : events.flatMap((event) => ('text' in event ? event.text.split('\n') : []));
      source.incident?.({
        reason: seen,
        when: `in a smaller form of a case of finding ${id}`,
        log,
        candidates: [hash],
        shownBy: { case: form, finding: other, reliability: { shown: Math.max(1, crashes.length), of: tries } },
      });
    }
  }

  /** What a generator would draw instead comes first, then the parts that no generator leaves out. */
  async #examine(finding: Found<E>): Promise<ExaminedFinding> {
    const { source, fresh, facts, signal, startOf, limitMs = LIMIT_MS, onProgress } = this.#options;
    const { example, deviation, follows } = exampleOf(finding);
    const untilMs = performance.now() + Math.min(limitMs, this.#untilMs - performance.now());
    const shows = (deviations: readonly Deviation[]): boolean => showsFinding(finding.id, deviations);
    const onOutcome = (form: Case, outcome: Outcome): void => {
      this.#lookForOthers(finding.id, form, outcome);
    };
    const start = startOf(example);
    let [value, node, deviations] = [
      'node' in start ? start.node.case : start.case,
      'node' in start ? start.node : undefined,
      [deviation, ...follows] as readonly Deviation[],
    ];
    let before: Minimised = { steps: 0, tried: 0, end: 'minimal' };
    const progress = ({ steps, tried }: { steps: number; tried: number }): void =>
      onProgress?.(finding, { steps: before.steps + steps, tried: before.tried + tried });
    if (node) {
      const shrunk = await shrink(
        source,
        { node, deviations },
        { facts, signal, shows, limitMs: (untilMs - performance.now()) / 2, onProgress: progress, onOutcome },
      );
      [value, node, deviations, before] = [
        shrunk.node.case,
        shrunk.node,
        shrunk.deviations,
        { steps: shrunk.steps, tried: shrunk.tried, end: shrunk.end },
      ];
    }
    const examined = await examine(
      source,
      { case: value, deviations },
      {
        facts,
        signal,
        fresh,
        limitMs: untilMs - performance.now(),
        shows: (_, others) => shows(others),
        onProgress: progress,
        onOutcome,
      },
    );
    const { steps, tried, end } = examined.minimised;
    return {
      ...examined,
      ...(node && steps === 0 && { node }),
      minimised: {
        steps: before.steps + steps,
        tried: before.tried + tried,
        end: before.end === 'minimal' ? end : before.end,
      },
    };
  }
}
