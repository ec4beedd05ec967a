import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import type { ByteSource } from '../../model/bytes.ts';
import { byteOf } from '../../model/pattern.ts';
import { Content, compareBytes, firstDifference, sameSource } from './content.ts';

const base = (position: bigint): ByteSource => ({ kind: 'device', device: 0, offsetBytes: position });
const writer = (number: number, offsetBytes: bigint): ByteSource => ({ kind: 'writer', writer: number, offsetBytes });

test('holds at each byte what was put there last', () => {
  const put = fc.record({ start: fc.nat(60), length: fc.integer({ min: 1, max: 20 }), writer: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(put, { maxLength: 8 }), (puts) => {
      const content = new Content(base);
      const bytes: ByteSource[] = Array.from({ length: 80 }, (_, index) => base(BigInt(index)));
      for (const { start, length, writer: number } of puts) {
        content.put(BigInt(start), BigInt(start + length), writer(number, 1000n));
        for (let index = 0; index < length; index += 1) bytes[start + index] = writer(number, 1000n + BigInt(index));
      }
      const seen = bytes.map((source) => ({ lengthBytes: 1, source }));
      expect(firstDifference(seen, content.read(0n, 80n))).toBeUndefined();
    }),
  );
});

test('what may have been put is right as well as what was there', () => {
  const content = new Content(base);
  content.mayPut(8n, 16n, writer(0, 0n));
  expect(firstDifference([{ lengthBytes: 24, source: base(0n) }], content.read(0n, 24n))).toBeUndefined();
  expect(
    firstDifference(
      [
        { lengthBytes: 8, source: base(0n) },
        { lengthBytes: 8, source: writer(0, 0n) },
        { lengthBytes: 8, source: base(16n) },
      ],
      content.read(0n, 24n),
    ),
  ).toBeUndefined();
  expect(
    firstDifference(
      [
        { lengthBytes: 8, source: base(0n) },
        { lengthBytes: 8, source: writer(0, 8n) },
      ],
      content.read(0n, 16n),
    ),
  ).toMatchObject({ at: 8n });
});

test('names the first byte that differs, and bytes that are missing or too many', () => {
  const right = new Content(base).read(100n, 200n);
  expect(
    firstDifference(
      [
        { lengthBytes: 50, source: base(100n) },
        { lengthBytes: 50, source: base(151n) },
      ],
      right,
    ),
  ).toMatchObject({ at: 50n });
  expect(firstDifference([{ lengthBytes: 99, source: base(100n) }], right)).toMatchObject({
    at: 99n,
    seen: 'no more bytes',
  });
  expect(firstDifference([{ lengthBytes: 101, source: base(100n) }], right)).toMatchObject({
    at: 100n,
    expected: 'no more bytes',
  });
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
  expect(
    firstDifference(
      [
        { lengthBytes: 4097, source: base(0n) },
        { lengthBytes: 4, source: zero },
      ],
      right,
    ),
  ).toBeUndefined();
  expect(
    firstDifference(
      [
        { lengthBytes: 4098, source: base(0n) },
        { lengthBytes: 3, source: zero },
      ],
      right,
    ),
  ).toMatchObject({ at: 4097n });
});

