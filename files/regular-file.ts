/**
 * Files that end: what a user names may be a pipe that nobody writes to, or a device that never ends, and reading would
 * wait or fill the memory.
 */
import { readFileSync, statSync, statfsSync, type Stats } from 'node:fs';
import { readError } from './system-error.ts';

/**
 * Throws Error when `path` (followed through links) is anything but a regular file; FileError when there is nothing.
 */
export function requireRegular(path: string): void {
  const stats = statOf(path);
  if (!stats.isFile())
    throw new Error(
      `it is no regular file but ${kindOf(stats)}; give a regular file (what comes out of a pipe can be written into one)`,
    );
  const system = madeUp[statfsSync(path).type];
  if (system !== undefined && (stats.size === 0 || stats.size > MOST_MADE_UP_BYTES)) {
    throw new Error(
      `it is no regular file but an entry of ${system}, which the kernel makes up while it is read, and which may never end; give a regular file`,
    );
  }
}

/**
 * File systems whose entries look like regular files whatever reading them does: /proc/kmsg waits for ever, /proc/kcore
 * is as large as the address space. Magic numbers of include/uapi/linux/magic.h.
 */
const madeUp: Readonly<Record<number, string>> = {
  0x9fa0: 'procfs',
  0x62656572: 'sysfs',
  0x64626720: 'debugfs',
  0x74726163: 'tracefs',
};

/** An entry that says its size ends there: /proc/config.gz. */
const MOST_MADE_UP_BYTES = 1 << 26;

/** The whole of a regular file. Throws as `requireRegular`. */
export function readRegular(path: string): Buffer {
  requireRegular(path);
  try {
    return readFileSync(path);
  } catch (error) {
    throw readError(error);
  }
}

function statOf(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    throw readError(error);
  }
}

/** As `readRegular`, as UTF-8. */
export const readRegularText = (path: string): string => readRegular(path).toString('utf8');

/** For people: `a pipe`. */
export function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a directory';
  if (stats.isFIFO()) return 'a pipe';
  if (stats.isSocket()) return 'a socket';
  return stats.isBlockDevice() || stats.isCharacterDevice() ? 'a device' : 'something else';
}
