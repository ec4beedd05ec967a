/** Where things that outlive a command are kept, and where things that must not outlive it. */
import { lstatSync, mkdtempSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { makeDirectory } from '../files/make-directory.ts';
import { UsageError, errnoOf, messageOf } from '../model/errors.ts';

/**
 * `$XDG_CACHE_HOME/iomapfuzz`, by default `~/.cache/iomapfuzz` (XDG base directory specification: relative values are
 * ignored).
 */
export function cacheRoot(): string {
  const xdg = process.env['XDG_CACHE_HOME'];
  return join(xdg && isAbsolute(xdg) ? xdg : join(homedir(), '.cache'), 'iomapfuzz');
}

/** A directory of the cache, made if it is not there. */
export function cacheDirectory(...names: string[]): string {
  const path = join(cacheRoot(), ...names);
  try {
    makeDirectory(path);
  } catch (error) {
    throw new UsageError(
      `the cache directory ${path} cannot be made (${messageOf(error)}); ` +
        (errnoOf(error) === 'ENOSPC'
          ? 'free some disk space'
          : 'set XDG_CACHE_HOME to a directory that you may write to'),
    );
  }
  for (const one of [cacheRoot(), path]) requireOwn(one, 'the cache', 'set XDG_CACHE_HOME to a directory of your own');
  return path;
}

/**
 * Throws UsageError for a directory that is a symbolic link or belongs to somebody else: who can change it decides
 * which kernel is booted and what a result says.
 */
export function requireOwn(directory: string, what: string, advice: string): void {
  const stats = lstatSync(directory);
  if (stats.isSymbolicLink())
    throw new UsageError(
      `${what} ${directory} is a symbolic link, and is not followed: name the directory itself, or ${advice}`,
    );
  const user = process.getuid?.();
  if (user !== undefined && stats.uid !== user)
    throw new UsageError(`${what} ${directory} belongs to another user (uid ${String(stats.uid)}): ${advice}`);
}

/** sun_path holds 108 bytes (unix(7)); the longest socket name that is put into a run directory is 16 bytes. */
const longestSocketDirectory = 90;

/** A fresh private directory for sockets and scratch files; whoever asks for it removes it. */
export function makeRunDirectory(): string {
  const base = tmpdir().length + 'iomapfuzz-XXXXXX'.length + 1 <= longestSocketDirectory ? tmpdir() : '/tmp';
  try {
    return mkdtempSync(join(base, 'iomapfuzz-'));
  } catch (error) {
    throw new UsageError(
      `no temporary directory can be made in ${base} (${messageOf(error)}); set TMPDIR to a writable directory`,
    );
  }
}