test.describe('bytes of unknown origin', () => {
  // A write of 22 bytes at 4089 over device bytes; as it was kept before, sixteen bytes of it.
  const before: ByteSource = { kind: 'device', device: 0, offsetBytes: 0xc0ff8n };
  const content = new Content((position) => ({ ...before, offsetBytes: before.offsetBytes + position }));
  content.put(1n, 23n, writer(0, 4089n));
  const right = content.read(0n, 24n);
  const spelled = [...Array<undefined>(22)].map((_, index) =>
    byteOf(writer(0, 4089n + BigInt(index)))!
      .toString(16)
      .padStart(2, '0'),
  );
  const seen = (hex: string, bytes = 22) => [
    { lengthBytes: 1, source: before },
    { lengthBytes: bytes, source: { kind: 'other' as const, hex } },
  ];
  const last = { lengthBytes: 1, source: { ...before, offsetBytes: before.offsetBytes + 23n } };

  test('are right when each is, whatever they could not be named as', () => {
    expect(compareBytes([...seen(spelled.join('')), last], right)).toEqual({});
  });
  test('are not judged where they were cut, and are named', () => {
    expect(compareBytes([...seen(spelled.slice(0, 16).join('')), last], right)).toEqual({
      unknown: { at: 17n, bytes: 6n },
    });
    expect(
      compareBytes(
        [...seen(spelled.slice(0, 16).join(''), 16), { lengthBytes: 6, source: { kind: 'unknown' } }, last],
        right,
      ),
    ).toEqual({ unknown: { at: 17n, bytes: 6n } });
  });
  test('deviate where one before the cut is wrong', () => {
    const wrong = spelled
      .slice(0, 16)
      .map((byte, index) => (index === 15 ? '5e' : byte))
      .join('');
    expect(compareBytes([...seen(wrong), last], right).difference).toMatchObject({ at: 16n });
  });
  test('deviate where one behind the cut is wrong', () => {
    expect(
      compareBytes([...seen(spelled.slice(0, 16).join('')), { lengthBytes: 1, source: { kind: 'zero' } }], right),
    ).toMatchObject({ difference: { at: 23n }, unknown: { at: 17n, bytes: 6n } });
  });
  test('do not hide that there are too many or too few', () => {
    expect(compareBytes([{ lengthBytes: 25, source: { kind: 'unknown' } }], right).difference).toMatchObject({
      at: 24n,
      expected: 'no more bytes',
    });
    expect(compareBytes([{ lengthBytes: 23, source: { kind: 'unknown' } }], right).difference).toMatchObject({
      at: 23n,
      seen: 'no more bytes',
    });
  });
});

test('halves of two words that are right are not right together', () => {
  const content = new Content(() => ({ kind: 'zero' }));
  // Words 0x40 and 0x341.
  content.put(0n, 8n, writer(1, 0x200n));
  content.mayPut(0n, 8n, writer(1, 0x1a08n));
  const right = content.read(0n, 8n);
  const word = (hex: string) => [{ lengthBytes: 8, source: { kind: 'other' as const, hex } }];
  expect(compareBytes(word('40000000000120d5'), right)).toEqual({});
  expect(compareBytes(word('41030000000120d5'), right)).toEqual({});
  expect(compareBytes(word('40030000000120d5'), right)).toMatchObject({ difference: { at: 1n } });
  expect(compareBytes(word('41000000000120d5'), right)).toMatchObject({ difference: { at: 1n } });
  expect(compareBytes([{ lengthBytes: 8, source: writer(1, 0x1a08n) }], right)).toEqual({});
});

test('compares as byte by byte, whatever a buffer holds', () => {
  const piece = fc.record({ start: fc.nat(60), length: fc.integer({ min: 1, max: 20 }), writer: fc.nat(2) });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), fc.array(piece, { maxLength: 2 }), (puts, faults) => {
      const content = new Content(base);
      const bytes: ByteSource[] = Array.from({ length: 80 }, (_, index) => base(BigInt(index)));
      const put = (
        target: ByteSource[],
        { start, length, writer: number }: { start: number; length: number; writer: number },
      ) => {
        for (let index = start; index < start + length; index += 1) target[index] = writer(number, BigInt(index));
      };
      for (const one of puts) {
        content.put(BigInt(one.start), BigInt(one.start + one.length), writer(one.writer, BigInt(one.start)));
        put(bytes, one);
      }
      const seen = [...bytes];
      for (const one of faults) put(seen, one);
      const value = (source: ByteSource): string => byteOf(source)!.toString(16).padStart(2, '0');
      const first = seen.findIndex((source, index) => value(source) !== value(bytes[index]!));
      const other = [{ lengthBytes: 80, source: { kind: 'other' as const, hex: seen.map(value).join('') } }];
      expect(compareBytes(other, content.read(0n, 80n)).difference?.at).toBe(first < 0 ? undefined : BigInt(first));
    }),
  );
});
