/**
 * The page cache of one file, as far as the rules determine it. When a page is read, kept and read again is the kernel's own business, so
 * each byte has all sources that an accepted mapping gave it since. Positions in bytes of the file.
 */
import type { ByteSource } from '../../harness/model/bytes.ts';
import { Content, type Segment } from './content.ts';

const absent: ByteSource = { kind: 'poison' };

export class PageCache {
  readonly #content = new Content(() => absent);

  get isEmpty(): boolean {
    return this.#content.touched().length === 0;
  }

  /** [start, end) may have been filled from `source`, counted from `start`. */
  fill(start: bigint, end: bigint, source: ByteSource): void {
    this.#content.mayPut(start, end, source);
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
}
