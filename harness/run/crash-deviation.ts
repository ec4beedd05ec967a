/** A kernel that went down in some tries of a case. */
import type { Deviation, Verdict } from '../../model/verdict.ts';

export const timesText = (crashes: number, tries: number): string => `(${crashes} of ${tries} tries)`;

export const crashDeviation = (reason: string, crashes: number, tries: number): Deviation => ({
  rule: 'kernel/healthy',
  aspect: 'kernel-log',
  expected: 'the kernel stays healthy, whatever a server answers',
  seen: `${reason} ${timesText(crashes, tries)}`,
});

/** What the last try saw does not undo what the kernel did in those before. */
export function withCrashes(verdict: Verdict, crashes: readonly Deviation[]): Verdict {
  if (crashes.length === 0) return verdict;
  if (verdict.kind !== 'deviates')
    return {
      kind: 'deviates',
      deviations: [...crashes],
      ...(verdict.kind === 'conforms' && verdict.unjudged && { unjudged: verdict.unjudged }),
    };
  // It is no other revision's behaviour to go down.
  const { conformsAs: _conformsAs, ...rest } = verdict;
  return { ...rest, deviations: [...crashes, ...verdict.deviations] };
}
