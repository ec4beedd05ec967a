/**
 * The transcript as a guest sends it: raw bytes of requests and replies, one record after the other, so that decoding
 * costs the host and not the guest. A record: its head (table-layout.ts, recordHead; without a reply the errno of its
 * write is an ENDED, when the server ended the connection instead), then the request and the reply, each padded to 8
 * bytes, and each only up to `keptBytes`. A record without a request tells of the next one's notifications: in place of the reply the index of the script's line u32,
 * then the errno of each u32.
 */
import type { ByteRun } from './bytes.ts';
import { GarbageError } from './codec.ts';
import { recordHead } from './table-layout.ts';
import type { Observation, TranscriptCut } from './observation.ts';

/** In place of the errno of a write that did not take place. */
export const ENDED = { die: 0xffff_0001, abort: 0xffff_0002, kill: 0xffff_0003 } as const;

/** Requests and replies are kept up to so many bytes each. The lengths in a record are those that they had. */
export const keptBytes = 64 << 10;

/** A guest's log has room for so much of one case: an exchange that does not fit, and those behind it, are not kept. */
export const logBytes = 8 << 20;

export const recordHeaderBytes = recordHead.size;
export const padded = (bytes: number): number => (bytes + 7) & ~7;

const keptOf = (bytes: number): number => Math.min(bytes, keptBytes);

export interface ExchangeRecord {
  seq: number;
  /** As far as it was kept. */
  request: Buffer;
  reply: Buffer | undefined;
  /** Bytes that were not. */
  requestCutBytes: number;
  replyCutBytes: number;
  writeErrno: number;
}

/** The exchanges in log[0, length), as views of it. */
export function* recordsOf(log: Buffer, length = log.length): Generator<ExchangeRecord> {
  for (const record of allRecords(log, length)) if (record.request.length > 0) yield record;
}

/** The notifications that were sent while requests waited. `seq`: of the exchange. */
export function* notifiedOf(log: Buffer): Generator<{ seq: number; line: number; errnos: number[] }> {
  for (const { seq, request, reply } of allRecords(log, log.length)) {
    if (request.length > 0 || !reply) continue;
    const [line = 0, ...errnos] = Array.from({ length: reply.length / 4 }, (_, word) => reply.readUInt32LE(word * 4));
    yield { seq, line, errnos };
  }
}

/** A record about the exchange that follows. */
export function notifiedRecord(seq: number, line: number, errnos: readonly number[]): Buffer {
  const bytes = 4 * (errnos.length + 1);
  const out = Buffer.alloc(recordHeaderBytes + padded(bytes));
  recordHead.write(out, 0, { replyBytes: bytes, seq });
  [line, ...errnos].forEach((word, index) => {
    out.writeUInt32LE(word, recordHeaderBytes + index * 4);
  });
  return out;
}

function* allRecords(log: Buffer, length: number): Generator<ExchangeRecord> {
  for (let at = 0; at < length;) {
    if (at + recordHeaderBytes > length) throw new GarbageError('a transcript breaks off');
    const { requestBytes, replyBytes, writeErrno, seq } = recordHead.decode(log, at);
    // A record without a request tells of notifications, and has room for a line's number.
    if (requestBytes === 0 && replyBytes < 4) throw new GarbageError('a record of a transcript holds nothing');
    const requestAt = at + recordHeaderBytes;
    const keptRequest = keptOf(requestBytes),
      keptReply = keptOf(Math.max(replyBytes, 0));
    const replyAt = requestAt + padded(keptRequest);
    const end = replyAt + padded(keptReply);
    if (end > length) throw new GarbageError('a record of a transcript is longer than what holds it');
    yield {
      seq,
      writeErrno,
      request: log.subarray(requestAt, requestAt + keptRequest),
      reply: replyBytes < 0 ? undefined : log.subarray(replyAt, replyAt + keptReply),
      requestCutBytes: requestBytes - keptRequest,
      replyCutBytes: Math.max(replyBytes, 0) - keptReply,
    };
    at = end;
  }
}

/** An observation on its way to the host. */
export interface PackedObservation extends Omit<Observation, 'transcript' | 'cut'> {
  transcript: Uint8Array;
  /** What WRITE requests carried, by sequence number. */
  written: { seq: number; data: ByteRun[] }[];
  /** Sequence numbers between which the requests of each step lie: before the first step, then after each. */
  stepBounds: number[];
  /**
   * The transcript ends before exchange `seq`; `exchanges`: how many came from there on, as far as they were counted.
   */
  cut?: { seq: number; exchanges: number; why: TranscriptCut['why'] };
  /** Node id of each file of the case; exchanges about other cases' files are in the log too. */
  nodeids: bigint[];
}
