/** Judges bytes: what a read returned, what lies behind it in the buffer, and what changed on the devices. */
import type { ByteRun, ByteSource } from '../../harness/model/bytes.ts';
import type { Case } from '../../harness/model/case.ts';
import type { DeviceChange, Observation } from '../../harness/model/observation.ts';
import type { Deviation } from '../../harness/model/verdict.ts';
import { advance, firstDifference, sameSource, type Content, type Difference, type Segment } from '../kernel/content.ts';
import type { Expectation } from '../kernel/expectation.ts';
import { byteFacts } from '../kernel/byte-facts.ts';

export function judgeBytes(of: Case, seen: Observation, expectation: Expectation): Deviation[] {
  const reads = expectation.steps.flatMap((expected, step) => {
    const call = of.workload[step];
    const result = seen.steps[step];
    if ((call?.call !== 'pread' && call?.call !== 'mmapRead' && call?.call !== 'deviceRead' && call?.call !== 'pageOut') || !result) return [];
    const asked = BigInt(call.lengthBytes);
    const returned = result.ret > 0n ? result.ret : 0n;
    const deviations: Deviation[] = [];
    if (expected.kind === 'succeeds' && expected.data && result.ret === expected.ret) {
      const difference = firstDifference(result.data ?? [], expected.data);
      if (difference) deviations.push(at(expected.rule, 'bytes-read', `offset ${difference.at} of the read`, difference, step));
    }
    const difference = firstDifference(result.tail ?? [], tailOf(result.tail ?? [], asked - returned, expected.kind === 'succeeds' ? expected.behind : undefined));
    if (difference && !(expected.kind !== 'succeeds' && difference.at < asked - returned)) {
      deviations.push(at('read/poison', 'bytes-read', `${difference.at} bytes behind the returned ones`, difference, step));
    }
    return deviations;
  });
  return expectation.unspecified === undefined && expectation.contents.length > 0 ? [...reads, ...judgeDevices(seen, expectation)] : reads;
}

const at = (rule: string, aspect: Deviation['aspect'], where: string, difference: Difference, step?: number): Deviation =>
  ({ rule, aspect, expected: `at ${where}: ${difference.expected}`, seen: difference.seen, ...(step !== undefined && { step }), facts: { bytes: byteFacts(difference) } });

const lengthOf = (runs: readonly ByteRun[]): bigint => runs.reduce((sum, run) => sum + BigInt(run.lengthBytes), 0n);

/** Behind the returned bytes lies poison; up to the length that was asked for also what the mappings say, since blocks are read whole. */
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
  return right.flatMap((segment) => (segment.start >= start + total ? [] : [{ ...segment, end: segment.end < start + total ? segment.end : start + total }]));
}

/** One deviation a device, the one that says most: bytes from another place, bytes written where they do not belong, or else the first. */
function judgeDevices(seen: Observation, expectation: Expectation): Deviation[] {
  return expectation.contents.flatMap((content, device) => {
    const changes = seen.deviceChanges.filter((change) => change.device === device);
    const all = rangesOf(content, changes).flatMap((range): Deviation[] => {
      const difference = firstDifference(contentSeen(content, changes, range), content.read(range.start, range.end));
      if (!difference) return [];
      const position = range.start + difference.at;
      const bytes = byteFacts(difference, (source) => sameSource(source, content.base(position)));
      return [{ ...at('device/bytes', 'device-bytes', `0x${position.toString(16)} of device ${device}`, difference), facts: { bytes } }];
    });
    const telling = all.find(({ facts }) => facts?.bytes?.seen === 'other place')
      ?? all.find(({ facts }) => facts?.bytes?.seen === 'writer' && facts.bytes.expected.includes('unchanged')) ?? all[0];
    return telling ? [telling] : [];
  });
}

interface Range { start: bigint; end: bigint }

/** Ranges that were written by the rules or changed in fact. */
function rangesOf(content: Content, changes: readonly DeviceChange[]): Range[] {
  return [
    ...content.touched().map(({ start, end }) => ({ start, end })),
    ...changes.map((change) => ({ start: change.offsetBytes, end: change.offsetBytes + lengthOf(change.content) })),
  ];
}

/** As `advance`; bytes of unknown origin are spelled out. */
const advanceSeen = (source: ByteSource, distance: bigint): ByteSource =>
  (source.kind === 'other' ? { ...source, hex: source.hex.slice(2 * Number(distance)) } : advance(source, distance));

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
          const source = advanceSeen(run.source, skip);
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
