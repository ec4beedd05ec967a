/**
 * What the addon gives for a batch of table cases (harness/native/src/table-workload.cc): the batch's head, the results,
 * the log (records of exchange-record.ts). A result: its head, then the steps, each with its runs and extents (struct
 * fiemap_extent); the trace's and the kernel log's bytes, together padded to 8; the changes, each with its runs; what
 * WRITE requests carried, each with its runs. Layouts: table-layout.ts.
 */
import { OWNER_KINDS, type ByteRun, type ByteSource } from './bytes.ts';
import { Budget, GarbageError } from './codec.ts';
import type { StructValue } from '../uapi/struct.ts';
import type { DeviceChange, FiemapExtent } from './observation.ts';
import { FIEMAP_EXTENT_BYTES } from './syscall-flags.ts';
import {
  batchHead,
  PACKED_OTHER_BYTES,
  packedRun,
  RESULT_FLAGS,
  resultChange,
  resultHead,
  resultStep,
  resultWritten,
  RUN_KINDS,
} from './table-layout.ts';

export interface TableStepResult {
  /** -1n on failure. */
  ret: bigint;
  errno: number;
  /** Sequence number that follows the newest request's when the step was over. */
  begun: number;
  /** pread and mmapRead: the whole buffer. */
  runs: ByteRun[];
  /** fiemap: fm_mapped_extents; fstat: st_blksize. */
  extra: number;
  sizeBytes: bigint;
  extents: FiemapExtent[];
}

export interface TableResult {
  index: number;
  serial: number;
  /** The case needs the server in TypeScript, or a device could not be compared: what is here is worth nothing. */
  beyond: boolean;
  /** Sequence number that follows the newest request's before the first step. */
  firstSeq: number;
  steps: TableStepResult[];
  /** Text of the trace. */
  trace: string;
  /** The kernel had something to say; the guest tells what. */
  hasLog: boolean;
  changes: DeviceChange[];
  /** What WRITE requests carried, by sequence number. */
  written: { seq: number; data: ByteRun[] }[];
  transcript: Buffer;
}

/** How many cases ran, and the byte of the batch with the first that did not. */
export const tableBatchHead = (results: Buffer): { cases: number; resumeAt: number } => ({
  cases: Number(batchHead.decode(results).cases),
  resumeAt: Number(batchHead.decode(results).resumeAt),
});

/** Throws GarbageError when the bytes hold less than they say. */
function recordsEnd(results: Buffer): number {
  if (results.length < batchHead.size) throw new GarbageError('the results of a table break off');
  const end = batchHead.size + Number(batchHead.decode(results).recordBytes);
  if (end > results.length) throw new GarbageError('the results of a table are longer than what holds them');
  return end;
}

/** Kernel log bytes, as /dev/kmsg gave them, of each case that has some. */
export function* tableKernelLogs(results: Buffer): Generator<{ index: number; kmsg: Buffer }> {
  const end = recordsEnd(results);
  for (let at = batchHead.size; at < end;) {
    const { index, kmsgBytes, traceBytes, streamsAt, totalBytes } = resultHead.decode(results, at);
    const start = at + streamsAt + traceBytes;
    if (kmsgBytes > 0) yield { index, kmsg: results.subarray(start, start + kmsgBytes) };
    at += totalBytes;
  }
}

/** Throws GarbageError. `budget`: of all results of one message; what they hold besides bytes counts against it. */
export function* tableResults(results: Buffer, budget = new Budget()): Generator<TableResult> {
  const log = recordsEnd(results);
  for (let at = batchHead.size; at < log;) {
    const end = at + resultHead.size <= log ? at + resultHead.decode(results, at).totalBytes : Infinity;
    if (end < at + resultHead.size || end > log)
      throw new GarbageError('a result of a table has a length that it cannot have');
    yield decodeResult(results, at, end, log, budget);
    at = end;
  }
}

