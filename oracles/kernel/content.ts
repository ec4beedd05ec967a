/**
 * Contents of a device, a buffer or a file as far as the rules determine them: each byte has one or several sources
 * that are right. Positions in bytes.
 */
import { POSITION_MODULUS, advanced, type ByteRun, type ByteSource } from '../../model/bytes.ts';
import { byteOf } from '../../model/pattern.ts';

/** Sources that are right for [start, end); positions of a source count from `start`. */
export interface Segment {
  start: bigint;
  end: bigint;
  sources: readonly ByteSource[];
}

/** The source of the byte that lies `distance` bytes behind the one that `source` describes. */
function advance(source: ByteSource, distance: bigint): ByteSource {
  return 'offsetBytes' in source ? { ...source, offsetBytes: source.offsetBytes + distance } : source;
}

/** Whether `seen` is the source `right`; positions are compared modulo 2^43, as the words on the wire hold them. */
export function sameSource(seen: ByteSource, right: ByteSource): boolean {
  if (seen.kind !== right.kind) return false;
  switch (seen.kind) {
    case 'zero':
    case 'poison':
      return true;
    // Compared byte by byte, as far as they were kept.
    case 'other':
    case 'unknown':
      return false;
    default: {
      const other = right as typeof seen;
      const owner = (source: typeof seen) =>
        source.kind === 'device' ? source.device : source.kind === 'writer' ? source.writer : source.file;
      return owner(seen) === owner(other) && (seen.offsetBytes - other.offsetBytes) % POSITION_MODULUS === 0n;
    }
  }
}

/** Hexadecimal digits of bytes of unknown origin: more say nothing to a reader. */
const SHOWN_DIGITS = 32;

export function describeSource(source: ByteSource): string {
  switch (source.kind) {
    case 'device':
      return `device ${source.device} from 0x${source.offsetBytes.toString(16)}`;
    case 'writer':
      return `writer ${source.writer} from file offset 0x${source.offsetBytes.toString(16)}`;
    case 'server':
      return `the server's data of file ${source.file} from 0x${source.offsetBytes.toString(16)}`;
    case 'zero':
      return 'zeros';
    case 'poison':
      return 'bytes that the kernel did not touch';
    case 'other':
      return `bytes of unknown origin (${source.hex.length > SHOWN_DIGITS ? `${source.hex.slice(0, SHOWN_DIGITS)}...` : source.hex})`;
    case 'unknown':
      return 'bytes that were not kept';
  }
}

/** What of the segments lies in [start, stop). */
export function clip(segments: readonly Segment[], start: bigint, stop: bigint): Segment[] {
  return segments
    .filter((segment) => segment.end > start && segment.start < stop)
    .map((segment) => {
      const from = segment.start > start ? segment.start : start;
      const shift = from - segment.start;
      return {
        start: from,
        end: segment.end < stop ? segment.end : stop,
        sources: segment.sources.map((source) => advance(source, shift)),
      };
    });
}

/**
 * Bytes over [0, 2^64), each with the sources that are right for it; `base` says what is there before anything is
 * written.
 */
export class Content {
  #segments: Segment[] = [];
  readonly #base: (position: bigint) => ByteSource;

  constructor(base: (position: bigint) => ByteSource) {
    this.#base = base;
  }

  /** [start, end) certainly holds `source`, counted from `start`. */
  put(start: bigint, end: bigint, source: ByteSource): void {
    this.#replace(start, end, [{ start, end, sources: [source] }]);
  }

