/** A verdict that says "conforms" and names every aspect as not judged passes nothing. */
import type { Deviation, Unjudged, Verdict } from './verdict.ts';

const ASPECTS = {
  errno: true, result: true, 'trace-event': true, warn: true, 'bytes-read': true, 'device-bytes': true, request: true, 'kernel-log': true, size: true,
} as const satisfies Record<Deviation['aspect'], true>;

/** True when no aspect is left that was judged. */
export function isNothingJudged(unjudged: readonly Pick<Unjudged, 'aspect'>[]): boolean {
  const named = new Set(unjudged.map(({ aspect }) => aspect));
  return (Object.keys(ASPECTS) as Deviation['aspect'][]).every((aspect) => named.has(aspect));
}

/** The verdict, or `not-run` with the reason where it claims more than was judged. */
export function honestVerdict(verdict: Verdict): Verdict {
  if (verdict.kind !== 'conforms' || !verdict.unjudged || !isNothingJudged(verdict.unjudged)) return verdict;
  const reasons = [...new Set(verdict.unjudged.map(({ reason }) => reason))];
  return { kind: 'not-run', reason: `nothing of it was judged, because ${reasons.slice(0, 3).join('; ')}` };
}
