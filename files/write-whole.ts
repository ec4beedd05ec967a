/** Writes a file whole or not at all: one that breaks off is worse than none, and one that was there is not lost. */
import { randomUUID } from 'node:crypto';
import { lstatSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { requireRegular } from './regular-file.ts';
import { writeError } from './system-error.ts';

/**
 * Writes beside the file and renames. A link to a file stays one; what is no regular file (a pipe, a device) is left
 * alone. Throws Error.
 */
export function writeWhole(path: string, text: string): void {
  const existing = statSync(path, { throwIfNoEntry: false });
  if (existing) requireRegular(path);
  replaceFile(existing ? realpathSync(path) : path, text);
}

/** As `writeWhole`, of what stands at `target` itself: a link there is replaced. Throws FileError. */
export function replaceFile(target: string, content: string | Uint8Array): void {
  const existing = lstatSync(target, { throwIfNoEntry: false });
  // A name that nobody can foresee, and a file that was not there before: nothing else is written to or followed.
  const unfinished = `${target}.${randomUUID()}.new`;
  try {
    writeFileSync(unfinished, content, { flag: 'wx', ...(existing?.isFile() && { mode: existing.mode & 0o777 }) });
    renameSync(unfinished, target);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw writeError(error, target);
  }
}
