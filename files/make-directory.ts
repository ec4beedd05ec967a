/**
 * Makes directories. Node's own way of making the parents too never ends on file systems that take no new directories
 * (Node 20, `mkdirSync(path, { recursive: true })` under /proc).
 */
import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Says which part of the path is in the way. `code`: the errno name (`ENOENT`, `EACCES`, ...). */
export class DirectoryError extends Error {
  override name = 'DirectoryError';
  readonly code: string;

  constructor(reason: string, code: string) {
    super(reason);
    this.code = code;
  }
}

/**
 * Makes a directory, and the parents that it lacks. One that is there already stays as it is. Throws DirectoryError.
 */
export function makeDirectory(path: string): void {
  const missing: string[] = [];
  for (let at = resolve(path); !isDirectory(at); at = dirname(at)) missing.push(at);
  for (const directory of missing.reverse()) makeOne(directory);
}

function makeOne(directory: string): void {
  try {
    mkdirSync(directory);
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    // Somebody else was faster.
    if (code === 'EEXIST' && isDirectory(directory)) return;
    throw new DirectoryError(reasonOf(code, directory) ?? message, code);
  }
}

/** What a person can make of the errno of a mkdir whose parent is there. */
function reasonOf(code: string, directory: string): string | undefined {
  switch (code) {
    case 'ENOENT':
      return `ENOENT: the file system of ${dirname(directory)} takes no new directories`;
    case 'EEXIST':
      return `EEXIST: ${directory} is there and is no directory`;
    default:
      return undefined;
  }
}

/** False also for a symbolic link that leads nowhere. */
function isDirectory(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    // A part of the path is a file.
    if (code === 'ENOTDIR') return false;
    throw new DirectoryError(message, code);
  }
}
