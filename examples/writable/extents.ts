/**
 * Where the blocks of one file are: extents in order, without overlaps. What none covers is a hole. All numbers are
 * blocks.
 */

/** `delalloc`: space is promised but has no place yet; `start` is 0 then. */
export type Kind = 'written' | 'unwritten' | 'delalloc';
export interface Extent {
  at: number;
  count: number;
  start: number;
  kind: Kind;
}

const endOf = ({ at, count }: Extent): number => at + count;

/** The part of an extent within [at, at + count). */
function part(extent: Extent, at: number, count: number): Extent {
  const from = Math.max(extent.at, at);
  const skipped = from - extent.at;
  return {
    at: from,
    count: Math.min(endOf(extent), at + count) - from,
    start: extent.kind === 'delalloc' ? 0 : extent.start + skipped,
    kind: extent.kind,
  };
}

const continues = (a: Extent, b: Extent): boolean =>
  a.kind === b.kind && endOf(a) === b.at && (a.kind === 'delalloc' || a.start + a.count === b.start);

export class ExtentMap {
  readonly #list: Extent[] = [];

  constructor(extents: readonly Extent[] = []) {
    for (const extent of extents) this.put(extent);
  }

  get all(): readonly Extent[] {
    return this.#list;
  }

  /** What is at a block, cut to begin there; or the hole there, up to the next extent. */
  at(block: number): Extent | { at: number; count: number; kind: 'hole' } {
    const next = this.#list[this.#indexAfter(block)];
    if (!next) return { at: block, count: Infinity, kind: 'hole' };
    return next.at <= block ? part(next, block, Infinity) : { at: block, count: next.at - block, kind: 'hole' };
  }

  /** The extents of a range, cut to it. */
  within(at: number, count: number): Extent[] {
    const found: Extent[] = [];
    for (let n = this.#indexAfter(at); n < this.#list.length && this.#list[n]!.at < at + count; n++)
      found.push(part(this.#list[n]!, at, count));
    return found;
  }

  /** Makes a hole. Returns what was there. */
  cut(at: number, count: number): Extent[] {
    const first = this.#indexAfter(at);
    let last = first;
    while (last < this.#list.length && this.#list[last]!.at < at + count) last++;
    const old = this.#list.slice(first, last);
    const kept = old.flatMap((extent) => [
      ...(extent.at < at ? [part(extent, extent.at, at - extent.at)] : []),
      ...(endOf(extent) > at + count ? [part(extent, at + count, Infinity)] : []),
    ]);
    this.#list.splice(first, last - first, ...kept);
    return old.map((extent) => part(extent, at, count));
  }

  /** Puts an extent over whatever is there. Returns what was there. */
  put(extent: Extent): Extent[] {
    const old = this.cut(extent.at, extent.count);
    let n = this.#indexAfter(extent.at);
    const merged = { ...extent };
    const before = this.#list[n - 1],
      after = this.#list[n];
    let replaced = 0;
    if (after && continues(merged, after)) {
      merged.count += after.count;
      replaced++;
    }
    if (before && continues(before, merged)) {
      Object.assign(merged, { at: before.at, start: before.start, count: before.count + merged.count });
      n--;
      replaced++;
    }
    this.#list.splice(n, replaced, merged);
    return old;
  }

  /** Index of the first extent that ends behind `block`. */
  #indexAfter(block: number): number {
    let low = 0,
      high = this.#list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (endOf(this.#list[middle]!) > block) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