  /** [start, end) may hold `source` instead of what it held. */
  mayPut(start: bigint, end: bigint, source: ByteSource): void {
    this.#replace(
      start,
      end,
      this.read(start, end).map((segment) => ({
        ...segment,
        sources: [...segment.sources, advance(source, segment.start - start)],
      })),
    );
  }

  /** The segment's range certainly holds one of its sources; `certain` false: perhaps, instead of what it held. */
  putSegment(segment: Segment, certain: boolean): void {
    const { start, end, sources } = segment;
    if (certain) this.#replace(start, end, [segment]);
    else for (const source of sources) this.mayPut(start, end, source);
  }

  /** Each byte of [start, end) with its right sources, in order and without gaps. */
  read(start: bigint, end: bigint): Segment[] {
    const out: Segment[] = [];
    let at = start;
    for (const segment of this.#segments) {
      if (segment.end <= at || segment.start >= end) continue;
      if (segment.start > at) out.push({ start: at, end: segment.start, sources: [this.#base(at)] });
      const from = segment.start > at ? segment.start : at;
      const to = segment.end < end ? segment.end : end;
      out.push({
        start: from,
        end: to,
        sources: segment.sources.map((source) => advance(source, from - segment.start)),
      });
      at = to;
    }
    if (at < end) out.push({ start: at, end, sources: [this.#base(at)] });
    return out;
  }

  /** Ranges that were written, certainly or perhaps. */
  touched(): readonly Segment[] {
    return this.#segments;
  }

  base(position: bigint): ByteSource {
    return this.#base(position);
  }

  #replace(start: bigint, end: bigint, middle: readonly Segment[]): void {
    if (end <= start) return;
    const before = this.#segments.flatMap((segment) => cut(segment, 0n, start));
    const after = this.#segments.flatMap((segment) => cut(segment, end, POSITIONS_END));
    this.#segments = [...before, ...middle, ...after];
  }
}

/** Behind every position that a file or a device can have. */
const POSITIONS_END = 1n << 65n;

function cut(segment: Segment, start: bigint, end: bigint): Segment[] {
  const from = segment.start > start ? segment.start : start;
  const to = segment.end < end ? segment.end : end;
  if (to <= from) return [];
  return [{ start: from, end: to, sources: segment.sources.map((source) => advance(source, from - segment.start)) }];
}

/** Bytes of one word are compared with one right source: halves of two that are right are not. */
const WORD = 8n;

/**
 * Compares the bytes of one run with one segment, by value: where two runs meet, a byte may fit both, and few bytes fit
 * several sources.
 * `differs`: distance of the first byte that fits no source; `unknown`: of the first that was not kept. `position`: of
 * the first one.
 */
function compareStretch(
  seen: ByteSource,
  right: readonly ByteSource[],
  position: bigint,
  length: bigint,
): { differs?: bigint; unknown?: bigint } {
  if (right.some((source) => sameSource(seen, source))) return {};
  let fitting = right;
  for (let distance = 0n; distance < length; distance += 1n) {
    if ((position + distance) % WORD === 0n) fitting = right;
    const value = byteOf(advanced(seen, Number(distance)));
    if (value === undefined) return { unknown: distance };
    fitting = fitting.filter((source) => byteOf(advance(source, distance)) === value);
    if (fitting.length === 0) return { differs: distance };
  }
  return {};
}

/**
 * `at` counts from the start of what was seen. `sources`: of the byte there; `seen` absent: bytes end there, `expected`
 * empty: they should.
 */
export interface Difference {
  at: bigint;
  seen: string;
  expected: string;
  sources: { seen?: ByteSource; expected: readonly ByteSource[] };
}

export interface Comparison {
  /** The first place where bytes that were seen are none of those that are right. */
  difference?: Difference;
  /** Bytes before it that were not kept: whether they are right is unknown. `at`: the first of them. */
  unknown?: { at: bigint; bytes: bigint };
}

/** Compares bytes that were seen with those that are right. `at` counts from the start of `seen`. */
export function compareBytes(seen: readonly ByteRun[], right: readonly Segment[]): Comparison {
  let at = 0n;
  let index = 0;
  let unknown: Comparison['unknown'];
  const base = right[0]?.start ?? 0n;
  const differs = (difference: Difference): Comparison => ({ difference, ...(unknown && { unknown }) });
  for (const run of seen) {
    let consumed = 0n;
    const length = BigInt(run.lengthBytes);
    while (consumed < length) {
      const position = base + at;
      while (index < right.length && right[index]!.end <= position) index += 1;
      const segment = right[index];
      const source = advanced(run.source, Number(consumed));
      if (!segment)
        return differs({
          at,
          seen: describeSource(source),
          expected: 'no more bytes',
          sources: { seen: source, expected: [] },
        });
      const step = segment.end - position < length - consumed ? segment.end - position : length - consumed;
      const candidates = segment.sources.map((candidate) => advance(candidate, position - segment.start));
      const compared = compareStretch(source, candidates, position, step);
      if (compared.differs !== undefined) {
        // From a whole word on it is certain where the stretch came from: all of it is wrong.
        const skip = step >= WORD && source.kind !== 'other' ? 0n : compared.differs;
        const there = advanced(source, Number(skip)),
          expected = candidates.map((candidate) => advance(candidate, skip));
        return differs({
          at: at + skip,
          seen: describeSource(there),
          expected: [...new Set(expected.map(describeSource))].join(' or '),
          sources: { seen: there, expected },
        });
      }
      if (compared.unknown !== undefined)
        unknown = { at: unknown?.at ?? at + compared.unknown, bytes: (unknown?.bytes ?? 0n) + step - compared.unknown };
      consumed += step;
      at += step;
    }
  }
  const total = right.length === 0 ? 0n : right[right.length - 1]!.end - base;
  if (at < total)
    return differs({
      at,
      seen: 'no more bytes',
      expected: `${total - at} more bytes`,
      sources: { expected: right.at(-1)!.sources },
    });
  return unknown ? { unknown } : {};
}

/** The first place where bytes that were seen are none of those that are right. */
export const firstDifference = (seen: readonly ByteRun[], right: readonly Segment[]): Difference | undefined =>
  compareBytes(seen, right).difference;
