/**
 * Contents of a device, a buffer or a file as far as the rules determine them: each byte has one or several sources that
 * are right. Positions in bytes.
 */
import { POSITION_MODULUS, type ByteRun, type ByteSource } from '../../harness/model/bytes.ts';
import { byteOf } from '../../harness/model/pattern.ts';

/** Sources that are right for [start, end); positions of a source count from `start`. */
export interface Segment {
  start: bigint;
  end: bigint;
  sources: readonly ByteSource[];
}

/** The source of the byte that lies `distance` bytes behind the one that `source` describes. */
export function advance(source: ByteSource, distance: bigint): ByteSource {
  return 'offsetBytes' in source ? { ...source, offsetBytes: source.offsetBytes + distance } : source;
}

/** Whether `seen` is the source `right`; positions are compared modulo 2^43, as the words on the wire hold them. */
export function sameSource(seen: ByteSource, right: ByteSource): boolean {
  if (seen.kind !== right.kind) return false;
  switch (seen.kind) {
    case 'zero': case 'poison': return true;
    case 'other': return seen.hex === (right as typeof seen).hex;
    default: {
      const other = right as typeof seen;
      const owner = (source: typeof seen) => (source.kind === 'device' ? source.device : source.kind === 'writer' ? source.writer : source.file);
      return owner(seen) === owner(other) && (seen.offsetBytes - other.offsetBytes) % POSITION_MODULUS === 0n;
    }
  }
}

export function describeSource(source: ByteSource): string {
  switch (source.kind) {
    case 'device': return `device ${source.device} from 0x${source.offsetBytes.toString(16)}`;
    case 'writer': return `writer ${source.writer} from file offset 0x${source.offsetBytes.toString(16)}`;
    case 'server': return `the server's data of file ${source.file} from 0x${source.offsetBytes.toString(16)}`;
    case 'zero': return 'zeros';
    case 'poison': return 'bytes that the kernel did not touch';
    case 'other': return `bytes of unknown origin (${source.hex})`;
  }
}

/** What of the segments lies in [start, stop). */
export function clip(segments: readonly Segment[], start: bigint, stop: bigint): Segment[] {
  return segments.filter((segment) => segment.end > start && segment.start < stop).map((segment) => {
    const from = segment.start > start ? segment.start : start;
    const shift = from - segment.start;
    return {
      start: from, end: segment.end < stop ? segment.end : stop,
      sources: segment.sources.map((source) => advance(source, shift)),
    };
  });
}

/** Bytes over [0, 2^64), each with the sources that are right for it; `base` says what is there before anything is written. */
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
    this.#replace(start, end, this.read(start, end).map((segment) =>
      ({ ...segment, sources: [...segment.sources, advance(source, segment.start - start)] })));
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
      out.push({ start: from, end: to, sources: segment.sources.map((source) => advance(source, from - segment.start)) });
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

const isFiller = (source: ByteSource): boolean => source.kind === 'zero' || source.kind === 'poison';
const WORD = 8n;

/**
 * Where one run ends and the next begins, a byte may fit both, since words of two owners differ in few of their bytes: what counts is its
 * value. So it does for the few bytes that are too short to name their owner. `distance`, `left`: bytes of the seen run before this one, and from
 * this one on; `atBorder`: the run crosses a right border here.
 */
function sameByte(seen: ByteSource, right: ByteSource, { distance, left, atBorder }: { distance: bigint; left: bigint; atBorder: boolean }): boolean {
  if (seen.kind === 'other') return seen.hex.slice(2 * Number(distance), 2 * Number(distance) + 2) === byteOf(right)?.toString(16).padStart(2, '0');
  if (isFiller(seen) === isFiller(right) && left >= WORD && !atBorder) return false;
  const value = byteOf(seen);
  return value !== undefined && value === byteOf(right);
}

/** A border may be moved by so many bytes that fit both sides: the last of one word and the first of the next. */
const MOVED = 16n;

/** Whether the seen run crosses a border of the right segment not far from here. `distance`, `left` as for `sameByte`. */
const crosses = (segment: Segment, position: bigint, { distance, left }: { distance: bigint; left: bigint }): boolean =>
  (position - distance < segment.start && position - segment.start < MOVED) || (position + left > segment.end && segment.end - position <= MOVED);

/** `at` counts from the start of what was seen. `sources`: of the byte there; `seen` absent: bytes end there, `expected` empty: they should. */
export interface Difference {
  at: bigint;
  seen: string;
  expected: string;
  sources: { seen?: ByteSource; expected: readonly ByteSource[] };
}

/** The first place where bytes that were seen are none of those that are right. */
export function firstDifference(seen: readonly ByteRun[], right: readonly Segment[]): Difference | undefined {
  let at = 0n;
  let index = 0;
  const base = right[0]?.start ?? 0n;
  for (const run of seen) {
    let consumed = 0n;
    const length = BigInt(run.lengthBytes);
    while (consumed < length) {
      const position = base + at;
      while (index < right.length && right[index]!.end <= position) index += 1;
      const segment = right[index];
      const source = advance(run.source, consumed);
      if (!segment) return { at, seen: describeSource(source), expected: 'no more bytes', sources: { seen: source, expected: [] } };
      const candidates = segment.sources.map((candidate) => advance(candidate, position - segment.start));
      const same = candidates.some((candidate) => sameSource(source, candidate));
      if (!same && candidates.some((candidate) => sameByte(source, candidate, {
        distance: consumed, left: length - consumed, atBorder: crosses(segment, position, { distance: consumed, left: length - consumed }),
      }))) {
        consumed += 1n;
        at += 1n;
        continue;
      }
      if (!same) {
        const expected = candidates.map(describeSource);
        return { at, seen: describeSource(source), expected: [...new Set(expected)].join(' or '), sources: { seen: source, expected: candidates } };
      }
      const step = segment.end - position < length - consumed ? segment.end - position : length - consumed;
      consumed += step;
      at += step;
    }
  }
  const total = right.length === 0 ? 0n : right[right.length - 1]!.end - base;
  return at < total ? { at, seen: 'no more bytes', expected: `${total - at} more bytes`, sources: { expected: right.at(-1)!.sources } } : undefined;
}
