import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import { borderValue } from './border-value.ts';

test('stays inside its bounds', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      fc.bigInt({ min: 0n, max: 1n << 40n }),
      fc.integer(),
      (min, span, seed) => {
        const max = min + span > (1n << 64n) - 1n ? (1n << 64n) - 1n : min + span;
        return fc
          .sample(borderValue({ min, max }), { numRuns: 20, seed })
          .every((value) => value >= min && value <= max);
      },
    ),
    { numRuns: 50 },
  );
});

test('is mostly near a border, also near those of the case', () => {
  const drawn = fc.sample(borderValue({ around: [12_345_678n] }), { numRuns: 4000, seed: 1 });
  const near = (border: bigint) => drawn.filter((value) => value - border <= 4096n && border - value <= 4096n).length;
  for (const border of [0n, 1n << 32n, 1n << 63n, (1n << 64n) - 1n, 12_345_678n])
    expect(near(border), String(border)).toBeGreaterThan(100);
});
