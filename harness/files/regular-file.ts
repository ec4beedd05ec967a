/** Files that end: what a user names may be a pipe that nobody writes to, or a device that never ends, and reading would wait or fill the memory. */
import { readFileSync, statSync, type Stats } from 'node:fs';

/** Throws Error when `path` (followed through links) is anything but a regular file; the system's own error when there is nothing. */
export function requireRegular(path: string): void {
  const stats = statSync(path);
  if (!stats.isFile()) throw new Error(`it is no regular file but ${kindOf(stats)}; give a regular file (what comes out of a pipe can be written into one)`);
}

/** The whole of a regular file. Throws as `requireRegular`. */
export function readRegular(path: string): Buffer {
  requireRegular(path);
  return readFileSync(path);
}

/** As `readRegular`, as UTF-8. */
export const readRegularText = (path: string): string => readRegular(path).toString('utf8');

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a directory';
  if (stats.isFIFO()) return 'a pipe';
  if (stats.isSocket()) return 'a socket';
  return stats.isBlockDevice() || stats.isCharacterDevice() ? 'a device' : 'something else';
}
