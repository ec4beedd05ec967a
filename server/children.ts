/** The names in a directory. */

/**
 * Every name has a place for READDIR that it keeps: a reader that goes on behind a place misses no name and sees none
 * twice while others come and go (`rm -r` reads a directory that it empties).
 */
export class Children<Node> extends Map<string, Node> {
  readonly #places = new Map<string, bigint>();
  /** Places of "." and ".." are 1 and 2. */
  #next = 3n;

  override set(name: string, node: Node): this {
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
