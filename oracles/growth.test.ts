/**
 * Files that grow over blocks with old bytes behind EOF: each observation that must be caught with its nearest that
 * must not.
 */
import { expect, test } from '@playwright/test';
import type { ByteRun } from '../model/bytes.ts';
import type { Case, Step } from '../model/case.ts';
import { NULL_ADDR } from '../uapi/revision.ts';
import { judge } from './judge.ts';
import { device, madeCase, writer, zeros, deviates } from './testing/hand-made.ts';
import { runIdeal } from './testing/ideal-kernel.ts';

/** Where position 0 of the file lies on device 0. */
const ADDR = 65536n;
const EOF = 5000n;

/** A file of 5000 bytes, all of whose blocks, behind EOF too, hold what the device held at first. */
const growing = (blockSizeBytes: number, ...steps: Step[]): Case => {
  const { geometry, ...rest } = madeCase([], { sizeBytes: EOF });
  const length = 1n << 17n;
  return {
    ...rest,
    geometry: { ...geometry, config: { kind: 'config', flags: ['BLOCKSIZE'], blockSizeBytes } },
    script: [
      {
        on: 'IOMAP_BEGIN',
        reply: {
          kind: 'mappings',
          read: { type: 'MAPPED', flags: [], dev: { device: 0 }, addr: ADDR, offset: 0n, length },
          write: { type: 'PURE_OVERWRITE', flags: [], dev: 0, addr: NULL_ADDR, offset: 0n, length },
        },
      },
    ],
    workload: [{ call: 'open', file: 0, flags: ['rdwr'] }, ...steps],
  };
};
const old = (position: bigint, lengthBytes: number): ByteRun => device(0, ADDR + position, lengthBytes);

/** The case when its last step shows these bytes; all else is as the rules have it. */
const shows = (testCase: Case, ...data: ByteRun[]): string[] => {
  const seen = runIdeal(testCase);
  return deviates(
    judge(testCase, {
      ...seen,
      steps: seen.steps.map((step, index) => (index === seen.steps.length - 1 ? { ...step, data } : step)),
    }),
  );
};

const truncate = (sizeBytes: bigint): Step => ({ call: 'ftruncate', fd: 0, sizeBytes });
const fallocate = (mode: number, offset: bigint, lengthBytes: bigint): Step => ({
  call: 'fallocate',
  fd: 0,
  mode,
  offset,
  lengthBytes,
});
const write = (offset: bigint, lengthBytes: number): Step => ({
  call: 'pwrite',
  fd: 0,
  offset,
  lengthBytes,
  writer: 0,
});
const read = (lengthBytes: number): Step => ({ call: 'pread', fd: 0, offset: 0n, lengthBytes });
const map = (offset: bigint, lengthBytes = 4096): Step => ({ call: 'mmapRead', fd: 0, offset, lengthBytes });
const store = (offset: bigint, lengthBytes: number): Step => ({
  call: 'mmapWrite',
  fd: 0,
  offset,
  lengthBytes,
  writer: 0,
});
const KEEP_SIZE = 1,
  ZERO_RANGE = 0x10;

/** Ways from 5000 bytes to 10000, without writing anything. */
const ways: Readonly<Record<string, Step[]>> = {
  ftruncate: [truncate(10000n)],
  fallocate: [fallocate(0, 0n, 10000n)],
  'fallocate that keeps the size, then ftruncate': [fallocate(KEEP_SIZE, 0n, 10000n), truncate(10000n)],
  ZERO_RANGE: [fallocate(ZERO_RANGE, 6000n, 4000n)],
  'a mapped store behind EOF, then ftruncate': [store(4999n, 1), truncate(10000n)],
};

