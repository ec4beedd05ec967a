/** `--expectations FILE`: the list of known deviations that commands honour. */
import { Option } from 'commander';
import { UsageError, messageOf } from '../../vm/errors.ts';
import { expectationsFile, type ExpectedDeviation } from '../model/expectations.ts';
import { readText } from '../run/case-file.ts';

export const expectationsOption = (text = 'known deviations of kernels, with reason, link and expiry: they fail nothing until they expire'): Option =>
  new Option('--expectations <file>', text);

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
  throw new UsageError(`${path} is no list of expected deviations:\n${fields.join('\n')}\nIt must be {"schema": 1, "expectations": [{"id" or "rule" or both, "path"?, "kernel", "reason", "link", "expires": "YYYY-MM-DD"}, ...]}`);
}
