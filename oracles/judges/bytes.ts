/** Judges bytes: what a read returned, what lies behind it in the buffer, and what changed on the devices. */
import { advanced, type ByteRun, type ByteSource } from '../../model/bytes.ts';
import type { Case } from '../../model/case.ts';
import type { DeviceChange, Observation } from '../../model/observation.ts';
import type { Unjudged } from '../../model/verdict.ts';
import type { Deviation } from '../deviation.ts';
import {
  compareBytes,
  sameSource,
  type Comparison,
  type Content,
  type Difference,
  type Segment,
} from '../kernel/content.ts';
import type { Expectation } from '../kernel/expectation.ts';
import { byteFacts } from '../kernel/byte-facts.ts';
import type { ClauseId } from '../rules/rule-id.ts';

export function judgeBytes(testCase: Case, seen: Observation, expectation: Expectation): Deviation[] {
  const all = comparisons(testCase, seen, expectation).flatMap((one) =>
    one.compared.difference ? [{ ...one, deviation: deviationOf(one, one.compared.difference) }] : [],
  );
  const reads = all.filter(({ device }) => device === undefined).map(({ deviation }) => deviation);
  const changed = [...new Set(all.flatMap(({ device }) => device ?? []))].map((device) =>
    mostTelling(all.filter((one) => one.device === device).map(({ deviation }) => deviation)),
  );
  return [...reads, ...changed];
}

function deviationOf({ rule, aspect, where, step, initial }: Compared, difference: Difference): Deviation {
  const bytes = byteFacts(difference, initial && ((source) => sameSource(source, initial(difference.at))));
  return {
    rule,
    aspect,
    expected: `at ${where(difference.at)}: ${difference.expected}`,
    seen: difference.seen,
    ...(step !== undefined && { step }),
    facts: { bytes },
  };
}

/** One deviation a device: bytes from another place, bytes written where they do not belong, or else the first. */
const mostTelling = (all: readonly Deviation[]): Deviation =>
  all.find(({ facts }) => facts?.bytes?.seen === 'other place') ??
  all.find(({ facts }) => facts?.bytes?.seen === 'writer' && facts.bytes.expected.includes('unchanged')) ??
  all[0]!;

/** Bytes that the rules determine and that were not kept. */
export function unjudgedBytes(testCase: Case, seen: Observation, expectation: Expectation): Unjudged[] {
  const all = comparisons(testCase, seen, expectation).flatMap(
    ({ aspect, where, compared: { unknown }, step }): Unjudged[] =>
      unknown
        ? [
            {
              aspect,
              reason: `${unknown.bytes} bytes from ${where(unknown.at)} on were not kept`,
              ...(step !== undefined && { step }),
            },
          ]
        : [],
  );
  // What was written and what changed are ranges of their own, mostly equal ones.
  return all.filter(
    (one, index) => all.findIndex(({ reason, step }) => reason === one.reason && step === one.step) === index,
  );
}

/** Bytes that were compared. `where`: names a place for people. */
interface Compared {
  rule: ClauseId;
  aspect: Deviation['aspect'];
  where: (at: bigint) => string;
  compared: Comparison;
  step?: number;
  /** Of a device: its index, and what was there at first. */
  device?: number;
  initial?: (at: bigint) => ByteSource;
}

function comparisons(testCase: Case, seen: Observation, expectation: Expectation): Compared[] {
  const reads = expectation.steps.flatMap((expected, step): Compared[] => {
    const call = testCase.workload[step];
    const result = seen.steps[step];
    if (
      (call?.call !== 'pread' &&
        call?.call !== 'mmapRead' &&
        call?.call !== 'deviceRead' &&
        call?.call !== 'pageOut') ||
      !result
    )
      return [];
    const asked = BigInt(call.lengthBytes);
    const returned = result.ret > 0n ? result.ret : 0n;
    const all: Compared[] = [];
    if (expected.kind === 'succeeds' && expected.data && result.ret === expected.ret) {
      all.push({
        rule: expected.rule,
        aspect: 'bytes-read',
        where: (at) => `offset ${at} of the read`,
        compared: compareBytes(result.data ?? [], expected.data),
        step,
      });
    }
    const behind = compareBytes(
      result.tail ?? [],
      tailOf(result.tail ?? [], asked - returned, expected.kind === 'succeeds' ? expected.behind : undefined),
    );
    const leavesBuffer =
      expected.kind === 'succeeds' || behind.difference === undefined || behind.difference.at >= asked - returned;
    if (leavesBuffer)
      all.push({
        rule: 'read/poison',
        aspect: 'bytes-read',
        where: (at) => `${at} bytes behind the returned ones`,
        compared: behind,
        step,
      });
    return all;
  });
  return expectation.unspecified === undefined && expectation.contents.length > 0
    ? [...reads, ...devices(seen, expectation)]
    : reads;
}

