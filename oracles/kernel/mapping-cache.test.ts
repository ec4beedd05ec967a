import { expect, test } from '@playwright/test';
import type { Case, Step } from '../../model/case.ts';
import type { MappingSpec } from '../../model/mapping.ts';
import type { StepResult } from '../../model/observation.ts';
import { INVAL_TO_EOF, NULL_ADDR } from '../../uapi/revision.ts';
import { judge } from '../judge.ts';
import { beginExchange, device, failed, madeCase, mapped, observed, overwrite, wire } from '../testing/hand-made.ts';

const half = (type: MappingSpec['type'], offset: bigint, length: bigint, addr = NULL_ADDR): MappingSpec => ({
  type,
  flags: [],
  dev: addr === NULL_ADDR ? 0 : { device: 0 },
  addr,
  offset,
  length,
});
const upsert = (read: MappingSpec, write: MappingSpec = half('NOCACHE', read.offset, read.length)): Step => ({
  call: 'notify',
  notification: { kind: 'upsert', node: { file: 0 }, read, write },
});
const inval = (offset: bigint, length: bigint): Step => ({
  call: 'notify',
  notification: { kind: 'inval', node: { file: 0 }, read: { offset, length }, write: { offset: 0n, length: 0n } },
});
const stored: StepResult = { ret: 96n, errno: 0 },
  dropped: StepResult = { ret: 64n, errno: 0 };
const pread = (lengthBytes: number, rwf?: number): Step => ({
  call: 'pread',
  fd: 0,
  offset: 0n,
  lengthBytes,
  ...(rwf && { rwf }),
});
const read = (...data: ReturnType<typeof device>[]): StepResult => ({
  ret: BigInt(data.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0)),
  errno: 0,
  data,
});
const asked = (pos: bigint, count: bigint) =>
  beginExchange(0x10, pos, count, mapped(0n, 16384n, 0n, 2), overwrite(0n, 16384n));
const seen = (testCase: Case, results: StepResult[], exchanges: Parameters<typeof observed>[0]['exchanges'] = []) =>
  judge(testCase, observed({ results, exchanges })).kind;
const whole = upsert(half('MAPPED', 0n, 16384n, 0x4000n));

test('a hit is served without a request, by what was pushed', () => {
  const testCase = madeCase([whole, pread(8192)]);
  expect(seen(testCase, [stored, read(device(0, 0x4000n, 8192))])).toBe('conforms');
  expect(seen(testCase, [stored, read(device(0, 0x5000n, 8192))])).toBe('deviates');
  expect(seen(testCase, [stored, read(device(1, 0n, 8192))], [asked(0n, 8192n)])).toBe('deviates');
});

test('a miss asks from where the cache ends, and not for what it has', () => {
  const testCase = madeCase([upsert(half('MAPPED', 0n, 4096n, 0x4000n)), pread(8192)]);
  const both = read(device(0, 0x4000n, 4096), device(1, 4096n, 4096));
  expect(seen(testCase, [stored, both], [asked(4096n, 4096n)])).toBe('conforms');
  expect(seen(testCase, [stored, both])).toBe('deviates');
  expect(seen(testCase, [stored, read(device(1, 0n, 8192))], [asked(0n, 8192n)])).toBe('deviates');
});

test('what was taken back is asked for again, up to EOF where it says so', () => {
  const at = (length: bigint) => madeCase([whole, inval(0n, length), pread(8192)]);
  const fromServer = read(device(1, 0n, 8192));
  expect(seen(at(INVAL_TO_EOF), [stored, dropped, fromServer], [asked(0n, 8192n)])).toBe('conforms');
  expect(seen(at(INVAL_TO_EOF), [stored, dropped, read(device(0, 0x4000n, 8192))])).toBe('deviates');
  expect(seen(at(0n), [stored, dropped, read(device(0, 0x4000n, 8192))])).toBe('conforms');
});

