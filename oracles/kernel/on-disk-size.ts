/**
 * The size that the kernel believes the server's disk has for a file: what decides whether IOEND says APPEND. The rules
 * leave open when SETATTR, its answer and copies change it, so that several sizes may be right until an IOEND shows
 * which one the kernel has.
 */
export class OnDiskSize {
  #sizes: readonly bigint[];
  /** Those that count only while a call runs that changes the size, or when it succeeds. */
  #tentative: readonly bigint[] = [];
  /** What answers to IOEND told since the server last heard of a size. */
  #answered: readonly bigint[] = [];

  /** `sizes`: those that may be right, the plainest first; at least one. Bytes. */
  constructor(...sizes: readonly bigint[]) {
    this.#sizes = [...new Set(sizes)];
  }

  get candidates(): readonly bigint[] {
    return [...new Set([...this.#sizes, ...this.#tentative])];
  }

  /**
   * Whether something that ends at `end` passes it. `whenSent`: the sizes that were right when its bytes were sent; the
   * kernel may go by those where the size has become larger since.
   */
  isPassedBy(end: bigint, whenSent: readonly bigint[] = this.candidates): 'yes' | 'no' | 'maybe' {
    const passed = this.candidates.map((size) => end > size);
    if (passed.every(Boolean)) return 'yes';
    return passed.some(Boolean) || whenSent.some((size) => end > size) ? 'maybe' : 'no';
  }

  /**
   * An IOEND for something that ends at `end` said that it passes the size, or it did not say so, or there was none. It
   * tells nothing when other sizes than `whenSent` are right by now.
   */
  shown(end: bigint, passes: boolean, whenSent = this.candidates): void {
    const known = this.candidates;
    if (whenSent.length !== known.length || whenSent.some((size) => !known.includes(size))) return;
    const fits = (size: bigint): boolean => end > size === passes;
    if (!known.some(fits)) return;
    this.#sizes = this.#sizes.filter(fits);
    this.#tentative = this.#tentative.filter(fits);
  }

  /** It is one of these now. */
  set(...sizes: readonly bigint[]): void {
    this.#sizes = [...new Set(sizes)];
    this.#tentative = [];
  }

  /** It is that, or stays what it was. */
  may(...sizes: readonly bigint[]): void {
    this.#sizes = [...new Set([...sizes, ...this.#sizes])];
  }

  /** A call runs that makes the file that large, or its server has heard of that by now: the kernel may count it. */
  mayBecome(size: bigint): void {
    this.#tentative = [...new Set([...this.#tentative, size])];
  }

  /** That call failed, and the size stays one of `before`, where nothing else has become known meanwhile. */
  stays(before: readonly bigint[]): void {
    this.set(...(this.#sizes.length > 0 ? this.#sizes : before));
  }

  /** The server has answered that it is `size`; a smaller one changes nothing. */
  raise(size: bigint): void {
    // Whichever smaller one the kernel had, it has this one now.
    const raised = (known: bigint): bigint => (known > size ? known : size);
    const [sizes, tentative] = [this.#sizes.map(raised), this.#tentative.map(raised)];
    this.set(...(sizes.length > 0 || tentative.length > 0 ? sizes : [size]));
    this.#tentative = [...new Set(tentative)];
    this.#answered = [...this.#answered, size];
  }

  /** A call begins that changes the size of the file, or its server has taken that. */
  heard(): void {
    this.#answered = [];
  }

  /** The file was cut to `size`: it is that or what the kernel believes of the answer, or it was smaller before. */
  isCut(size: bigint, believed: bigint): void {
    // What the server told of a larger one afterwards counts.
    const rest = this.candidates.filter((known) => known < size || this.#answered.includes(known));
    this.set(size, believed, ...rest);
  }
}
