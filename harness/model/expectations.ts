/**
 * Known deviations of kernels, in a file that people keep: each with its reason, where it is discussed, and the day on which it has to be
 * looked at again.
 */
import { z } from 'zod';
import { matchesGlob } from './glob.ts';

export const expectation = z.strictObject({
  /** Id of a rule; * matches anything. */
  rule: z.string().min(1),
  /** Path of the kernel, as findings name it; * matches anything; absent: any. */
  path: z.string().min(1).optional(),
  /** Matches the kernel's release or version, * matching anything: `7.3*`. */
  kernel: z.string().min(1),
  reason: z.string().min(1),
  link: z.url(),
  /** The last day on which it counts. */
  expires: z.iso.date(),
});
export type ExpectedDeviation = z.infer<typeof expectation>;

export const expectationsFile = z.strictObject({ schema: z.literal(1), expectations: z.array(expectation) });

/** A rule on a path, as findings and coverage name it. */
export interface Place { rule: string; path: string }

/** Those that are about this kernel. */
export const concerning = (all: readonly ExpectedDeviation[], kernel: { release: string; version: string }): ExpectedDeviation[] =>
  all.filter(({ kernel: pattern }) => matchesGlob(pattern, kernel.release) || matchesGlob(pattern, kernel.version));

const about = (one: ExpectedDeviation, { rule, path }: Place): boolean => matchesGlob(one.rule, rule) && (one.path === undefined || matchesGlob(one.path, path));

/** The expectation that a deviation there meets. `today`: YYYY-MM-DD. */
export const expectationOf = (all: readonly ExpectedDeviation[], place: Place, today: string): ExpectedDeviation | undefined =>
  all.find((one) => one.expires >= today && about(one, place));

export interface Reconciled<F extends Place> {
  /** Findings that nobody expects: these fail a run. */
  unexpected: readonly F[];
  expected: readonly { finding: F; expectation: ExpectedDeviation }[];
  /** For people: expectations that ran out, and those that did not happen although what they are about was tried. */
  notices: readonly string[];
}

/** `here`: expectations about the kernel that ran. `tried`: where a deviation would have shown. */
export function reconcile<F extends Place>(findings: readonly F[], here: readonly ExpectedDeviation[], of: { tried: readonly Place[]; today: string }): Reconciled<F> {
  const expected: Reconciled<F>['expected'][number][] = [];
  const unexpected: F[] = [];
  const notices: string[] = [];
  for (const finding of findings) {
    const met = expectationOf(here, finding, of.today);
    if (met) expected.push({ finding, expectation: met });
    else unexpected.push(finding);
  }
  for (const one of here) {
    const name = `${one.rule}${one.path === undefined ? '' : ` on ${one.path}`}`;
    const happens = findings.some((finding) => about(one, finding));
    if (one.expires < of.today) {
      notices.push(`the expectation of ${name} ran out on ${one.expires} and counts no more${happens ? '; it still deviates' : ''} (${one.link})`);
    } else if (!happens && of.tried.some((place) => about(one, place))) {
      notices.push(`an expected deviation did not happen: ${name} (${one.reason}); remove it from the list if it is repaired (${one.link})`);
    }
  }
  return { unexpected, expected, notices };
}
