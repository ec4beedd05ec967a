/** Names of opcodes in C. */
import type { Program } from './uses.ts';

/** Requests that <linux/fuse.h> of an older distribution has no name for. */
export const recentOpcodes: Readonly<Record<string, number>> = { TMPFILE: 51, STATX: 52, COPY_FILE_RANGE_64: 53 };

/** The C constant of a request's opcode; undefined: the revision has no such request. */
export function constantOf(name: string, { revision }: Pick<Program, 'revision'>): string | undefined {
  if (name in revision.opcodes) return `OP_${name}`;
  if (name in recentOpcodes) return `OP_${name}`;
  if (/^(IOMAP_|FREEZE_FS|UNFREEZE_FS|SHUTDOWN_FS)/.test(name)) return undefined;
  return `FUSE_${name}`;
}
