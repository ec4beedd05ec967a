import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import {
  isPaged,
  isReport,
  isWritePath,
  isZeroPath,
  paths,
  setting,
  stretch,
  targetOf,
  type Setting,
} from './setting.ts';

const every = (check: (of: Setting) => void, constraints = {}) =>
  fc.assert(
    fc.property(
      fc.constantFrom(...paths).chain((path) => setting({ path, ...constraints })),
      check,
    ),
    { numRuns: 600, seed: 4 },
  );

test('the reply in question is asked for inside the operation, and the operation begins before EOF', () => {
  every((of) => {
    const { start, end } = stretch(of);
    expect(of.cuts[0]).toBe(of.opStart);
    expect(start >= of.opStart && start < end).toBe(true);
    expect([...of.cuts].sort((a, b) => (a < b ? -1 : 1))).toEqual(of.cuts);
    if (isWritePath(of.path)) expect(of.opStart <= of.fileSize).toBe(true);
    else expect(targetOf(of) < of.fileSize).toBe(true);
  });
});

test('direct I/O is aligned to blocks, reads by the page cache and faults to pages, and writeback begins on a block; others need not be', () => {
  const odd = new Set<string>();
  every((of) => {
    if (isPaged(of.path)) expect([of.opStart % 4096n, targetOf(of) % 4096n]).toEqual([0n, 0n]);
    else if (of.path === 'writeback') expect([of.opStart % of.blockSize, of.cuts.length]).toEqual([0n, 1]);
    else if (!isReport(of.path) && !isZeroPath(of.path) && of.path !== 'buffered-write')
      expect([of.opStart % of.blockSize, of.opEnd % of.blockSize]).toEqual([0n, 0n]);
    else if (of.opStart % of.blockSize !== 0n) odd.add(of.path);
  });
  expect(odd.size).toBe(7);
});

test('asks for the last block below maxbytes where it is told to', () => {
  every(
    (of) => {
      const maxBytes = of.maxBytes ?? (1n << 63n) - 1n;
      expect(isZeroPath(of.path) ? of.opEnd + (of.path === 'zeroing' ? 512n : 0n) : of.fileSize).toBe(maxBytes);
      expect(targetOf(of) < maxBytes && targetOf(of) + of.blockSize >= maxBytes).toBe(true);
    },
    { atMaxBytes: true },
  );
});

test('draws first and later replies, every block size, and both kinds of mount', () => {
  const seen = {
    replies: new Set<number>(),
    blocks: new Set<bigint>(),
    mounts: new Set<string>(),
    debug: new Set<boolean>(),
  };
  every((of) => {
    seen.replies.add(of.cuts.length);
    seen.blocks.add(of.blockSize);
    seen.mounts.add(of.mount);
    seen.debug.add(of.debugIomap);
  });
  expect([...seen.replies].sort()).toEqual([1, 2, 3]);
  expect(seen.blocks.size).toBe(4);
  expect(seen.mounts.size).toBe(2);
  expect(seen.debug.size).toBe(2);
});

test('the file grows, is cut inside a block, and is cleared inside', () => {
  const seen = new Set<string>();
  every((of) => {
    if (!isZeroPath(of.path)) return;
    const { fileSize, opStart, opEnd, blockSize, path } = of;
    if (fileSize === opStart) seen.add(`${path} grows`);
    else if (path === 'truncate') {
      expect([opStart < fileSize, opStart % blockSize !== 0n, opEnd % blockSize, opEnd - opStart < blockSize]).toEqual([
        true,
        true,
        0n,
        true,
      ]);
      seen.add('truncate cuts');
    } else seen.add(`fallocate ${of.mode} inside`);
  });
  expect([...seen].sort()).toEqual([
    'fallocate 16 inside',
    'fallocate 17 inside',
    'fallocate 3 inside',
    'fallocate grows',
    'truncate cuts',
    'truncate grows',
    'zeroing grows',
  ]);
});
