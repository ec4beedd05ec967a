import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import { loadBuilt } from './built.ts';
import type { ByteRun } from '../../model/bytes.ts';

const native = loadBuilt();
/** As in model/kept-bytes.ts. */
const mostRunsOfBuffer = 4096,
  mostSpelledBytes = 4096;
const kinds = { device: 1, writer: 2, server: 3 } as const;
type Owned = Extract<ByteRun['source'], { offsetBytes: bigint }>;

const numberOf = (source: Owned): number =>
  source.kind === 'device' ? source.device : source.kind === 'writer' ? source.writer : source.file;

function render(runs: ByteRun[]): Buffer {
  const buffer = Buffer.alloc(runs.reduce((sum, run) => sum + run.lengthBytes, 0));
  let at = 0;
  for (const { lengthBytes, source } of runs) {
    if (source.kind === 'poison') buffer.fill(0xa5, at, at + lengthBytes);
    else if (source.kind === 'other') buffer.fill(0x5e, at, at + lengthBytes);
    else if ('offsetBytes' in source)
      native.fillPattern(buffer, at, lengthBytes, kinds[source.kind], numberOf(source), source.offsetBytes);
    at += lengthBytes;
  }
  return buffer;
}

/**
 * What runs say of bytes, byte by byte and without the addon: a word is 0xd5, its owner's kind and number, and its
 * position / 8.
 */
function spelled(runs: ByteRun[]): Buffer {
  const bytes: number[] = [];
  for (const { lengthBytes, source } of runs) {
    for (let at = 0; at < lengthBytes; at++) {
      if ('offsetBytes' in source) {
        const position = source.offsetBytes + BigInt(at);
        const word =
          (0xd5n << 56n) |
          (BigInt(kinds[source.kind]) << 52n) |
          (BigInt(numberOf(source)) << 40n) |
          (BigInt.asUintN(43, position) / 8n);
        bytes.push(Number((word >> (8n * (position % 8n))) & 0xffn));
      } else if (source.kind === 'other') bytes.push(Number.parseInt(source.hex.slice(2 * at, 2 * at + 2), 16));
      else bytes.push(source.kind === 'poison' ? 0xa5 : 0);
    }
  }
  return Buffer.from(bytes);
}

const decode = (buffer: Buffer): ByteRun[] => native.decodeRuns(buffer, 0, buffer.length);

const ownedSource = (offset: fc.Arbitrary<bigint>): fc.Arbitrary<ByteRun['source']> =>
  fc.oneof(
    fc.record({
      kind: fc.constant('device' as const),
      device: fc.integer({ min: 0, max: 0xfff }),
      offsetBytes: offset,
    }),
    fc.record({
      kind: fc.constant('writer' as const),
      writer: fc.integer({ min: 0, max: 0xfff }),
      offsetBytes: offset,
    }),
    fc.record({ kind: fc.constant('server' as const), file: fc.integer({ min: 0, max: 0xfff }), offsetBytes: offset }),
  );
const plainSource: fc.Arbitrary<ByteRun['source']> = fc.constantFrom(
  { kind: 'zero' as const },
  { kind: 'poison' as const },
  { kind: 'other' as const, hex: '' },
);
const spelledOut = (run: ByteRun): ByteRun =>
  run.source.kind === 'other' ? { ...run, source: { kind: 'other', hex: '5e'.repeat(run.lengthBytes) } } : run;

/** Neighbours that are one run in truth. */
const continues = (a: ByteRun, b: ByteRun): boolean =>
  'offsetBytes' in a.source && 'offsetBytes' in b.source
    ? a.source.kind === b.source.kind &&
      numberOf(a.source) === numberOf(b.source) &&
      a.source.offsetBytes + BigInt(a.lengthBytes) === b.source.offsetBytes
    : a.source.kind === b.source.kind;
const merged = (runs: ByteRun[]): ByteRun[] =>
  runs.reduce<ByteRun[]>((out, run) => {
    const last = out.at(-1);
    if (last && continues(last, run)) last.lengthBytes += run.lengthBytes;
    else out.push({ ...run });
    return out;
  }, []);

test('should say of sector-aligned runs exactly what was written', () => {
  const run = fc.record({
    lengthBytes: fc.integer({ min: 1, max: 5 }).map((sectors) => sectors * 512),
    source: fc.oneof(
      ownedSource(fc.bigInt({ min: 0n, max: (1n << 34n) - 1n }).map((sector) => sector * 512n)),
      plainSource,
    ),
  });
  fc.assert(
    fc.property(fc.array(run, { minLength: 1, maxLength: 8 }), (runs) => {
      fc.pre(
        runs.reduce((sum, { lengthBytes, source }) => sum + (source.kind === 'other' ? lengthBytes : 0), 0) <= 4096,
      );
      expect(decode(render(runs))).toEqual(merged(runs).map(spelledOut));
    }),
    { numRuns: 500 },
  );
});

test('should recognise one owner at any offset and length from 16 bytes on', () => {
  fc.assert(
    fc.property(
      ownedSource(fc.bigInt({ min: 0n, max: 1n << 42n })),
      fc.integer({ min: 16, max: 3000 }),
      (source, lengthBytes) => {
        const buffer = render([{ lengthBytes, source }]);
        // Sixteen bytes that start inside a word hold one whole word and parts of two.
        expect(decode(buffer)).toEqual([{ lengthBytes, source }]);
      },
    ),
    { numRuns: 500 },
  );
});

