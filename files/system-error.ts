/**
 * Failed system calls in words for people: what happened and what to do next, without the names of calls and of
 * temporary files.
 */
import { dirname } from 'node:path';

/** `code`: the errno name, which the message holds, too. */
class FileError extends Error {
  override name = 'FileError';
  readonly code: string;

  constructor(message: string, code: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

interface Words {
  what: string;
  next: string;
}

const common: Readonly<Record<string, Words>> = {
  ENOTDIR: { what: 'a part of its path is no directory', next: 'check the path' },
  EISDIR: { what: 'it is a directory', next: 'give a file' },
  ELOOP: { what: 'its symbolic links lead in a circle', next: 'give the file itself' },
  ENAMETOOLONG: { what: 'its name is too long', next: 'give a shorter one' },
};

const ofReading: Readonly<Record<string, Words>> = {
  ...common,
  ENOENT: { what: 'there is no such file', next: 'check the path' },
  EACCES: { what: 'this user may not read it', next: 'change its permissions, or give another' },
  EPERM: { what: 'this user may not read it', next: 'change its permissions, or give another' },
};

const ofWriting: Readonly<Record<string, Words>> = {
  ...common,
  EACCES: { what: 'this user may not write there', next: 'change the permissions, or give another path' },
  EPERM: { what: 'this user may not write there', next: 'change the permissions, or give another path' },
  EROFS: { what: 'the file system there is read-only', next: 'give another path' },
  ENOSPC: { what: 'no space is left on the device', next: 'free some' },
  EDQUOT: { what: 'the quota of this user is used up', next: 'free some space' },
};

/**
 * What to throw instead of an error that came while a file was read; an error that has no words here stays as it is.
 */
export const readError = (error: unknown): unknown => inWords(error, ofReading);

/** As `readError`, of a file that was written to `path`. */
export const writeError = (error: unknown, path: string): unknown =>
  inWords(error, { ...ofWriting, ENOENT: { what: 'its directory does not exist', next: `make ${dirname(path)}` } });

function inWords(error: unknown, words: Readonly<Record<string, Words>>): unknown {
  const { code, syscall } = (error ?? {}) as { code?: unknown; syscall?: unknown };
  if (typeof code !== 'string' || typeof syscall !== 'string' || !Object.hasOwn(words, code)) return error;
  const { what, next } = words[code]!;
  return new FileError(`${what} (${code}); ${next}`, code, error);
}
