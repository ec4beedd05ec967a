/** Writes a report to the file that an option names, whole or not at all: a page that breaks off is worse than none. */
import { randomUUID } from 'node:crypto';
import { realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf, UsageError } from '../../vm/errors.ts';

/** Returns the file's whole path. What is no regular file (a device, a pipe) is written to as it is. Throws UsageError that names `option`. */
export function writeWhole(file: string, text: string, option: string): string {
  const path = resolve(file);
  try {
    const existing = statSync(path, { throwIfNoEntry: false });
    if (existing && !existing.isFile()) writeFileSync(path, text);
    else replace(existing ? realpathSync(path) : path, text, existing?.mode);
  } catch (error) {
    throw new UsageError(`can't write ${path}: ${messageOf(error)}; give another ${option}`);
  }
  return path;
}

/** A name that nobody can foresee, and a file that was not there before: nothing else is written to or followed. */
function replace(path: string, text: string, mode: number | undefined): void {
  const unfinished = `${path}.${randomUUID()}.new`;
  try {
    writeFileSync(unfinished, text, { flag: 'wx', ...(mode !== undefined && { mode: mode & 0o777 }) });
    renameSync(unfinished, path);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
}