test('should say of every byte what it is, whatever the bytes are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (array) => {
      expect(spelled(decode(Buffer.from(array))).equals(array)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

/**
 * A buffer as a case leaves one: what was there before, and short writes over it. Positions in the file and in the
 * buffer differ by `from`.
 */
const overwritten = fc.record({
  from: fc.bigInt({ min: 0n, max: 1n << 30n }),
  before: fc.oneof(
    plainSource,
    fc.record({
      kind: fc.constant('device' as const),
      device: fc.nat(3),
      offsetBytes: fc.bigInt({ min: 0n, max: 1n << 20n }),
    }),
  ),
  writes: fc.array(
    fc.record({ at: fc.nat(600), lengthBytes: fc.integer({ min: 1, max: 40 }), writer: fc.nat(3), zero: fc.boolean() }),
    { maxLength: 6 },
  ),
});
const writtenOver = ({
  from,
  before,
  writes,
}: {
  from: bigint;
  before: ByteRun['source'];
  writes: { at: number; lengthBytes: number; writer: number; zero: boolean }[];
}): Buffer => {
  const buffer = render([{ lengthBytes: 640, source: before }]);
  for (const { at, lengthBytes, writer, zero } of writes) {
    if (zero) buffer.fill(0, at, at + lengthBytes);
    else native.fillPattern(buffer, at, lengthBytes, kinds.writer, writer, from + BigInt(at));
  }
  return buffer;
};

test('should say what every byte is where short writes of several writers lie over each other', () => {
  fc.assert(
    fc.property(overwritten, (value) => {
      const buffer = writtenOver(value);
      expect(spelled(decode(buffer)).equals(buffer)).toBe(true);
    }),
    { numRuns: 1000 },
  );
});

test('should name the writer of a write of sixteen bytes or more that begins and ends anywhere in a word', () => {
  const write = fc.record({
    at: fc.integer({ min: 64, max: 500 }),
    lengthBytes: fc.integer({ min: 16, max: 60 }),
    writer: fc.nat(15),
  });
  fc.assert(
    fc.property(overwritten, write, ({ from, before }, { at, lengthBytes, writer }) => {
      const buffer = writtenOver({ from, before, writes: [{ at, lengthBytes, writer, zero: false }] });
      const runs = decode(buffer);
      expect(spelled(runs).equals(buffer)).toBe(true);
      let position = 0;
      const named = runs.flatMap((run) => {
        const start = position;
        position += run.lengthBytes;
        return run.source.kind === 'writer' &&
          run.source.writer === writer &&
          run.source.offsetBytes - BigInt(start) === from
          ? [{ start, end: position }]
          : [];
      });
      // Bytes at its ends that fit what is beside them may be that.
      expect(named).toHaveLength(1);
      expect(named[0]!.start).toBeLessThanOrEqual(at + 7);
      expect(named[0]!.end).toBeGreaterThanOrEqual(at + Math.max(lengthBytes - 7, 1));
    }),
    { numRuns: 500 },
  );
});

test('should decode the write of 22 bytes over a word border', () => {
  const before: ByteRun = { lengthBytes: 64, source: { kind: 'device', device: 0, offsetBytes: 0xc0fe8n } };
  const buffer = render([before]);
  native.fillPattern(buffer, 25, 22, kinds.writer, 0, 4089n);
  expect(decode(buffer)).toEqual([
    { lengthBytes: 25, source: before.source },
    // The last byte of a word is the same for all.
    { lengthBytes: 23, source: { kind: 'writer', writer: 0, offsetBytes: 4089n } },
    { lengthBytes: 16, source: { kind: 'device', device: 0, offsetBytes: 0xc0fe8n + 48n } },
  ]);
});

test('should cut what is long and odd, and say so', () => {
  const buffer = Buffer.alloc(8192, 0x5e);
  expect(decode(buffer)).toEqual([
    { lengthBytes: mostSpelledBytes, source: { kind: 'other', hex: '5e'.repeat(mostSpelledBytes) } },
    { lengthBytes: 8192 - mostSpelledBytes, source: { kind: 'unknown' } },
  ]);
  const alternating = render(
    Array.from({ length: 5000 }, (_, index) => ({
      lengthBytes: 16,
      source: { kind: 'writer', writer: index % 2, offsetBytes: 0n },
    })),
  );
  const runs = decode(alternating);
  expect(runs.at(-1)).toEqual({ lengthBytes: (5000 - runs.length + 1) * 16, source: { kind: 'unknown' } });
  expect(runs.length).toBeGreaterThan(mostRunsOfBuffer);
  expect(spelled(runs.slice(0, -1))).toEqual(alternating.subarray(0, (runs.length - 1) * 16));
});

test('should find a single foreign word between two owned stretches', () => {
  const buffer = render([{ lengthBytes: 4096, source: { kind: 'device', device: 3, offsetBytes: 8192n } }]);
  buffer.fill(0x11, 1024, 1032);
  expect(decode(buffer)).toEqual([
    { lengthBytes: 1024, source: { kind: 'device', device: 3, offsetBytes: 8192n } },
    { lengthBytes: 8, source: { kind: 'other', hex: '11'.repeat(8) } },
    { lengthBytes: 3064, source: { kind: 'device', device: 3, offsetBytes: 9224n } },
  ]);
});

test('should see a shift by one sector, and not report the same bytes as shifted', () => {
  const shifted = decode(render([{ lengthBytes: 512, source: { kind: 'device', device: 0, offsetBytes: 512n } }]));
  expect(shifted).toEqual([{ lengthBytes: 512, source: { kind: 'device', device: 0, offsetBytes: 512n } }]);
});
