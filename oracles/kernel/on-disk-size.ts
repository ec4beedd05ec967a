/**
 * The size that the kernel believes the server's disk has for a file: what decides whether IOEND says APPEND. The rules
 * leave open when SETATTR, its answer and copies change it, so that several sizes may be right until an IOEND shows
 * which one the kernel has.
 */
export class OnDiskSize {
  #sizes: readonly bigint[];

  /** `sizes`: those that may be right, the plainest first; at least one. Bytes. */
  constructor(...sizes: readonly bigint[]) {
    this.#sizes = [...new Set(sizes)];
  }

  get candidates(): readonly bigint[] {
    return this.#sizes;
  }

  /**
   * Whether something that ends at `end` passes it. `whenSent`: the sizes that were right when its bytes were sent; the
   * kernel may go by those where the size has become larger since.
   */
  isPassedBy(end: bigint, whenSent: readonly bigint[] = this.#sizes): 'yes' | 'no' | 'maybe' {
    const passed = this.#sizes.map((size) => end > size);
    if (passed.every(Boolean)) return 'yes';
    return passed.some(Boolean) || whenSent.some((size) => end > size) ? 'maybe' : 'no';
  }

  /**
   * An IOEND for something that ends at `end` said that it passes the size, or it did not say so, or there was none. It
   * tells nothing when other sizes than `whenSent` are right by now.
   */
  shown(end: bigint, passes: boolean, whenSent = this.#sizes): void {
    if (whenSent.length !== this.#sizes.length || whenSent.some((size) => !this.#sizes.includes(size))) return;
    const left = this.#sizes.filter((size) => end > size === passes);
    if (left.length > 0) this.#sizes = left;
  }

  /** It is one of these now. */
  set(...sizes: readonly bigint[]): void {
    this.#sizes = [...new Set(sizes)];
  }

  /** It is that, or stays what it was. */
  may(...sizes: readonly bigint[]): void {
    this.set(...sizes, ...this.#sizes);
  }

  /** The server knows of `size` while a call runs that makes the file that large: the kernel may count it from here on. */
  told(size: bigint): void {
    this.set(...this.#sizes, size);
  }

  /** The server has answered that it is `size`; a smaller one changes nothing. */
  raise(size: bigint): void {
    this.set(...this.#sizes.map((known) => (known > size ? known : size)));
  }
}
