/**
 * Seeds derived from the seed of a campaign, so that case number i is the same on any machine, in any shard and batch.
 */

/**
 * A well-mixed signed 32-bit number of a seed and one or more positions. Mixing step: the finaliser of MurmurHash3
 * (public domain).
 */
export function mix(seed: number, ...positions: readonly number[]): number {
  let hash = seed | 0;
  for (const position of positions) {
    // Positions may pass 2^32: both halves count.
    for (const word of [position | 0, Math.floor(position / 0x1_0000_0000) | 0]) {
      hash = (Math.imul(hash ^ word, 0x9e37_79b1) + 0x7f4a_7c15) | 0;
      hash ^= hash >>> 16;
      hash = Math.imul(hash, 0x85eb_ca6b);
      hash ^= hash >>> 13;
      hash = Math.imul(hash, 0xc2b2_ae35);
      hash ^= hash >>> 16;
    }
  }
  return hash;
}

/** A number from 0 to `count` - 1. */
export const pickIndex = (count: number, seed: number, ...positions: readonly number[]): number =>
  (mix(seed, ...positions) >>> 0) % count;

/** The numbers 0 to `count` - 1 in an order that the seed decides. */
export function shuffled(count: number, seed: number): number[] {
  const order = Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last -= 1) {
    const other = pickIndex(last + 1, seed, last);
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}
