/** 64-bit values near the borders where checks go wrong. */
import fc from 'fast-check';

export interface BorderValueConstraints {
  /** Least and greatest value. Default: 0 and 2^64-1. */
  min?: bigint;
  max?: bigint;
  /** Borders of the case besides the usual ones: block size, maxbytes, device size ... */
  around?: readonly bigint[];
}

const U64_MAX = (1n << 64n) - 1n;
const USUAL = [0n, 1n, 512n, 4096n, 1n << 31n, 1n << 32n, 1n << 63n, 1n << 64n];
/** How far from a border a value may lie. */
const NEAR = [-4096n, -512n, -2n, -1n, 0n, 1n, 2n, 512n, 4096n];

/** A u64 close to a border: mostly one of the listed distances from one of the borders, sometimes anywhere. */
export function borderValue({
  min = 0n,
  max = U64_MAX,
  around = [],
}: BorderValueConstraints = {}): fc.Arbitrary<bigint> {
  const near = [
    ...new Set([...USUAL, ...around].flatMap((border) => NEAR.map((distance) => border + distance))),
  ].filter((value) => value >= min && value <= max);
  const anywhere = fc.bigInt({ min, max });
  return near.length === 0
    ? anywhere
    : fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...near) }, { weight: 1, arbitrary: anywhere });
}
