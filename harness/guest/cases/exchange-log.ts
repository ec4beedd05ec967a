/** The log of exchanges: raw bytes on the server's side, Exchanges on the workload's. */
import type { Exchange } from '../../model/observation.ts';
import type { ByteRun } from '../../model/bytes.ts';
import type { Operation } from '../../uapi/fuse-operations.ts';
import { outHeader } from '../../uapi/fuse-structs.ts';
import { decodeReply, decodeRequest, type Request } from '../../uapi/fuse-wire.ts';
import { WORD, keptBytes, logBytes, parseNodeid, recordHeaderBytes } from './shared.ts';

const align = (n: number): number => (n + 7) & ~7;

/** The server's side. */
export class LogWriter {
  readonly #words: Int32Array;
  readonly #bytes: Buffer;
  #seq = 0;

  constructor(words: Int32Array, log: SharedArrayBuffer) {
    this.#words = words;
    this.#bytes = Buffer.from(log);
  }

  append(request: Buffer, requestLength: number, reply: Buffer | undefined, writeErrno: number): void {
    const words = this.#words;
    if (Atomics.load(words, WORD.consumed) === 1) {
      words[WORD.used] = 0;
      words[WORD.lost] = 0;
      words[WORD.count] = 0;
      Atomics.store(words, WORD.consumed, 0);
    }
    const seq = this.#seq++;
    words[WORD.count]! += 1;
    const used = words[WORD.used]!;
    const kept = Math.min(requestLength, keptBytes);
    const keptReply = reply ? Math.min(reply.length, keptBytes) : 0;
    const total = recordHeaderBytes + align(kept) + align(keptReply);
    if (used + total > logBytes) {
      words[WORD.lost]! += 1;
      return;
    }
    const out = this.#bytes;
    out.writeUInt32LE(kept, used);
    out.writeInt32LE(reply ? keptReply : -1, used + 4);
    out.writeUInt32LE(writeErrno, used + 8);
    out.writeUInt32LE(seq, used + 12);
    request.copy(out, used + recordHeaderBytes, 0, kept);
    reply?.copy(out, used + recordHeaderBytes + align(kept), 0, keptReply);
    Atomics.store(words, WORD.used, used + total);
  }
}

type DecodeRuns = (buffer: Uint8Array, at: number, length: number) => ByteRun[];

/** The workload's side: everything in the log, in order, and the log is free again. */
export function readLog(words: Int32Array, log: Buffer, operations: ReadonlyMap<number, Operation>, serial: number, decodeRuns: DecodeRuns): Exchange[] {
  // Already read: what stands there belongs to an earlier case.
  if (Atomics.load(words, WORD.consumed) === 1) return [];
  const used = Atomics.load(words, WORD.used);
  const exchanges: Exchange[] = [];
  for (let at = 0; at < used;) {
    const requestLength = log.readUInt32LE(at);
    const replyLength = log.readInt32LE(at + 4);
    const writeErrno = log.readUInt32LE(at + 8);
    const seq = log.readUInt32LE(at + 12);
    const requestAt = at + recordHeaderBytes;
    const replyAt = requestAt + align(requestLength);
    at = replyAt + align(Math.max(replyLength, 0));
    // Out of the shared memory, which the next case overwrites.
    const bytes = Buffer.from(log.subarray(requestAt, requestAt + requestLength));
    const reply = replyLength < 0 ? undefined : Buffer.from(log.subarray(replyAt, replyAt + replyLength));
    const exchange = toExchange(operations, bytes, reply, seq, writeErrno, decodeRuns);
    const owner = parseNodeid(exchange.nodeid);
    if (owner && owner.serial !== serial) continue;
    if (owner) exchange.file = owner.file;
    exchanges.push(exchange);
  }
  Atomics.store(words, WORD.consumed, 1);
  return exchanges;
}

function toExchange(operations: ReadonlyMap<number, Operation>, bytes: Buffer, reply: Buffer | undefined, seq: number, writeErrno: number,
  decodeRuns: DecodeRuns): Exchange {
  const { request, raw } = decodeSafely(operations, bytes);
  const operation = operations.get(request.opcode);
  const { names, data, args } = request;
  const fields: Record<string, unknown> = { ...args };
  if (names.length > 0) fields['name'] = names[0];
  if (names.length > 1) fields['name2'] = names[1];
  if (operation?.data) fields['data'] = decodeRuns(data, 0, data.length);
  const exchange: Exchange = { seq, unique: request.unique, opcode: request.opcode, name: request.name, nodeid: request.nodeid, request: fields };
  if (raw) exchange.raw = raw;
  if (reply) {
    const payload = reply.subarray(outHeader.size);
    const error = reply.readInt32LE(4);
    const decoded = error === 0 ? decodeReply(operation, payload) : undefined;
    exchange.reply = { error, payload: Uint8Array.from(payload), ...(decoded ? { fields: decoded } : {}) };
    exchange.writeErrno = writeErrno;
  }
  return exchange;
}

function decodeSafely(operations: ReadonlyMap<number, Operation>, bytes: Buffer): { request: Request; raw?: Uint8Array } {
  try {
    const request = decodeRequest(operations, bytes, bytes.length);
    return operations.has(request.opcode) ? { request } : { request, raw: Uint8Array.from(bytes) };
  } catch {
    // Cut short: a finding, which the judge sees by `raw`.
    return { request: { ...decodeRequest(new Map(), bytes, bytes.length), name: operations.get(bytes.readUInt32LE(4))?.name ?? `op ${bytes.readUInt32LE(4)}` }, raw: Uint8Array.from(bytes) };
  }
}
