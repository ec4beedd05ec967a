/** Free space: how many files have each block of the device, and how many blocks are promised. */
import type { Extent } from './extents.ts';

export class Space {
  readonly #users: Uint16Array;
  readonly #first: number;
  #free: number;
  #reserved = 0;
  /** Without users, but what is on the device since the last checkpoint still names them. */
  #freed: number[] = [];
  #cursor: number;
  readonly #checkpoint: () => void;

  /**
   * Blocks [first, end) of the device; `checkpoint` is called when blocks run out that only an old checkpoint uses, and
   * calls `commit`.
   */
  constructor(first: number, end: number, checkpoint: () => void) {
    this.#users = new Uint16Array(end);
    this.#first = this.#cursor = first;
    this.#free = end - first;
    this.#checkpoint = checkpoint;
  }

  get total(): number {
    return this.#users.length - this.#first;
  }

  /** Blocks that can be promised. */
  get available(): number {
    return this.#free - this.#reserved;
  }

  /** Promises up to `count` blocks. Returns how many. */
  reserve(count: number): number {
    const given = Math.min(count, this.available);
    this.#reserved += given;
    return given;
  }

  /** Takes a promise back. */
  cancel(count: number): void {
    this.#reserved -= count;
  }

  /**
   * Blocks in one piece, as many of `count` as there are; `promised`: out of a promise, which is kept by that.
   * Undefined: the device is full.
   */
  allocate(count: number, { promised }: { promised: boolean }): { start: number; count: number } | undefined {
    const most = promised ? count : Math.min(count, this.available);
    if (most <= 0) return undefined;
    const run = this.#find(most) ?? this.#afterCheckpoint(most);
    if (!run) return undefined;
    this.#users.fill(1, run.start, run.start + run.count);
    this.#free -= run.count;
    if (promised) this.#reserved -= run.count;
    this.#cursor = run.start + run.count;
    return run;
  }

  /** One more file has these blocks. */
  share({ start, count, kind }: Extent): void {
    if (kind === 'delalloc') return;
    for (let block = start; block < start + count; block++) {
      if (this.#users[block]!++ === 0) this.#free--;
    }
  }

  /** A file has them no more; promised ones are promised no more. */
  release(extents: readonly Extent[]): void {
    for (const { kind, start, count } of extents) {
      if (kind === 'delalloc') {
        this.cancel(count);
        continue;
      }
      for (let block = start; block < start + count; block++) {
        if (--this.#users[block]! > 0) continue;
        this.#free++;
        this.#users[block] = awaitsCheckpoint;
        this.#freed.push(block);
      }
    }
  }

  /** How many blocks from `start` on are alike in having several files, and whether they have. */
  sharedRun(start: number, count: number): { shared: boolean; count: number } {
    const shared = this.#users[start]! > 1;
    let n = 1;
    while (n < count && this.#users[start + n]! > 1 === shared) n++;
    return { shared, count: n };
  }

  /** The device holds a checkpoint that does not name what was freed so far. */
  commit(): void {
    for (const block of this.#freed) this.#users[block] = 0;
    this.#freed = [];
  }

  #afterCheckpoint(most: number): { start: number; count: number } | undefined {
    if (this.#freed.length === 0) return undefined;
    this.#checkpoint();
    return this.#find(most);
  }

  /** The first run at or behind the cursor, which goes round. */
  #find(most: number): { start: number; count: number } | undefined {
    const size = this.#users.length;
    const scan = (from: number, to: number): { start: number; count: number } | undefined => {
      let start = from;
      while (start < to && this.#users[start] !== 0) start++;
      if (start >= to) return undefined;
      let count = 1;
      while (count < most && start + count < size && this.#users[start + count] === 0) count++;
      return { start, count };
    };
    return scan(this.#cursor, size) ?? scan(this.#first, this.#cursor);
  }
}

/** More users than any block can have. */
const awaitsCheckpoint = 0xffff;
