/** A verdict that says "conforms" and names every aspect of the whole case as not judged passes nothing. */
import type { Deviation, Unjudged, Verdict } from './verdict.ts';

/** The kernel's log is read whatever a guest kept of the case: alone it passes nothing. */
const ASPECTS = {
  errno: true, result: true, 'trace-event': true, warn: true, 'bytes-read': true, 'device-bytes': true, request: true, size: true,
} as const satisfies Record<Exclude<Deviation['aspect'], 'kernel-log'>, true>;

/** True when no aspect is left that was judged. What is not judged of one step, or from one on, was judged of the others. */
export function isNothingJudged(unjudged: readonly Pick<Unjudged, 'aspect' | 'step'>[]): boolean {
  const named = new Set(unjudged.flatMap(({ aspect, step }) => (step === undefined ? [aspect] : [])));
  return (Object.keys(ASPECTS) as (keyof typeof ASPECTS)[]).every((aspect) => named.has(aspect));
}

/** The verdict, or `not-run` with the reason where it claims more than was judged. */
export function honestVerdict(verdict: Verdict): Verdict {
  if (verdict.kind !== 'conforms' || !verdict.unjudged || !isNothingJudged(verdict.unjudged)) return verdict;
  const reasons = [...new Set(verdict.unjudged.map(({ reason }) => reason))];
  return { kind: 'not-run', reason: `nothing of it was judged, because ${reasons.slice(0, 3).join('; ')}` };
}
