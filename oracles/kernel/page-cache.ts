/**
 * The page cache of one file, as far as the rules determine it. When a clean page is read, kept and read again is the
 * kernel's own business, so each byte has all sources that an accepted mapping gave it since. A dirty byte has what was
 * written. Positions in bytes of the file.
 */
import type { ByteSource } from '../../model/bytes.ts';
import { Content, type Segment } from './content.ts';
import { removed, union, within, type Range, type Ranges } from './ranges.ts';

const absent: ByteSource = { kind: 'poison' };

export class PageCache {
  readonly #content = new Content(() => absent);
  /** What must reach a device before it may leave the cache. Whole blocks. */
  #dirty: Ranges = [];
  readonly #soiled: Range[] = [];

  get isEmpty(): boolean {
    return this.#content.touched().length === 0;
  }

  get dirty(): Ranges {
    return this.#dirty;
  }

  /** [start, end) may have been filled from `source`, counted from `start`; not where it is dirty. */
  fill(start: bigint, end: bigint, source: ByteSource): void {
    let clean: Ranges = [{ start, end }];
    for (const range of within(this.#dirty, { start, end })) clean = removed(clean, range);
    for (const range of clean) {
      const from =
        'offsetBytes' in source ? { ...source, offsetBytes: source.offsetBytes + (range.start - start) } : source;
      this.#content.mayPut(range.start, range.end, from);
    }
  }

  /** What lies behind EOF in a block that comes in without being read. */
  fillRest(start: bigint, end: bigint): void {
    this.fill(start, end, { kind: 'zero' });
  }

  /** [start, end) holds `source`, counted from `start`. */
  write(start: bigint, end: bigint, source: ByteSource): void {
    this.#content.put(start, end, source);
  }

  /** The segment's range holds one of its sources. */
  writeSegment(segment: Segment): void {
    this.#content.putSegment(segment, true);
  }

  /** [start, end) may hold `source` now, dirty or not. */
  mayWrite(start: bigint, end: bigint, source: ByteSource): void {
    this.#content.mayPut(start, end, source);
  }

  /** `block`: bytes of one. What is dirty is whole blocks. */
  soil(range: Range, block: bigint): void {
    const start = range.start - (range.start % block);
    const end = range.end + ((block - (range.end % block)) % block);
    if (start >= end) return;
    this.#dirty = union(this.#dirty, [{ start, end }]);
    this.#soiled.push({ start, end });
  }

  /** How often something was made dirty so far. */
  get soils(): number {
    return this.#soiled.length;
  }

  /** What was made dirty since then. */
  soiledSince(soils: number): Ranges {
    return union([], this.#soiled.slice(soils));
  }

  /** [start, end) leaves the cache, written back or not. */
  drop(start: bigint, end: bigint): void {
    if (this.isEmpty) return;
    this.clean({ start, end });
    this.#content.put(start, end, absent);
  }

  /** Clean pages in [start, end) leave the cache. With something dirty a larger folio may stay as a whole. */
  forget(start: bigint, end: bigint): void {
    if (!this.isEmpty && this.#dirty.length === 0) this.drop(start, end);
  }

  clean(range: Range): void {
    this.#dirty = removed(this.#dirty, range);
  }

  /** What may be there from `start` on: without gaps, up to the first byte that nothing filled, or to `end`. */
  read(start: bigint, end: bigint): Segment[] {
    const filled: Segment[] = [];
    for (const segment of this.#content.read(start, end)) {
      const sources = segment.sources.filter((source) => source.kind !== absent.kind);
      if (sources.length === 0) break;
      filled.push({ ...segment, sources });
    }
    return filled;
  }

  /** The parts of [start, end) that may be there. */
  filled(start: bigint, end: bigint): Ranges {
    return this.#content
      .read(start, end)
      .filter(({ sources }) => sources.some(({ kind }) => kind !== absent.kind))
      .reduce<Ranges>((ranges, range) => union(ranges, [range]), []);
  }

  /** Whether some byte of the range is certainly not there. */
  misses(start: bigint, end: bigint): boolean {
    return start < end && this.read(start, end).at(-1)?.end !== end;
  }
}
