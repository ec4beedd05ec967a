/**
 * What the addon gives for a batch of table cases (harness/native/src/table-workload.cc): {u64 cases, where to go on,
 * bytes of results, bytes of log}, the results, the log (records of exchange-record.ts). A result: header {u32 total
 * bytes, index, flags, serial, first sequence number, steps, trace bytes, kernel log bytes, changes, where the trace
 * is; u64 log start, end; u32 WRITE requests, 0}, then
 *   steps    {s64 ret; u32 errno, next sequence number, runs, extra; u64 size; u32 extents, 0}, its runs, its extents
 *     (struct fiemap_extent)
 *   the trace's and the kernel log's bytes, together padded to 8
 *   changes  {u32 device, runs; u64 offset}, runs
 *   WRITE requests {u32 sequence number, runs}, runs: what they carried
 * A run: {u32 bytes; u16 kind, number; u64 position, 0} or, of unknown origin, its bytes there: 16 at most, more are
 * further runs.
 */
import { OWNER_KINDS, type ByteRun, type ByteSource } from './bytes.ts';
import { Budget, GarbageError } from './codec.ts';
import type { DeviceChange, FiemapExtent } from './observation.ts';
import { FIEMAP_EXTENT_BYTES } from './syscall-flags.ts';

const BATCH = 32,
  HEADER = 64,
  STEP = 40,
  RUN = 24,
  CHANGE = 16,
  WRITTEN = 8;
const BEYOND = 1,
  DEVICE_ERROR = 2;
const OTHER = 0,
  ZERO = 4,
  POISON = 5;

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
  cases: Number(results.readBigUInt64LE(0)),
  resumeAt: Number(results.readBigUInt64LE(8)),
});

/** Throws GarbageError when the bytes hold less than they say. */
function recordsEnd(results: Buffer): number {
  if (results.length < BATCH) throw new GarbageError('the results of a table break off');
  const end = BATCH + Number(results.readBigUInt64LE(16));
  if (end > results.length) throw new GarbageError('the results of a table are longer than what holds them');
  return end;
}

/** Kernel log bytes, as /dev/kmsg gave them, of each case that has some. */
export function* tableKernelLogs(results: Buffer): Generator<{ index: number; kmsg: Buffer }> {
  const end = recordsEnd(results);
  for (let at = BATCH; at < end; at += results.readUInt32LE(at)) {
    const bytes = results.readUInt32LE(at + 28);
    const start = at + results.readUInt32LE(at + 36) + results.readUInt32LE(at + 24);
    if (bytes > 0) yield { index: results.readUInt32LE(at + 4), kmsg: results.subarray(start, start + bytes) };
  }
}

