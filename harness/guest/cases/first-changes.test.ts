import { expect, test } from '@playwright/test';
import type { DeviceChange } from '../../../model/observation.ts';
import { firstChanges } from './first-changes.ts';

const size = 1 << 20;
const change = (device: number, offset: number): DeviceChange => ({
  device,
  offsetBytes: BigInt(offset),
  content: [{ lengthBytes: 8, source: { kind: 'zero' } }],
});
const many = (count: number): DeviceChange[] => Array.from({ length: count }, (_, n) => change(0, 16 * n));

test('should keep what a case can sensibly change', () => {
  const all = [...many(16_384)];
  expect(firstChanges(all, [size, size])).toEqual(all);
});

test('should say of each device from where on changes were not kept', () => {
  const kept = firstChanges([...many(16_390), change(1, 512), change(1, 1024)], [size, size]);
  expect(kept).toHaveLength(16_384 + 2);
  expect(kept.slice(-2)).toEqual([
    {
      device: 0,
      offsetBytes: BigInt(16 * 16_384),
      content: [{ lengthBytes: size - 16 * 16_384, source: { kind: 'unknown' } }],
    },
    { device: 1, offsetBytes: 512n, content: [{ lengthBytes: size - 512, source: { kind: 'unknown' } }] },
  ]);
});
