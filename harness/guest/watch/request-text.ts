/** The request that the kernel made last, for people. */
import type { Hang } from '../../../model/hang.ts';
import { operationsOf } from '../../../uapi/fuse-operations.ts';
import { decodeRequest } from '../../../uapi/fuse-wire.ts';
import type { Revision } from '../../../uapi/revision.ts';

/** `request`: its first bytes; empty: there was none. */
export function lastRequestOf(revision: Revision, request: Buffer, answered: boolean): Hang['lastRequest'] {
  if (request.length < 40) return undefined;
  const operations = operationsOf(revision);
  const plain = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?');
  try {
    const { name, nodeid, args } = decodeRequest(operations, request, request.length);
    const fields = Object.entries(args).map(
      ([field, value]) => `${field} ${typeof value === 'bigint' || typeof value === 'number' ? String(value) : '...'}`,
    );
    return {
      name: plain(name).slice(0, 64),
      about: plain(`node ${String(nodeid)} ${fields.join(', ')}`).slice(0, 256),
      answered,
    };
  } catch {
    // Longer than the part that is kept, or of a layout of its own.
    const opcode = request.readUInt32LE(4);
    return {
      name: plain(operations.get(opcode)?.name ?? `op ${String(opcode)}`).slice(0, 64),
      about: `node ${String(request.readBigUInt64LE(16))}`,
      answered,
    };
  }
}