/** Throws GarbageError. `budget`: of all results of one message; what they hold besides bytes counts against it. */
export function* tableResults(results: Buffer, budget = new Budget()): Generator<TableResult> {
  const log = recordsEnd(results);
  for (let at = BATCH; at < log;) {
    const end = at + HEADER <= log ? at + results.readUInt32LE(at) : Infinity;
    if (end < at + HEADER || end > log) throw new GarbageError('a result of a table has a length that it cannot have');
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
  const flags = from.readUInt32LE(at + 8);
  const stepCount = from.readUInt32LE(at + 20),
    traceBytes = from.readUInt32LE(at + 24),
    kmsgBytes = from.readUInt32LE(at + 28);
  const changeCount = from.readUInt32LE(at + 32),
    streamsAt = at + from.readUInt32LE(at + 36);
  let position = at + HEADER;
  const steps: TableStepResult[] = [];
  check(position, stepCount, STEP);
  for (let n = 0; n < stepCount; n++) {
    check(position, 1, STEP);
    const runCount = from.readUInt32LE(position + 16),
      extentCount = from.readUInt32LE(position + 32);
    const extentsAt = position + STEP + runCount * RUN;
    check(position + STEP, runCount, RUN);
    check(extentsAt, extentCount, FIEMAP_EXTENT_BYTES);
    steps.push({
      ret: from.readBigInt64LE(position),
      errno: from.readUInt32LE(position + 8),
      begun: from.readUInt32LE(position + 12),
      extra: from.readUInt32LE(position + 20),
      sizeBytes: from.readBigUInt64LE(position + 24),
      runs: runsAt(from, position + STEP, runCount),
      extents: Array.from({ length: extentCount }, (_, index) =>
        extentAt(from, extentsAt + index * FIEMAP_EXTENT_BYTES),
      ),
    });
    position = extentsAt + extentCount * FIEMAP_EXTENT_BYTES;
  }
  position = streamsAt + traceBytes + kmsgBytes;
  position += (streamsAt - position) & 7;
  if (streamsAt < at + HEADER || position > end)
    throw new GarbageError("the trace of a table's result is longer than the result");
  const changes: DeviceChange[] = [];
  check(position, changeCount, CHANGE);
  for (let n = 0; n < changeCount; n++) {
    check(position, 1, CHANGE);
    const runCount = from.readUInt32LE(position + 4);
    check(position + CHANGE, runCount, RUN);
    changes.push({
      device: from.readUInt32LE(position),
      offsetBytes: from.readBigUInt64LE(position + 8),
      content: runsAt(from, position + CHANGE, runCount),
    });
    position += CHANGE + runCount * RUN;
  }
  const written: TableResult['written'] = [];
  const writtenCount = from.readUInt32LE(at + 56);
  check(position, writtenCount, WRITTEN);
  for (let n = 0; n < writtenCount; n++) {
    check(position, 1, WRITTEN);
    const runCount = from.readUInt32LE(position + 4);
    check(position + WRITTEN, runCount, RUN);
    written.push({ seq: from.readUInt32LE(position), data: runsAt(from, position + WRITTEN, runCount) });
    position += WRITTEN + runCount * RUN;
  }
  const logStart = log + Number(from.readBigUInt64LE(at + 40)),
    logEnd = log + Number(from.readBigUInt64LE(at + 48));
  if (logStart > logEnd || logEnd > from.length)
    throw new GarbageError("the transcript of a table's result lies elsewhere");
  return {
    index: from.readUInt32LE(at + 4),
    serial: from.readUInt32LE(at + 12),
    beyond: (flags & (BEYOND | DEVICE_ERROR)) !== 0,
    firstSeq: from.readUInt32LE(at + 16),
    steps,
    trace: from.toString('latin1', streamsAt, streamsAt + traceBytes),
    hasLog: kmsgBytes > 0,
    changes,
    written,
    transcript: from.subarray(logStart, logEnd),
  };
}

function runsAt(from: Buffer, at: number, count: number): ByteRun[] {
  const runs: ByteRun[] = [];
  for (let index = 0; index < count; index++) {
    const run: ByteRun = { lengthBytes: from.readUInt32LE(at + index * RUN), source: sourceAt(from, at + index * RUN) };
    const last = runs.at(-1);
    if (last?.source.kind === 'other' && run.source.kind === 'other') {
      last.lengthBytes += run.lengthBytes;
      last.source.hex += run.source.hex;
    } else runs.push(run);
  }
  return runs;
}

function sourceAt(from: Buffer, at: number): ByteSource {
  const number = from.readUInt16LE(at + 6);
  const kind = from.readUInt16LE(at + 4);
  switch (kind) {
    case OWNER_KINDS.device:
      return { kind: 'device', device: number, offsetBytes: from.readBigUInt64LE(at + 8) };
    case OWNER_KINDS.writer:
      return { kind: 'writer', writer: number, offsetBytes: from.readBigUInt64LE(at + 8) };
    case OWNER_KINDS.server:
      return { kind: 'server', file: number, offsetBytes: from.readBigUInt64LE(at + 8) };
    case ZERO:
      return { kind: 'zero' };
    case POISON:
      return { kind: 'poison' };
    case OTHER:
      return { kind: 'other', hex: from.toString('hex', at + 8, at + 8 + Math.min(16, from.readUInt32LE(at))) };
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
