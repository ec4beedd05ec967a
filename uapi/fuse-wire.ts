/** Requests off the wire and replies onto it, by the operations table. */
import type { Operation } from './fuse-operations.ts';
import { inHeader, outHeader } from './fuse-structs.ts';

const HEADER_IN = inHeader.size;
const HEADER_OUT = outHeader.size;

export interface Request {
  readonly opcode: number;
  /** Name of the operation, or `op N` when the table has none. */
  readonly name: string;
  readonly unique: bigint;
  readonly nodeid: bigint;
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
  /** Fields of the request's structure; empty when it has none. */
  readonly args: Readonly<Record<string, unknown>>;
  readonly names: readonly string[];
  /** Bytes behind structure and names: file data, or everything behind the header of an unknown operation. */
  readonly data: Buffer;
}

const none = Buffer.alloc(0);

/** Decodes the request in buffer[0, length). Throws RangeError when it is cut short: the kernel would be at fault. */
export function decodeRequest(operations: ReadonlyMap<number, Operation>, buffer: Buffer, length: number): Request {
  if (length < HEADER_IN) throw new RangeError(`a FUSE request has at least ${HEADER_IN} bytes, got ${length}`);
  const header = inHeader.decode(buffer);
  const operation = operations.get(header.opcode);
  const end = length - header.totalExtlen * 8;
  const common = {
    opcode: header.opcode,
    unique: header.unique,
    nodeid: header.nodeid,
    uid: header.uid,
    gid: header.gid,
    pid: header.pid,
  };
  if (!operation) {
    return {
      ...common,
      name: `op ${header.opcode}`,
      args: {},
      names: [],
      data: Buffer.from(buffer.subarray(HEADER_IN, length)),
    };
  }
  let at = HEADER_IN;
  let args: Record<string, unknown> = {};
  if (operation.request) {
    const { size } = operation.request;
    args = operation.request.decode(
      at + size <= end ? buffer : Buffer.concat([buffer.subarray(0, end), Buffer.alloc(size)]),
      at,
    );
    at = Math.min(at + size, end);
  }
  const names: string[] = [];
  for (let n = 0; n < operation.names; n++) {
    const nul = buffer.indexOf(0, at);
    if (nul < 0 || nul >= end) throw new RangeError(`${operation.name} request without the NUL that ends name ${n}`);
    names.push(buffer.toString('utf8', at, nul));
    at = nul + 1;
  }
  return { ...common, name: operation.name, args, names, data: operation.data ? buffer.subarray(at, end) : none };
}

/**
 * A reply: header and payload. `error` is 0 or -errno; `length` and `unique` may lie for tests of malformed replies.
 */
export function encodeReply(
  unique: bigint,
  error: number,
  payload: Uint8Array = none,
  length = HEADER_OUT + payload.length,
): Buffer {
  const out = Buffer.allocUnsafe(HEADER_OUT + payload.length);
  out.writeUInt32LE(length >>> 0, 0);
  out.writeInt32LE(error | 0, 4);
  out.writeBigUInt64LE(BigInt.asUintN(64, unique), 8);
  out.set(payload, HEADER_OUT);
  return out;
}

/** A notification: unique 0 and its code where replies have the error. */
export const encodeNotification = (code: number, payload: Uint8Array): Buffer => encodeReply(0n, code, payload);

/** Fields of a reply's payload, where its length fits the operation's layout. */
export function decodeReply(operation: Operation | undefined, payload: Buffer): Record<string, unknown> | undefined {
  const reply = operation?.reply;
  if (reply === undefined || typeof reply === 'string' || payload.length < reply.size) return undefined;
  return reply.decode(payload);
}
