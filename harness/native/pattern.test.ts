import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import { loadBuilt } from './built.ts';
import type { NativeRun } from './index.ts';

const native = loadBuilt();
const kinds = { device: 1, writer: 2, server: 3 } as const;
type Owned = Extract<NativeRun['source'], { offsetBytes: bigint }>;

const numberOf = (source: Owned): number => source.kind === 'device' ? source.device : source.kind === 'writer' ? source.writer : source.file;

function render(runs: NativeRun[]): Buffer {
  const buffer = Buffer.alloc(runs.reduce((sum, run) => sum + run.lengthBytes, 0));
  let at = 0;
  for (const { lengthBytes, source } of runs) {
    if (source.kind === 'poison') buffer.fill(0xa5, at, at + lengthBytes);
    else if (source.kind === 'other') buffer.fill(0x5e, at, at + lengthBytes);
    else if (source.kind !== 'zero') native.fillPattern(buffer, at, lengthBytes, kinds[source.kind], numberOf(source), source.offsetBytes);
    at += lengthBytes;
  }
  return buffer;
}

const decode = (buffer: Buffer): NativeRun[] => native.decodeRuns(buffer, 0, buffer.length);

const ownedSource = (offset: fc.Arbitrary<bigint>): fc.Arbitrary<NativeRun['source']> => fc.oneof(
  fc.record({ kind: fc.constant('device' as const), device: fc.integer({ min: 0, max: 0xfff }), offsetBytes: offset }),
  fc.record({ kind: fc.constant('writer' as const), writer: fc.integer({ min: 0, max: 0xfff }), offsetBytes: offset }),
  fc.record({ kind: fc.constant('server' as const), file: fc.integer({ min: 0, max: 0xfff }), offsetBytes: offset }),
);
const plainSource: fc.Arbitrary<NativeRun['source']> = fc.constantFrom(
  { kind: 'zero' as const }, { kind: 'poison' as const }, { kind: 'other' as const, hex: '5e'.repeat(16) });

/** Neighbours that are one run in truth. */
const continues = (a: NativeRun, b: NativeRun): boolean => 'offsetBytes' in a.source && 'offsetBytes' in b.source
  ? a.source.kind === b.source.kind && numberOf(a.source) === numberOf(b.source) && a.source.offsetBytes + BigInt(a.lengthBytes) === b.source.offsetBytes
  : a.source.kind === b.source.kind;
const merged = (runs: NativeRun[]): NativeRun[] => runs.reduce<NativeRun[]>((out, run) => {
  const last = out.at(-1);
  if (last && continues(last, run)) last.lengthBytes += run.lengthBytes;
  else out.push({ ...run });
  return out;
}, []);

test('should say of sector-aligned runs exactly what was written', () => {
  const run = fc.record({
    lengthBytes: fc.integer({ min: 1, max: 5 }).map((sectors) => sectors * 512),
    source: fc.oneof(ownedSource(fc.bigInt({ min: 0n, max: (1n << 34n) - 1n }).map((sector) => sector * 512n)), plainSource),
  });
  fc.assert(fc.property(fc.array(run, { minLength: 1, maxLength: 8 }), (runs) => {
    expect(decode(render(runs))).toEqual(merged(runs));
  }), { numRuns: 500 });
});

test('should recognise one owner at any offset and length from 16 bytes on', () => {
  fc.assert(fc.property(ownedSource(fc.bigInt({ min: 0n, max: (1n << 42n) })), fc.integer({ min: 16, max: 3000 }), (source, lengthBytes) => {
    const buffer = render([{ lengthBytes, source }]);
    // Sixteen bytes that start inside a word hold one whole word and parts of two.
    expect(decode(buffer)).toEqual([{ lengthBytes, source }]);
  }), { numRuns: 500 });
});

test('should describe every byte once, whatever the bytes are', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (array) => {
    const runs = decode(Buffer.from(array));
    expect(runs.reduce((sum, run) => sum + run.lengthBytes, 0)).toBe(array.length);
  }), { numRuns: 500 });
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
