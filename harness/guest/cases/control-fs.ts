/**
 * The FUSE control file system: a directory per connection, named by the minor number of its mount's device. Linux,
 * fs/fuse/control.c.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { sleep } from '../session/server.ts';
import type { Native } from '../../native/index.ts';

const connections = '/sys/fs/fuse/connections';

/**
 * Aborts the connection of the file system at `mountPoint`. Without a request to it: its server is the one who asks.
 * Throws Error when the kernel has no control file system.
 */
export function abortConnection(native: Native, mountPoint: string): void {
  const mounted = native.mount('fusectl', connections, 'fusectl', 0, '');
  if (mounted < 0 && mounted !== -constants.errno.EBUSY)
    throw new Error(`the FUSE control file system cannot be mounted: errno ${-mounted}`);
  const minor = minorOf(mountPoint);
  const file = `${connections}/${minor ?? '?'}/abort`;
  if (minor === undefined || !existsSync(file)) throw new Error(`there is no ${file} for the mount at ${mountPoint}`);
  writeFileSync(file, '1');
}

/** An ordinary mount(2) does not wait for its server, which may be asked before the mount is in its place. */
const attempts = 500,
  pauseMs = 10;

function minorOf(mountPoint: string): string | undefined {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const line = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .findLast((text) => text.split(' ')[4] === mountPoint);
    if (line) return line.split(' ')[2]?.split(':')[1];
    sleep(pauseMs);
  }
  return undefined;
}
