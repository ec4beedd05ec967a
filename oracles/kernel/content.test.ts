import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import type { ByteSource } from '../../harness/model/bytes.ts';
import { Content, firstDifference, sameSource } from './content.ts';

const base = (position: bigint): ByteSource => ({ kind: 'device', device: 0, offsetBytes: position });
const writer = (number: number, offsetBytes: bigint): ByteSource => ({ kind: 'writer', writer: number, offsetBytes });

test('holds at each byte what was put there last', () => {
  const put = fc.record({ start: fc.nat(60), length: fc.integer({ min: 1, max: 20 }), writer: fc.nat(3) });
  fc.assert(fc.property(fc.array(put, { maxLength: 8 }), (puts) => {
    const content = new Content(base);
    const bytes: ByteSource[] = Array.from({ length: 80 }, (_, index) => base(BigInt(index)));
    for (const { start, length, writer: number } of puts) {
      content.put(BigInt(start), BigInt(start + length), writer(number, 1000n));
      for (let index = 0; index < length; index += 1) bytes[start + index] = writer(number, 1000n + BigInt(index));
    }
    const seen = bytes.map((source) => ({ lengthBytes: 1, source }));
    expect(firstDifference(seen, content.read(0n, 80n))).toBeUndefined();
  }));
});

test('what may have been put is right as well as what was there', () => {
  const content = new Content(base);
  content.mayPut(8n, 16n, writer(0, 0n));
  expect(firstDifference([{ lengthBytes: 24, source: base(0n) }], content.read(0n, 24n))).toBeUndefined();
  expect(firstDifference([{ lengthBytes: 8, source: base(0n) }, { lengthBytes: 8, source: writer(0, 0n) }, { lengthBytes: 8, source: base(16n) }], content.read(0n, 24n))).toBeUndefined();
  expect(firstDifference([{ lengthBytes: 8, source: base(0n) }, { lengthBytes: 8, source: writer(0, 8n) }], content.read(0n, 16n))).toMatchObject({ at: 8n });
});

test('names the first byte that differs, and bytes that are missing or too many', () => {
  const right = new Content(base).read(100n, 200n);
  expect(firstDifference([{ lengthBytes: 50, source: base(100n) }, { lengthBytes: 50, source: base(151n) }], right)).toMatchObject({ at: 50n });
  expect(firstDifference([{ lengthBytes: 99, source: base(100n) }], right)).toMatchObject({ at: 99n, seen: 'no more bytes' });
  expect(firstDifference([{ lengthBytes: 101, source: base(100n) }], right)).toMatchObject({ at: 100n, expected: 'no more bytes' });
});

test('positions count modulo 2^43, owners count', () => {
  expect(sameSource(writer(0, 0n), writer(0, 1n << 43n))).toBe(true);
  expect(sameSource(writer(0, 0n), writer(1, 0n))).toBe(false);
  expect(sameSource(writer(0, 0n), base(0n))).toBe(false);
});

test('a byte between two runs that fits both is right, the next one is not', () => {
  const zero = { kind: 'zero' } as const;
  const content = new Content(base);
  content.put(4096n, 4101n, zero);
  const right = content.read(0n, 4101n);
  // Position 4096 is word 512: its first byte is 0, its second 2.
  expect(firstDifference([{ lengthBytes: 4097, source: base(0n) }, { lengthBytes: 4, source: zero }], right)).toBeUndefined();
  expect(firstDifference([{ lengthBytes: 4098, source: base(0n) }, { lengthBytes: 3, source: zero }], right)).toMatchObject({ at: 4097n });
});
