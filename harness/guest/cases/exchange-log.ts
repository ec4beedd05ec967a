/** The log of exchanges in shared memory: the server's thread appends, the workload's thread takes. */
import {
  keptBytes,
  logBytes,
  notifiedRecord,
  padded,
  recordHeaderBytes,
  recordsOf,
} from '../../../model/exchange-record.ts';
import { recordHead } from '../../../model/table-layout.ts';
import { inHeader } from '../../../uapi/fuse-structs.ts';
import { WORD } from './shared.ts';

/** The server's side. */
export class LogWriter {
  readonly #words: Int32Array;
  readonly #bytes: Buffer;
  #seq = 0;
  #notified: Buffer | undefined;

  /** Sequence number of the next exchange. */
  get next(): number {
    return this.#seq;
  }

  constructor(words: Int32Array, log: SharedArrayBuffer) {
    this.#words = words;
    this.#bytes = Buffer.from(log);
  }

  /** What was sent while the exchange that is appended next waited. */
  notified(line: number, errnos: readonly number[]): void {
    this.#notified = notifiedRecord(this.#seq, line, errnos);
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
    const start = words[WORD.used]!;
    const kept = Math.min(requestLength, keptBytes);
    const keptReply = reply ? Math.min(reply.length, keptBytes) : 0;
    const before = this.#notified;
    this.#notified = undefined;
    const used = start + (before?.length ?? 0);
    const total = recordHeaderBytes + padded(kept) + padded(keptReply);
    // What is kept has no gaps: behind the first that found no room there are no others.
    if (words[WORD.lost]! > 0 || used + total > logBytes) {
      if (words[WORD.lost] === 0) words[WORD.lostAt] = seq;
      words[WORD.lost]! += 1;
      return;
    }
    const out = this.#bytes;
    before?.copy(out, start);
    recordHead.write(out, used, {
      requestBytes: requestLength,
      replyBytes: reply ? reply.length : -1,
      writeErrno,
      seq,
    });
    request.copy(out, used + recordHeaderBytes, 0, kept);
    reply?.copy(out, used + recordHeaderBytes + padded(kept), 0, keptReply);
    Atomics.store(words, WORD.used, used + total);
  }
}

/** The workload's side: a copy of everything in the log, which is free again. */
export function takeLog(words: Int32Array, log: Buffer): Buffer {
  // Already taken: what stands there belongs to an earlier case.
  if (Atomics.load(words, WORD.consumed) === 1) return Buffer.alloc(0);
  const taken = Buffer.from(log.subarray(0, Atomics.load(words, WORD.used)));
  Atomics.store(words, WORD.consumed, 1);
  return taken;
}

/**
 * The first `count` exchanges of a log, and whether those at its end are the same over and over: of the last so many no
 * more than four differ in what they ask (BEGIN and END of one mapping are two).
 */
export function beginningOf(log: Buffer, count: number): { log: Buffer; same: boolean } {
  let at = 0,
    seen = 0;
  const asked: string[] = [];
  for (const { request, reply } of recordsOf(log)) {
    // Behind opcode and node: everything of the header but the node differs each time.
    asked.push(
      `${request.readUInt32LE(4)} ${request.toString('latin1', 16, 24)} ${request.toString('latin1', inHeader.size)}`,
    );
    if (seen++ < count) at = endOf(log, request, reply);
  }
  return { log: Buffer.from(log.subarray(0, at)), same: new Set(asked.slice(-count)).size <= 4 };
}

/** Where the record ends that these are views of. */
const endOf = (log: Buffer, request: Buffer, reply: Buffer | undefined): number =>
  request.byteOffset - log.byteOffset + padded(request.length) + padded(reply?.length ?? 0);

/** What the guest itself needs to know of a transcript, without decoding it: opcodes and BEGIN's and END's opflags. */
export function* glance(
  log: Buffer,
): Generator<{ seq: number; opcode: number; opflags: number; request: Buffer; cutBytes: number }> {
  for (const { seq, request, requestCutBytes: cutBytes } of recordsOf(log)) {
    const opflags = request.length >= inHeader.size + 4 ? request.readUInt32LE(inHeader.size) : 0;
    yield { seq, opcode: request.readUInt32LE(4), opflags, request, cutBytes };
  }
}
