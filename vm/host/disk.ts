/** Room on a disk, asked before a long job fails for want of it. */
import { statfsSync } from 'node:fs';
import { InfrastructureError } from '../../model/errors.ts';

export function freeMib(path: string): number {
  const { bavail, bsize } = statfsSync(path, { bigint: true });
  return Number((bavail * bsize) >> 20n);
}

export function requireSpace(path: string, neededMib: number, what: string): void {
  const free = freeMib(path);
  if (free >= neededMib) return;
  throw new InfrastructureError(
    `${what} needs about ${String(neededMib)} MiB in ${path}, and ${String(free)} MiB are free there: ` +
      'free some disk space, or set XDG_CACHE_HOME to a directory on a larger disk',
  );
}
