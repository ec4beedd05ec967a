/** Writes a report to the file that an option names, whole or not at all: a page that breaks off is worse than none. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf, UsageError } from '../../vm/errors.ts';

/** Returns the file's whole path. Throws UsageError that names `option`. */
export function writeWhole(file: string, text: string, option: string): string {
  const path = resolve(file);
  try {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  } catch (error) {
    rmSync(`${path}.new`, { force: true });
    throw new UsageError(`can't write ${path}: ${messageOf(error)}; give another ${option}`);
  }
  return path;
}
