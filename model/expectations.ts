/**
 * Known deviations of kernels, in a file that people keep: each with its reason, where it is discussed, and the day on
 * which it has to be looked at again.
 */
import { z } from 'zod';
import { matchesGlob } from './glob.ts';

export const expectation = z
  .strictObject({
    /** Id of a finding, as reports print it; absent: any of the rule. */
    id: z
      .string()
      .regex(/^[0-9a-f]{8}$/, 'must be the eight hexadecimal digits that reports print')
      .optional(),
    /**
     * Id of a rule; * matches anything, but nothing that the kernel itself says: that is expected by its id. Absent
     * only where there is an id.
     */
    rule: z.string().min(1).optional(),
    /** Path of the kernel, as findings name it; * matches anything; absent: any. */
    path: z.string().min(1).optional(),
    /** Matches the kernel's release or version, * matching anything: `7.3*`. */
    kernel: z.string().min(1),
    reason: z.string().min(1),
    link: z.url(),
    /** The last day on which it counts. */
    expires: z.iso.date(),
  })
  .refine(({ id, rule }) => id !== undefined || rule !== undefined, {
    message: 'must name the id of a finding or a rule',
  });
export type ExpectedDeviation = z.infer<typeof expectation>;

export const expectationsFile = z.strictObject({ schema: z.literal(1), expectations: z.array(expectation) });

/** A rule on a path, as findings and coverage name it. */
export interface Place {
  rule: string;
  path: string;
}

/** Those that are about this kernel. */
export const concerning = (
  all: readonly ExpectedDeviation[],
  kernel: { release: string; version: string },
): ExpectedDeviation[] =>
  all.filter(({ kernel: pattern }) => matchesGlob(pattern, kernel.release) || matchesGlob(pattern, kernel.version));

const isHere = ({ rule, path }: ExpectedDeviation, place: Place): boolean =>
  (rule === undefined || matchesGlob(rule, place.rule)) && (path === undefined || matchesGlob(path, place.path));

/** What an expectation can name: a finding with the places where it shows. */
export interface Expectable {
  id: string;
  places: readonly Place[];
}

/** Every crash, hang and warning is of such a rule: to expect one of them is not to expect the next. */
export const concernsHealth = (rule: string): boolean => rule.startsWith('kernel/');

const about = (one: ExpectedDeviation, id: string, place: Place): boolean =>
  (one.id === undefined ? !concernsHealth(place.rule) : one.id === id) && isHere(one, place);

/** The expectation that a finding meets in one of its places. `today`: YYYY-MM-DD. */
export const expectationOf = (
  all: readonly ExpectedDeviation[],
  id: string,
  place: Place,
  today: string,
): ExpectedDeviation | undefined => all.find((one) => one.expires >= today && about(one, id, place));

/** Whether a finding is expected wherever it shows. */
export const isExpected = (all: readonly ExpectedDeviation[], { id, places }: Expectable, today: string): boolean =>
  places.every((place) => expectationOf(all, id, place, today) !== undefined);

export interface Reconciled<F extends Expectable> {
  /** Findings that nobody expects: these fail a run. */
  unexpected: readonly F[];
  expected: readonly { finding: F; expectation: ExpectedDeviation }[];
  /** For people: expectations that ran out, and those that did not happen although what they are about was tried. */
  notices: readonly string[];
}

export interface ReconcileOptions<F extends Expectable> {
  /** Where a deviation would have shown. */
  tried: readonly Place[];
  today: string;
  /** The same finding in some of its places: what is expected on one path fails a run on another. */
  narrow: (finding: F, places: F['places']) => F;
}

/** `here`: expectations about the kernel that ran. */
export function reconcile<F extends Expectable>(
  findings: readonly F[],
  here: readonly ExpectedDeviation[],
  { tried, today, narrow }: ReconcileOptions<F>,
): Reconciled<F> {
  const expected: Reconciled<F>['expected'][number][] = [];
  const unexpected: F[] = [];
  for (const finding of findings) {
    const parts = new Map<ExpectedDeviation | undefined, Place[]>();
    for (const place of finding.places) {
      const met = expectationOf(here, finding.id, place, today);
      parts.set(met, [...(parts.get(met) ?? []), place]);
    }
    for (const [met, places] of parts) {
      const part = parts.size === 1 ? finding : narrow(finding, places);
      if (met) expected.push({ finding: part, expectation: met });
      else unexpected.push(part);
    }
  }
  return { unexpected, expected, notices: here.flatMap((one) => noticeOf(one, findings, { tried, today })) };
}

function noticeOf(
  one: ExpectedDeviation,
  findings: readonly Expectable[],
  { tried, today }: Pick<ReconcileOptions<Expectable>, 'tried' | 'today'>,
): string[] {
  const name = [one.id, one.rule, one.path === undefined ? undefined : `on ${one.path}`]
    .filter((part) => part !== undefined)
    .join(' ');
  const happens = findings.some(({ id, places }) => places.some((place) => about(one, id, place)));
  if (one.expires < today)
    return [
      `the expectation of ${name} ran out on ${one.expires} and counts no more${happens ? '; it still deviates' : ''} (${one.link})`,
    ];
  if (happens || !tried.some((place) => isHere(one, place))) return [];
  return [
    `an expected deviation did not happen: ${name} (${one.reason}); remove it from the list if it is repaired (${one.link})`,
  ];
}