test('neighbours on the device are one extent, others are two', () => {
  const fiemap: Step = { call: 'fiemap', fd: 0, start: 0n, lengthBytes: 8192n, flags: 0, extents: 4 };
  const two = (addr: bigint) =>
    madeCase([upsert(half('MAPPED', 0n, 4096n, 0x4000n)), upsert(half('MAPPED', 4096n, 4096n, addr)), fiemap]);
  const extents = (...of: [bigint, bigint, bigint, number][]): StepResult => ({
    ret: 0n,
    errno: 0,
    fiemap: of.map(([logical, physical, length, flags]) => ({ logical, physical, length, flags })),
    fiemapMapped: of.length,
  });
  const one = extents([0n, 0x4000n, 8192n, 1]);
  expect(seen(two(0x5000n), [stored, stored, one])).toBe('conforms');
  expect(seen(two(0x5000n), [stored, stored, extents([0n, 0x4000n, 4096n, 0], [4096n, 0x5000n, 4096n, 1])])).toBe(
    'deviates',
  );
  expect(seen(two(0x6000n), [stored, stored, extents([0n, 0x4000n, 4096n, 0], [4096n, 0x6000n, 4096n, 1])])).toBe(
    'conforms',
  );
  expect(seen(two(0x6000n), [stored, stored, one])).toBe('deviates');
});

test('RWF_NOWAIT reads what is cached and asks for nothing', () => {
  const hit = madeCase([whole, pread(4096, 8)]);
  expect(seen(hit, [stored, read(device(0, 0x4000n, 4096))])).toBe('conforms');
  expect(seen(hit, [stored, failed(11)])).toBe('deviates');
  const miss = madeCase([pread(4096, 8)]);
  expect(seen(miss, [failed(11)])).toBe('conforms');
  expect(seen(miss, [read(device(1, 0n, 4096))], [asked(0n, 4096n)])).toBe('deviates');
});

test('RETRY_CACHE without a mapping in the cache asks again', () => {
  const testCase = madeCase([upsert(half('MAPPED', 8192n, 8192n, 0x4000n)), pread(4096)]);
  const retry = beginExchange(0x10, 0n, 4096n, wire(254, 0n, 4096n), overwrite(0n, 4096n));
  expect(seen(testCase, [stored, read(device(1, 0n, 4096))], [retry, asked(0n, 4096n)])).toBe('conforms');
  expect(seen(testCase, [stored, failed(117)], [retry])).toBe('deviates');
});

test('what is dirty may be written by a cached mapping, unseen, and is asked for again then; what is clean is not', () => {
  const write = (lengthBytes: number, writer = 0): Step => ({ call: 'pwrite', fd: 0, offset: 0n, lengthBytes, writer });
  const wrote = (bytes: bigint): StepResult => ({ ret: bytes, errno: 0 });
  const map = mapped(0n, 16384n, 0x4000n);
  const again = { ...beginExchange(1, 0n, 4096n, map, overwrite(0n, 16384n)), step: 3 };
  const run = (first: Step, result: StepResult, asks: boolean): string =>
    judge(
      madeCase([], { workload: [{ call: 'open', file: 0, flags: ['rdwr'] }, whole, first, write(4096, 1)] }),
      observed({
        exchanges: [
          ...(asks ? [again] : []),
          // At the end without a request where the cache still has it.
          ...(asks ? [beginExchange(0x8000_0000, 0n, 4096n, map, overwrite(0n, 16384n))] : []),
        ],
        results: [stored, result, wrote(4096n)],
        changes: [
          {
            device: 0,
            offsetBytes: 0x4000n,
            content: [{ lengthBytes: 4096, source: { kind: 'writer', writer: 1, offsetBytes: 0n } }],
          },
        ],
      }),
    ).kind;
  expect(run(write(4096), wrote(4096n), true)).toBe('conforms');
  expect(run(write(4096), wrote(4096n), false)).toBe('conforms');
  const nothing: Step = { call: 'fstat', fd: 0 };
  const size: StepResult = { ret: 0n, errno: 0, sizeBytes: 16384n };
  expect(run(nothing, size, false)).toBe('conforms');
  expect(run(nothing, size, true)).toBe('deviates');
});
