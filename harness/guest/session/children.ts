/** The names in a directory. */
import type { Inode } from './inode.ts';

/**
 * Every name has a place for READDIR that it keeps: a reader that goes on behind a place misses no name and sees none twice while others come and go
 * (`rm -r` reads a directory that it empties).
 */
export class Children extends Map<string, Inode> {
  readonly #places = new Map<string, bigint>();
  /** Places of "." and ".." are 1 and 2. */
  #next = 3n;

  override set(name: string, node: Inode): this {
    if (!this.has(name)) this.#places.set(name, this.#next++);
    return super.set(name, node);
  }

  override delete(name: string): boolean {
    this.#places.delete(name);
    return super.delete(name);
  }

  placeOf(name: string): bigint {
    return this.#places.get(name)!;
  }
}
