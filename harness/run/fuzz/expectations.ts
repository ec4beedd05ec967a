/**
 * Known deviations of kernels, in a file that people keep: each with its reason, where it is discussed, and the day on which it has to be
 * looked at again.
 */
import { z } from 'zod';
import { UsageError, messageOf } from '../../../vm/errors.ts';
import { readText } from '../case-file.ts';
import { matchesGlob } from '../glob.ts';
import type { FuzzFinding } from './findings.ts';

const expectation = z.strictObject({
  /** Id of a rule; * matches anything. */
  rule: z.string().min(1),
  /** Path of the kernel, as findings name it; absent: any. */
  path: z.string().min(1).optional(),
  /** Matches the kernel's release or version, * matching anything: `7.3*`. */
  kernel: z.string().min(1),
  reason: z.string().min(1),
  link: z.url(),
  /** The last day on which it counts. */
  expires: z.iso.date(),
});
const expectationsFile = z.strictObject({ schema: z.literal(1), expectations: z.array(expectation) });
export type ExpectedDeviation = z.infer<typeof expectation>;

/** Throws UsageError that names what is wrong in which entry. */
export function readExpectations(path: string): ExpectedDeviation[] {
  let json: unknown;
  try {
    json = JSON.parse(readText(path));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${path} is no JSON: ${messageOf(error)}`);
  }
  const parsed = expectationsFile.safeParse(json);
  if (parsed.success) return parsed.data.expectations;
  const fields = parsed.error.issues.map(({ path: where, message }) => `  ${where.join('.') || 'the file'}: ${message}`);
  throw new UsageError(`${path} is no list of expected deviations:\n${fields.join('\n')}\nIt must be {"schema": 1, "expectations": [{"rule", "path"?, "kernel", "reason", "link", "expires": "YYYY-MM-DD"}, ...]}`);
}

export interface Reconciled {
  /** Findings that nobody expects: these fail a run. */
  unexpected: readonly FuzzFinding[];
  expected: readonly { finding: FuzzFinding; expectation: ExpectedDeviation }[];
  /** For people: expectations that ran out, and those that did not happen although what they are about was tried. */
  notices: readonly string[];
}

/** `covered`: rules that refused something, as `RULE PATH`. `today`: YYYY-MM-DD. */
export function reconcile(
  findings: readonly FuzzFinding[], expectations: readonly ExpectedDeviation[], of: { kernel: { release: string; version: string }; covered: Iterable<string>; today: string },
): Reconciled {
  const here = expectations.filter(({ kernel }) => matchesGlob(kernel, of.kernel.release) || matchesGlob(kernel, of.kernel.version));
  const about = (one: ExpectedDeviation, rule: string, path: string) => matchesGlob(one.rule, rule) && (one.path === undefined || matchesGlob(one.path, path));
  const expected: Reconciled['expected'][number][] = [];
  const unexpected: FuzzFinding[] = [];
  const notices: string[] = [];
  for (const finding of findings) {
    const expectation = here.find((one) => one.expires >= of.today && about(one, finding.rule, finding.path));
    if (expectation) expected.push({ finding, expectation });
    else unexpected.push(finding);
  }
  const covered = [...of.covered].map((place) => place.split(' ') as [string, string]);
  for (const one of here) {
    const name = `${one.rule}${one.path === undefined ? '' : ` on ${one.path}`}`;
    const happens = findings.some(({ rule, path }) => about(one, rule, path));
    if (one.expires < of.today) {
      notices.push(`the expectation of ${name} ran out on ${one.expires} and counts no more${happens ? '; it still deviates' : ''} (${one.link})`);
    } else if (!happens && covered.some(([rule, path]) => about(one, rule, path))) {
      notices.push(`an expected deviation did not happen: ${name} (${one.reason}); remove it from the list if it is repaired (${one.link})`);
    }
  }
  return { unexpected, expected, notices };
}
