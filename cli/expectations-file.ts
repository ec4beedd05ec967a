/** `--expectations FILE`: the list of known deviations that commands honour. */
import { Option } from 'commander';
import { UsageError, messageOf } from '../model/errors.ts';
import { expectationsFile, concernsHealth, type ExpectedDeviation } from '../model/expectations.ts';
import { matchesGlob } from '../model/glob.ts';
import { readText } from '../harness/run/case-file.ts';
import { revisionIds } from '../uapi/revision.ts';
import { ruleTexts } from './rule-texts.ts';

export const expectationsOption = (
  text = 'known deviations of kernels, with reason, link and expiry: they fail nothing until they expire',
): Option => new Option('--expectations <file>', text);

const SHAPE =
  'It must be {"schema": 1, "expectations": [{"id" or "rule" or both, "path"?, "kernel", "reason", "link", "expires": "YYYY-MM-DD"}, ...]}; correct it, or give another file';

/** Throws UsageError that names what is wrong in which entry. */
export function readExpectations(path: string): ExpectedDeviation[] {
  let json: unknown;
  try {
    json = JSON.parse(readText(path));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${path} is no JSON: ${messageOf(error)}\n${SHAPE}`);
  }
  const parsed = expectationsFile.safeParse(json);
  if (parsed.success) {
    const faults = parsed.data.expectations.flatMap((one, index) =>
      faultsOf(one).map((fault) => `  expectations.${index}.rule: ${fault}`),
    );
    if (faults.length > 0) throw new UsageError(`${path} expects what it must not:\n${faults.join('\n')}`);
    return parsed.data.expectations;
  }
  const fields = parsed.error.issues.map(
    ({ path: where, message }) => `  ${where.join('.') || 'the file'}: ${message}`,
  );
  throw new UsageError(`${path} is no list of expected deviations:\n${fields.join('\n')}\n${SHAPE}`);
}

/** An entry that names no rule would be of no use without a word, and one that names all would hide all. */
function faultsOf({ id, rule, path }: ExpectedDeviation): string[] {
  if (rule === undefined) return [];
  const named = knownRules().filter((known) => matchesGlob(rule, known));
  if (named.length === 0)
    return [
      `no rule is called ${rule}; reports print the names of those that deviate, and "iomapfuzz conformance --list" those of the others`,
    ];
  if (id !== undefined) return [];
  if (named.every(concernsHealth))
    return [`${rule} is what the kernel itself says: name the one that is expected by its "id", as reports print it`];
  // A family is named in letters: `*`, `*/*` and `*e*` are about nearly everything.
  if (rule.split('/')[0]!.includes('*') && /^\**$/.test(path ?? ''))
    return [`${rule} expects nearly every deviation; name a rule, a family of them (map/*) or an id`];
  return [];
}

/** Of all revisions. */
const knownRules = (): string[] => [...new Set(revisionIds.flatMap((revision) => [...ruleTexts(revision).keys()]))];
