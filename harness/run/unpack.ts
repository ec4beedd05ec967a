/** Decodes what a guest packed. */
import { Budget } from '../../model/codec.ts';
import {
  ENDED,
  notifiedOf,
  recordsOf,
  type ExchangeRecord,
  type PackedObservation,
} from '../../model/exchange-record.ts';
import { firstCaseNode } from '../../model/nodes.ts';
import type { Exchange, Observation } from '../../model/observation.ts';
import { operationsOf, type Operation } from '../../uapi/fuse-operations.ts';
import { outHeader } from '../../uapi/fuse-structs.ts';
import { decodeReply, decodeRequest, type Request } from '../../uapi/fuse-wire.ts';
import type { Revision } from '../../uapi/revision.ts';

type Operations = ReadonlyMap<number, Operation>;

/** Exchanges that the observations of one message may have: a guest's log has room for as many. */
const mostExchanges = 120_000;
export const exchangeBudget = (): Budget => new Budget(mostExchanges);

/**
 * `revision`: the case's, whose layouts and numbers its requests have. A simulated guest's observation is not packed and comes back
 * as it is. Throws GarbageError when the transcript is none, or has more exchanges than `budget` has left.
 */
export function unpackObservation(
  packed: PackedObservation | Observation,
  revision: Revision,
  budget = exchangeBudget(),
): Observation {
  if (!('written' in packed)) return packed;
  const { transcript: bytes, written, nodeids, stepBounds, cut, ...rest } = packed;
  const operations = operationsOf(revision);
  const data = new Map(written.map(({ seq, data: runs }) => [seq, runs]));
  const transcript: Exchange[] = [];
  const log = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const notified = new Map([...notifiedOf(log)].map(({ seq, ...sent }) => [seq, sent]));
  for (const record of recordsOf(log)) {
    budget.spend(1);
    const exchange = toExchange(operations, record);
    const sent = notified.get(exchange.seq);
    if (sent) exchange.notified = sent;
    const file = nodeids.indexOf(exchange.nodeid);
    if (file < 0 && exchange.nodeid >= firstCaseNode) continue;
    if (file >= 0) exchange.file = file;
    // What came after the last step (RELEASE, DESTROY) or before the first (INIT) belongs to none.
    const step = stepOf(stepBounds, exchange.seq);
    if (step >= 0) exchange.step = step;
    const runs = data.get(exchange.seq);
    if (runs) exchange.request['data'] = runs;
    transcript.push(exchange);
  }
  if (!cut) return { ...rest, transcript };
  const { seq, ...missing } = cut;
  const bounds = stepBounds.at(-1) ?? 0;
  return {
    ...rest,
    transcript,
    cut: {
      ...missing,
      step: seq >= bounds ? Math.max(stepBounds.length - 1, 0) : Math.max(stepOf(stepBounds, seq), 0),
    },
  };
}

/** Negative: it belongs to none. */
const stepOf = (stepBounds: readonly number[], seq: number): number => stepBounds.findIndex((bound) => seq < bound) - 1;

function toExchange(operations: Operations, record: ExchangeRecord): Exchange {
  const { seq, request: bytes, reply, writeErrno, requestCutBytes, replyCutBytes } = record;
  const { request, raw } = decodeSafely(operations, bytes);
  const fields: Record<string, unknown> = { ...request.args };
  const [name, name2] = request.names;
  if (name !== undefined) fields['name'] = name;
  if (name2 !== undefined) fields['name2'] = name2;
  const exchange: Exchange = {
    seq,
    unique: request.unique,
    opcode: request.opcode,
    name: request.name,
    nodeid: request.nodeid,
    request: fields,
  };
  if (raw) exchange.raw = raw;
  if (requestCutBytes > 0) exchange.cutBytes = requestCutBytes;
  if (!reply) {
    const how = (Object.keys(ENDED) as (keyof typeof ENDED)[]).find((key) => ENDED[key] === writeErrno);
    if (how) exchange.ended = how;
  } else if (reply.length < outHeader.size) {
    exchange.reply = { error: 0, payload: new Uint8Array(), sentBytes: reply.length };
    exchange.writeErrno = writeErrno;
  } else {
    const payload = reply.subarray(outHeader.size);
    const error = reply.readInt32LE(4);
    const decoded =
      error === 0 && replyCutBytes === 0 ? decodeReply(operations.get(request.opcode), payload) : undefined;
    exchange.reply = {
      error,
      payload: Uint8Array.from(payload),
      ...(replyCutBytes > 0 && { cutBytes: replyCutBytes }),
      ...(decoded ? { fields: decoded } : {}),
      ...liesOf(reply, reply.length + replyCutBytes, request.unique),
    };
    exchange.writeErrno = writeErrno;
  }
  return exchange;
}

/** What the header said that is not so. `sentBytes`: what went out, header and all. */
function liesOf(reply: Buffer, sentBytes: number, unique: bigint): { lengthBytes?: number; unique?: bigint } {
  const length = reply.readUInt32LE(0);
  const named = reply.readBigUInt64LE(8);
  return { ...(length !== sentBytes && { lengthBytes: length }), ...(named !== unique && { unique: named }) };
}

/** A request that its layout does not fit keeps its bytes: the judge sees that by `raw`. */
function decodeSafely(operations: Operations, bytes: Buffer): { request: Request; raw?: Uint8Array } {
  try {
    const request = decodeRequest(operations, bytes, bytes.length);
    return operations.has(request.opcode) ? { request } : { request, raw: Uint8Array.from(bytes) };
  } catch {
    const request = decodeRequest(new Map(), bytes, bytes.length);
    return {
      request: { ...request, name: operations.get(request.opcode)?.name ?? request.name },
      raw: Uint8Array.from(bytes),
    };
  }
}
