/** Names of opcodes in C. */
import type { Program } from './uses.ts';

/** The C constant of a request's opcode; undefined: the revision has no such request. */
export function constantOf(name: string, { revision }: Pick<Program, 'revision'>): string | undefined {
  if (name in revision.opcodes) return `OP_${name}`;
  if (name === 'COPY_FILE_RANGE_64') return 'OP_COPY_FILE_RANGE_64';
  if (/^(IOMAP_|FREEZE_FS|UNFREEZE_FS|SHUTDOWN_FS)/.test(name)) return undefined;
  return `FUSE_${name}`;
}