for (const [name, steps] of Object.entries(ways)) {
  const stored = name.includes('store');
  const file = stored ? [old(0n, 4999), writer(4999n, 1)] : [old(0n, 5000)];

  test(`by ${name}: what becomes part of the file is zeros, not what its blocks held`, () => {
    const testCase = growing(4096, ...steps, read(10000));
    expect(shows(testCase, ...file, zeros(5000))).toEqual(['conforms']);
    expect(shows(testCase, ...file, old(5000n, 5000))).toHaveLength(1);
    // In EOF's block only, and behind it only.
    expect(shows(testCase, ...file, old(5000n, 3192), zeros(1808))).toHaveLength(1);
    expect(shows(testCase, ...file, zeros(3192), old(8192n, 1808))).toHaveLength(1);
  });

  test(`by ${name}: a block that was behind EOF shows zeros behind the new one`, () => {
    const testCase = growing(4096, ...steps, map(8192n));
    expect(shows(testCase, zeros(4096))).toEqual(['conforms']);
    expect(shows(testCase, zeros(1808), old(10000n, 2288))).toEqual(['mmap/result bytes-read']);
    // The last byte of the block, which is none of the device's zeros.
    expect(shows(testCase, zeros(4095), old(12287n, 1))).toEqual(['mmap/result bytes-read']);
  });
}

test("EOF's own block, of which the file has a part already, may show behind EOF what is on the device", () => {
  const testCase = growing(4096, truncate(6000n), map(4096n));
  const file = [old(4096n, 904), zeros(1000)];
  expect(shows(testCase, ...file, zeros(2192))).toEqual(['conforms']);
  expect(shows(testCase, ...file, old(6000n, 2192))).toEqual(['conforms']);
  // But not what some other place holds, and nothing in the file.
  expect(shows(testCase, ...file, old(10096n, 2192))).toHaveLength(1);
  expect(shows(testCase, old(4096n, 1904), old(6000n, 2192))).toHaveLength(1);
});

test('blocks that are smaller than a page: only the one that was zeroed must be zeros to its end', () => {
  // Blocks of 512 bytes: EOF's ends at 5120, the new one's at 6144.
  const testCase = growing(512, truncate(6000n), map(4096n));
  const file = [old(4096n, 904), zeros(1000)];
  expect(shows(testCase, ...file, zeros(2192))).toEqual(['conforms']);
  expect(shows(testCase, ...file, zeros(144), old(6144n, 2048))).toEqual(['conforms']);
  expect(shows(growing(512, map(4096n)), old(4096n, 4096))).toEqual(['conforms']);
  const far = growing(512, truncate(10000n), map(8192n));
  expect(shows(far, zeros(1808 + 240), old(10240n, 2048))).toEqual(['conforms']);
  expect(shows(far, zeros(1808), old(10000n, 2288))).toHaveLength(1);
});

test('a write at EOF: the rest of the block that it ends in is zeros, and so is what lies between EOF and a write behind it', () => {
  const at = growing(4096, write(5000n, 5000), map(8192n));
  expect(shows(at, writer(8192n, 1808), zeros(2288))).toEqual(['conforms']);
  expect(shows(at, writer(8192n, 1808), old(10000n, 2288))).toHaveLength(1);
  const behind = growing(4096, write(9000n, 1000), read(10000));
  expect(shows(behind, old(0n, 5000), zeros(4000), writer(9000n, 1000))).toEqual(['conforms']);
  expect(shows(behind, old(0n, 5000), old(5000n, 4000), writer(9000n, 1000))).toHaveLength(1);
});

test('a file that grows again has zeros where it ended, whatever a mapping showed there', () => {
  for (const again of [truncate(7000n), fallocate(0, 0n, 7000n)]) {
    const testCase = growing(4096, truncate(6000n), map(4096n), again, read(7000));
    expect(shows(testCase, old(0n, 5000), zeros(2000))).toEqual(['conforms']);
    expect(shows(testCase, old(0n, 5000), zeros(1000), old(6000n, 1000))).toHaveLength(1);
  }
  const written = growing(4096, write(5000n, 1000), map(4096n), write(6900n, 100), read(7000));
  expect(shows(written, old(0n, 5000), writer(5000n, 1000), zeros(900), writer(6900n, 100))).toEqual(['conforms']);
  expect(shows(written, old(0n, 5000), writer(5000n, 1000), old(6000n, 900), writer(6900n, 100))).toHaveLength(1);
});

test('what a direct write behind EOF leaves between is zeros', () => {
  const testCase = growing(
    4096,
    { call: 'open', file: 0, flags: ['rdwr', 'direct'] },
    { ...write(8192n, 4096), fd: 1 } as Step,
    read(12288),
  );
  expect(shows(testCase, old(0n, 5000), zeros(3192), writer(8192n, 4096))).toEqual(['conforms']);
  expect(shows(testCase, old(0n, 8192), writer(8192n, 4096))).toHaveLength(1);
});
