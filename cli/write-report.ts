/** Writes a report to the file that an option names. */
import { statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf, UsageError } from '../model/errors.ts';
import { writeError } from '../files/system-error.ts';
import { writeWhole } from '../files/write-whole.ts';

/**
 * Returns the file's whole path. What is no regular file (a device, a pipe) is written to as it is. Throws UsageError
 * that names `option`.
 */
export function writeReport(file: string, text: string, option: string): string {
  const path = resolve(file);
  try {
    const existing = statSync(path, { throwIfNoEntry: false });
    if (existing?.isDirectory()) throw new Error('it is a directory; name a file in it');
    if (existing && !existing.isFile()) writeFileSync(path, text);
    else writeWhole(path, text);
  } catch (error) {
    throw new UsageError(`can't write ${path}: ${messageOf(writeError(error, path))}; or give another ${option}`);
  }
  return path;
}