const lengthOf = (runs: readonly ByteRun[]): bigint => runs.reduce((sum, run) => sum + BigInt(run.lengthBytes), 0n);

/**
 * Behind the returned bytes lies poison; up to the length that was asked for also what the mappings say, since blocks
 * are read whole.
 */
function tailOf(tail: readonly ByteRun[], asked: bigint, behind: readonly Segment[] | undefined): Segment[] {
  const total = lengthOf(tail);
  const right: Segment[] = [];
  const start = behind?.[0]?.start ?? 0n;
  let position = start;
  for (const segment of behind ?? []) {
    right.push({ ...segment, sources: [...segment.sources, { kind: 'poison' }, { kind: 'zero' }] });
    position = segment.end;
  }
  const askedEnd = start + asked;
  if (position < askedEnd) {
    right.push({ start: position, end: askedEnd, sources: [{ kind: 'poison' }] });
    position = askedEnd;
  }
  if (position < start + total) right.push({ start: position, end: start + total, sources: [{ kind: 'poison' }] });
  return right.flatMap((segment) =>
    segment.start >= start + total
      ? []
      : [{ ...segment, end: segment.end < start + total ? segment.end : start + total }],
  );
}

/** What was written by the rules, or changed in fact, range by range. */
function devices(seen: Observation, expectation: Expectation): Compared[] {
  return expectation.contents.flatMap((content, device) => {
    const changes = seen.deviceChanges.filter((change) => change.device === device);
    return rangesOf(content, changes).map((range): Compared => ({
      rule: 'device/bytes',
      aspect: 'device-bytes',
      where: (at) => `0x${(range.start + at).toString(16)} of device ${device}`,
      compared: compareBytes(contentSeen(content, changes, range), content.read(range.start, range.end)),
      device,
      initial: (at) => content.base(range.start + at),
    }));
  });
}

interface Range {
  start: bigint;
  end: bigint;
}

/** Ranges that were written by the rules or changed in fact. */
function rangesOf(content: Content, changes: readonly DeviceChange[]): Range[] {
  return [
    ...content.touched().map(({ start, end }) => ({ start, end })),
    ...changes.map((change) => ({ start: change.offsetBytes, end: change.offsetBytes + lengthOf(change.content) })),
  ];
}

/** What the device holds in a range: its changes, and its first content between them. */
function contentSeen(content: Content, changes: readonly DeviceChange[], range: Range): ByteRun[] {
  const runs: ByteRun[] = [];
  let position = range.start;
  const untouched = (until: bigint) => {
    if (until > position) runs.push({ lengthBytes: Number(until - position), source: content.base(position) });
    position = until > position ? until : position;
  };
  for (const change of [...changes].sort((a, b) => (a.offsetBytes < b.offsetBytes ? -1 : 1))) {
    let start = change.offsetBytes;
    for (const run of change.content) {
      const stop = start + BigInt(run.lengthBytes);
      if (stop > position && start < range.end) {
        untouched(start < range.end ? start : range.end);
        const skip = position - start;
        const length = (stop < range.end ? stop : range.end) - position;
        if (length > 0n) {
          const source = advanced(run.source, Number(skip));
          runs.push({ lengthBytes: Number(length), source });
          position += length;
        }
      }
      start = stop;
    }
  }
  untouched(range.end);
  return runs;
}
