/**
 * Minimises a case that deviates: walks down fast-check's shrink tree, running the simpler forms in guests, many at a
 * time. A form counts when it shows the same deviation. Forms that take the kernel down cost a restored snapshot each,
 * nothing more (see execute.ts).
 */
import type { Case } from '../../model/case.ts';
import type { KernelFacts } from '../../model/channel.ts';
import { caseHash } from '../../model/hash.ts';
import type { Deviation } from '../../model/verdict.ts';
import { verdictOf } from './conformance.ts';
import { execute, type ExecuteOptions, type GuestSource, type Outcome } from './execute.ts';
import type { CaseNode } from './fuzz/cases.ts';
import { timeLimit } from './time-limit.ts';

export interface ShrinkOptions {
  facts: KernelFacts;
  /** Ends the walk where it stands. */
  signal?: AbortSignal;
  /** Default: two minutes. */
  limitMs?: number;
  /** What a simpler form must show. */
  shows: (deviations: readonly Deviation[]) => boolean;
  onProgress?: (state: { steps: number; tried: number }) => void;
  /** Sees each form that was run, also those that show something else. */
  onOutcome?: (form: Case, outcome: Outcome) => void;
}

export interface Shrunk {
  node: CaseNode;
  /** What deviates in the smallest form. */
  deviations: readonly Deviation[];
  /** How often a simpler form was found, and how many forms were run. */
  steps: number;
  tried: number;
  /** `minimal`: no simpler form shows the deviation. */
  end: 'minimal' | 'interrupted' | 'out-of-time';
}

/** Forms that are run together: enough to hide what a message costs, few enough that a hit wastes little. */
const BATCH = 16;
const LIMIT_MS = 120_000;

export async function shrink(
  source: GuestSource,
  start: { node: CaseNode; deviations: readonly Deviation[] },
  options: ShrinkOptions,
): Promise<Shrunk> {
  const { facts, signal, shows, limitMs = LIMIT_MS, onProgress, onOutcome } = options;
  const timeUp = timeLimit(limitMs);
  const stop = signal ? AbortSignal.any([signal, timeUp]) : timeUp;
  const state: Shrunk = { ...start, steps: 0, tried: 0, end: 'minimal' };
  // Different ways down lead to the same case.
  const known = new Set([caseHash(start.node.case)]);
  for (;;) {
    const hit = await firstHit(state.node.shrinks());
    if (!hit) {
      if (stop.aborted) state.end = signal?.aborted ? 'interrupted' : 'out-of-time';
      return state;
    }
    Object.assign(state, hit);
    state.steps += 1;
  }

  async function firstHit(
    forms: Iterable<CaseNode>,
  ): Promise<{ node: CaseNode; deviations: readonly Deviation[] } | undefined> {
    for (const batch of batches(forms, known)) {
      if (stop.aborted) return undefined;
      let best: { node: CaseNode; deviations: readonly Deviation[]; index: number } | undefined;
      for await (const { index, outcome } of execute(
        source,
        batch.map((node) => node.case),
        { ...hurried(start.deviations), signal: stop },
      )) {
        state.tried += 1;
        const node = batch[index]!;
        onOutcome?.(node.case, outcome);
        const verdict = verdictOf({ cell: { id: '', rule: '', path: '' }, case: node.case }, outcome, facts);
        if (verdict.kind !== 'deviates' || !shows(verdict.deviations)) continue;
        // fast-check offers the most aggressive forms first, and a case that crashed comes late.
        if (!best || index < best.index) best = { node, deviations: verdict.deviations, index };
        // The guest is gone; each further form that crashes would cost another one.
        if (outcome.kind === 'crashed') break;
      }
      onProgress?.(state);
      if (best) return { node: best.node, deviations: best.deviations };
    }
    return undefined;
  }
}

/**
 * How forms of a case that takes the kernel down are run: once each, as replays say later how reliable the last one is,
 * and each by its name.
 */
export const hurried = (deviations: readonly Deviation[]): Pick<ExecuteOptions, 'tries' | 'tables'> =>
  deviations.some(({ rule }) => rule === 'kernel/healthy' || rule === 'kernel/hang') ? { tries: 1, tables: false } : {};

/** Batches of forms that were not run before; notes them as known. */
function* batches(forms: Iterable<CaseNode>, known: Set<string>): Generator<CaseNode[]> {
  let batch: CaseNode[] = [];
  for (const form of forms) {
    const hash = caseHash(form.case);
    if (known.has(hash)) continue;
    known.add(hash);
    batch.push(form);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
