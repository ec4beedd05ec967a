/** A verdict that says "conforms" and names all that the whole case is about as not judged passes nothing. */
import type { Deviation, Unjudged, Verdict } from './verdict.ts';

/** What a case is about. That a kernel complained of nothing, in its log or by reports, passes nothing alone. */
const SUBSTANCE = [
  'errno',
  'result',
  'size',
  'bytes-read',
  'device-bytes',
  'request',
] as const satisfies readonly Deviation['aspect'][];

/**
 * True when nothing is left that was judged. What is not judged of one step, or from one on, was judged of the others.
 */
function isNothingJudged(unjudged: readonly Pick<Unjudged, 'aspect' | 'step'>[]): boolean {
  const named = new Set(unjudged.flatMap(({ aspect, step }) => (step === undefined ? [aspect] : [])));
  return SUBSTANCE.every((aspect) => named.has(aspect));
}

/** The verdict, or `not-run` with the reason where it claims more than was judged. */
export function honestVerdict(verdict: Verdict): Verdict {
  if (verdict.kind !== 'conforms' || !verdict.unjudged || !isNothingJudged(verdict.unjudged)) return verdict;
  const reasons = [...new Set(verdict.unjudged.map(({ reason }) => reason))];
  return { kind: 'not-run', reason: `nothing of it was judged, because ${reasons.slice(0, 3).join('; ')}` };
}
