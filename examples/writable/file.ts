/** The blocks of one file: what it has, and the copies that are being made of what it shares with other files. */
import { ExtentMap, type Extent } from './extents.ts';
import type { Space } from './space.ts';

export type Piece = Extent | { at: number; count: number; kind: 'hole' };

/** Where a write goes: over `over` itself; or to `to`, and what surrounds it comes from `over`. */
export interface Target {
  over: Piece;
  to?: Extent;
  /** `to` is a copy: `over` belongs to other files as well. */
  copy?: boolean;
  /** Promised for this write and no other. */
  fresh?: boolean;
}

const cutTo = <T extends Piece>(piece: T, count: number): T => ({ ...piece, count: Math.min(piece.count, count) });

export class FileBlocks {
  readonly #space: Space;
  readonly #data: ExtentMap;
  /** Copy on write: becomes data when the kernel says that it was written. */
  readonly #copies = new ExtentMap();

  /** `extents`: of a file that the device had. */
  constructor(space: Space, extents: readonly Extent[] = []) {
    this.#space = space;
    this.#data = new ExtentMap(extents);
    for (const extent of extents) space.share(extent);
  }

  /** What outlives a mount. */
  get extents(): readonly Extent[] {
    return this.#data.all.filter(({ kind }) => kind !== 'delalloc');
  }

  get blocks(): number {
    return this.#data.all.reduce((sum, { count }) => sum + count, 0);
  }

  /** Blocks that were promised and have no place yet, copies included. */
  get promisedBlocks(): number {
    return [...this.#data.all, ...this.#copies.all].reduce(
      (sum, { kind, count }) => sum + (kind === 'delalloc' ? count : 0),
      0,
    );
  }

  /** What readers find. Promised space has no bytes yet. */
  read(at: number): Piece {
    const piece = this.#data.at(at);
    return piece.kind === 'delalloc' ? { at: piece.at, count: piece.count, kind: 'hole' } : piece;
  }

  /** What FIEMAP tells. */
  report(at: number): { piece: Piece; shared: boolean } {
    const piece = this.#data.at(at);
    if (piece.kind !== 'written') return { piece, shared: false };
    const { shared, count } = this.#space.sharedRun(piece.start, piece.count);
    return { piece: cutTo(piece, count), shared };
  }

  /** For writes into the page cache: promises space where there is none. Undefined: no space left. */
  promise(at: number, count: number): Target | undefined {
    const { over, copy } = this.#around(at, count);
    if (copy.kind !== 'hole') return { over, to: copy, copy: true };
    if (over.kind === 'delalloc') return { over, to: over };
    if (over.kind === 'unwritten') return { over };
    const shared = over.kind === 'written' && this.#space.sharedRun(over.start, over.count);
    if (shared && !shared.shared) return { over: cutTo(over, shared.count) };
    const given = this.#space.reserve(shared ? shared.count : over.count);
    if (given === 0) return undefined;
    const to: Extent = { at, count: given, start: 0, kind: 'delalloc' };
    (shared ? this.#copies : this.#data).put(to);
    return { over: cutTo(over, given), to, copy: shared !== false, fresh: true };
  }

  /**
   * For bytes on their way to the device, by writeback or past the page cache: gives them a place. Undefined: no space
   * left.
   */
  place(at: number, count: number): Target | undefined {
    const { over, copy } = this.#around(at, count);
    if (copy.kind !== 'hole' && copy.kind !== 'delalloc') return { over, to: copy, copy: true };
    if (copy.kind === 'delalloc') return this.#placeCopy(over, over.count, true);
    if (over.kind === 'hole' || over.kind === 'delalloc') {
      const run = this.#space.allocate(over.count, { promised: over.kind === 'delalloc' });
      if (!run) return undefined;
      const fresh: Extent = { at, ...run, kind: 'unwritten' };
      this.#data.put(fresh);
      return { over: fresh };
    }
    if (over.kind === 'unwritten') return { over };
    const { shared, count: alike } = this.#space.sharedRun(over.start, over.count);
    return shared ? this.#placeCopy(over, alike, false) : { over: cutTo(over, alike) };
  }

  /** Bytes have arrived. */
  arrived(at: number, count: number, { copy }: { copy: boolean }): void {
    if (copy) {
      for (const extent of this.#copies.within(at, count)) {
        if (extent.kind === 'delalloc') continue;
        this.#copies.cut(extent.at, extent.count);
        this.#space.release(this.#data.put({ ...extent, kind: 'written' }));
      }
      return;
    }
    for (const extent of this.#data.within(at, count))
      if (extent.kind === 'unwritten') this.#data.put({ ...extent, kind: 'written' });
  }

  /** Bytes were lost on their way: what was promised or placed for them alone is free. */
  lost(at: number, count: number): void {
    this.#space.release(this.#copies.cut(at, count));
    this.unpromise(at, count);
  }

  /** Promises that were not used. */
  unpromise(at: number, count: number): void {
    for (const extent of this.#data.within(at, count))
      if (extent.kind === 'delalloc') this.#space.release(this.#data.cut(extent.at, extent.count));
  }

  /** Makes a hole. */
  cut(at: number, count: number): void {
    this.#space.release(this.#copies.cut(at, count));
    this.#space.release(this.#data.cut(at, count));
  }

  /** Fills holes with unwritten extents. False: not enough space, and nothing was done. */
  preallocate(at: number, count: number): boolean {
    const holes: { at: number; count: number }[] = [];
    for (let block = at; block < at + count;) {
      const piece = cutTo(this.#data.at(block), at + count - block);
      if (piece.kind === 'hole') holes.push({ at: block, count: piece.count });
      block += piece.count;
    }
    if (holes.reduce((sum, hole) => sum + hole.count, 0) > this.#space.available) return false;
    for (const hole of holes) {
      for (let done = 0; done < hole.count;) {
        const run = this.#space.allocate(hole.count - done, { promised: false });
        if (!run) return false;
        this.#data.put({ at: hole.at + done, ...run, kind: 'unwritten' });
        done += run.count;
      }
    }
    return true;
  }

  /** Has the blocks of another file, in place of its own; what is not written there is a hole here. */
  shareFrom(source: FileBlocks, from: number, at: number, count: number): void {
    const pieces = source.#data.within(from, count).filter(({ kind }) => kind === 'written');
    for (const piece of pieces) this.#space.share(piece);
    this.cut(at, count);
    for (const piece of pieces) this.#data.put({ ...piece, at: piece.at - from + at });
  }

  #around(at: number, count: number): { over: Piece; copy: Piece } {
    const copy = this.#copies.at(at),
      over = this.#data.at(at);
    const alike = Math.min(count, copy.count, over.count);
    return { over: cutTo(over, alike), copy: cutTo(copy, alike) };
  }

  #placeCopy(over: Piece, count: number, promised: boolean): Target | undefined {
    const run = this.#space.allocate(count, { promised });
    if (!run) return undefined;
    const to: Extent = { at: over.at, ...run, kind: 'written' };
    this.#copies.put(to);
    return { over: cutTo(over, run.count), to, copy: true };
  }
}
