/** By which numbers a stored observation, or the case of a finding, was made: its run's summary says it. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readRegularText } from '../../../files/regular-file.ts';
import { messageOf } from '../../../model/errors.ts';
import { firstIssue } from '../../../model/results.ts';
import { uapiHeader, type UapiHeader } from '../../../model/uapi-header.ts';

const holder = (directory: string): string | undefined =>
  [join(directory, 'summary.json'), join(directory, '..', 'summary.json')].find((path) => existsSync(path));

/**
 * The header of the run whose results directory holds `file`, in itself or in findings/; undefined: there is no such
 * directory, or its run went by the table of its revision. Throws Error when the summary says it in another form.
 */
export function headerOfResults(file: string): UapiHeader | undefined {
  const summary = holder(dirname(file));
  if (summary === undefined) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(readRegularText(summary));
  } catch (error) {
    throw new Error(`${summary}, which says by which numbers it was made, can't be read: ${messageOf(error)}`);
  }
  const stored = (json as { uapiHeader?: unknown } | null)?.uapiHeader;
  if (stored === undefined) return undefined;
  const parsed = uapiHeader.safeParse(stored);
  if (!parsed.success) throw new Error(`${summary}: uapiHeader: ${firstIssue(parsed.error)}`);
  return parsed.data;
}
