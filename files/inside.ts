/**
 * Files of a directory that somebody else may have filled (results, a history of nights): they are found there and
 * nowhere else. What a user names himself is another matter, and is written where it leads (write-whole.ts).
 */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from './make-directory.ts';
import { kindOf } from './regular-file.ts';
import { replaceFile } from './write-whole.ts';

/** `reason`: the message without the path. `code`: `ELOOP` for a link, `EEXIST` for anything else. */
export class ForeignFileError extends Error {
  override name = 'ForeignFileError';
  readonly path: string;
  readonly reason: string;
  readonly code: string;

  constructor(path: string, reason: string, code: string) {
    super(`${path}: ${reason}`);
    this.path = path;
    this.reason = reason;
    this.code = code;
  }
}

/**
 * Throws ForeignFileError when there is anything but a regular file at `path`, links included; nothing at all is right.
 */
export function requireOrdinary(path: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (!stats || stats.isFile()) return;
  const advice = 'remove it, or put a regular file in its place';
  if (stats.isSymbolicLink())
    throw new ForeignFileError(path, `it is a symbolic link, and is not followed; ${advice}`, 'ELOOP');
  throw new ForeignFileError(
    path,
    `it is no regular file but ${kindOf(stats)}; give a regular file in its place, or remove it`,
    'EEXIST',
  );
}

/** Throws ForeignFileError for a directory that is a link; nothing at all is right. */
export function requireUnlinked(directory: string): void {
  if (!lstatSync(directory, { throwIfNoEntry: false })?.isSymbolicLink()) return;
  throw new ForeignFileError(
    directory,
    'it is a symbolic link, and is not followed; name the directory itself',
    'ELOOP',
  );
}

/**
 * Writes a file whole or not at all, in its directory and nowhere else. Throws ForeignFileError, or the system's error.
 */
export function writeInside(path: string, text: string): void {
  requireOrdinary(path);
  replaceFile(path, text);
}

/** As `writeInside`, of a file in a folder of the directory, which is made when it is not there. */
export function writeInFolder(directory: string, folder: string, name: string, text: string): void {
  const path = join(directory, folder);
  makeDirectory(path);
  requireUnlinked(path);
  writeInside(join(path, name), text);
}