function decodeResult(from: Buffer, at: number, end: number, log: number, budget: Budget): TableResult {
  // Whoever made these bytes may have lied about what follows: nothing is made before there are bytes for it.
  const check = (from: number, count: number, eachBytes: number): void => {
    if (from + count * eachBytes > end) throw new GarbageError("a part of a table's result is longer than the result");
    budget.spend(count);
  };
  const head = resultHead.decode(from, at);
  const { traceBytes, kmsgBytes } = head;
  const streamsAt = at + head.streamsAt;
  let position = at + resultHead.size;
  /** How many there are is behind the structure's start; `runs` of them follow it. */
  const next = <F extends { runs: number }>(layout: { size: number; decode(view: Buffer, base: number): F }): F => {
    check(position, 1, layout.size);
    const value = layout.decode(from, position);
    check(position + layout.size, value.runs, packedRun.size);
    return value;
  };
  const steps: TableStepResult[] = [];
  check(position, head.steps, resultStep.size);
  for (let n = 0; n < head.steps; n++) {
    const step = next(resultStep);
    const runsStart = position + resultStep.size;
    const extentsAt = runsStart + step.runs * packedRun.size;
    check(extentsAt, step.extents, FIEMAP_EXTENT_BYTES);
    steps.push({
      ret: step.ret,
      errno: step.error,
      begun: step.begun,
      extra: step.extra,
      sizeBytes: step.size,
      runs: runsAt(from, runsStart, step.runs),
      extents: Array.from({ length: step.extents }, (_, index) =>
        extentAt(from, extentsAt + index * FIEMAP_EXTENT_BYTES),
      ),
    });
    position = extentsAt + step.extents * FIEMAP_EXTENT_BYTES;
  }
  position = streamsAt + traceBytes + kmsgBytes;
  position += (streamsAt - position) & 7;
  if (streamsAt < at + resultHead.size || position > end)
    throw new GarbageError("the trace of a table's result is longer than the result");
  const changes: DeviceChange[] = [];
  check(position, head.changes, resultChange.size);
  for (let n = 0; n < head.changes; n++) {
    const { device, offset, runs } = next(resultChange);
    changes.push({ device, offsetBytes: offset, content: runsAt(from, position + resultChange.size, runs) });
    position += resultChange.size + runs * packedRun.size;
  }
  const written: TableResult['written'] = [];
  check(position, head.writes, resultWritten.size);
  for (let n = 0; n < head.writes; n++) {
    const { seq, runs } = next(resultWritten);
    written.push({ seq, data: runsAt(from, position + resultWritten.size, runs) });
    position += resultWritten.size + runs * packedRun.size;
  }
  const logStart = log + Number(head.logStart),
    logEnd = log + Number(head.logEnd);
  if (logStart > logEnd || logEnd > from.length)
    throw new GarbageError("the transcript of a table's result lies elsewhere");
  return {
    index: head.index,
    serial: head.serial,
    beyond: (head.flags & (RESULT_FLAGS.beyond | RESULT_FLAGS.deviceError)) !== 0,
    firstSeq: head.firstSeq,
    steps,
    trace: from.toString('latin1', streamsAt, streamsAt + traceBytes),
    hasLog: kmsgBytes > 0,
    changes,
    written,
    transcript: from.subarray(logStart, logEnd),
  };
}

function runsAt(from: Buffer, start: number, count: number): ByteRun[] {
  const runs: ByteRun[] = [];
  for (let index = 0; index < count; index++) {
    const at = start + index * packedRun.size;
    const packed = packedRun.decode(from, at);
    const run: ByteRun = { lengthBytes: packed.lengthBytes, source: sourceOf(packed, from, at) };
    const last = runs.at(-1);
    if (last?.source.kind === 'other' && run.source.kind === 'other') {
      last.lengthBytes += run.lengthBytes;
      last.source.hex += run.source.hex;
    } else runs.push(run);
  }
  return runs;
}

/** `at`: where the packed run lies. */
function sourceOf(
  { kind, number, first, lengthBytes }: StructValue<typeof packedRun>,
  from: Buffer,
  at: number,
): ByteSource {
  switch (kind) {
    case OWNER_KINDS.device:
      return { kind: 'device', device: number, offsetBytes: first };
    case OWNER_KINDS.writer:
      return { kind: 'writer', writer: number, offsetBytes: first };
    case OWNER_KINDS.server:
      return { kind: 'server', file: number, offsetBytes: first };
    case RUN_KINDS.zero:
      return { kind: 'zero' };
    case RUN_KINDS.poison:
      return { kind: 'poison' };
    case RUN_KINDS.other: {
      const bytes = at + packedRun.fields.first.at;
      return { kind: 'other', hex: from.toString('hex', bytes, bytes + Math.min(PACKED_OTHER_BYTES, lengthBytes)) };
    }
    default:
      return { kind: 'unknown' };
  }
}

const extentAt = (from: Buffer, at: number): FiemapExtent => ({
  logical: from.readBigUInt64LE(at),
  physical: from.readBigUInt64LE(at + 8),
  length: from.readBigUInt64LE(at + 16),
  flags: from.readUInt32LE(at + 40),
});
