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

const every = (check: (cellSetting: Setting) => void, constraints = {}) =>
  fc.assert(
    fc.property(
      fc.constantFrom(...paths).chain((path) => setting({ path, ...constraints })),
      check,
    ),
    { numRuns: 600, seed: 4 },
  );

test('the reply in question is asked for inside the operation, and the operation begins before EOF', () => {
  every((cellSetting) => {
    const { start, end } = stretch(cellSetting);
    expect(cellSetting.cuts[0]).toBe(cellSetting.opStart);
    expect(start >= cellSetting.opStart && start < end).toBe(true);
    expect([...cellSetting.cuts].sort((a, b) => (a < b ? -1 : 1))).toEqual(cellSetting.cuts);
    if (isWritePath(cellSetting.path)) expect(cellSetting.opStart <= cellSetting.fileSize).toBe(true);
    else expect(targetOf(cellSetting) < cellSetting.fileSize).toBe(true);
  });
});

test('direct I/O is aligned to blocks, reads by the page cache and faults to pages, and writeback begins on a block; others need not be', () => {
  const odd = new Set<string>();
  every((cellSetting) => {
    if (isPaged(cellSetting.path))
      expect([cellSetting.opStart % 4096n, targetOf(cellSetting) % 4096n]).toEqual([0n, 0n]);
    else if (cellSetting.path === 'writeback')
      expect([cellSetting.opStart % cellSetting.blockSize, cellSetting.cuts.length]).toEqual([0n, 1]);
    else if (!isReport(cellSetting.path) && !isZeroPath(cellSetting.path) && cellSetting.path !== 'buffered-write')
      expect([cellSetting.opStart % cellSetting.blockSize, cellSetting.opEnd % cellSetting.blockSize]).toEqual([
        0n,
        0n,
      ]);
    else if (cellSetting.opStart % cellSetting.blockSize !== 0n) odd.add(cellSetting.path);
  });
  expect(odd.size).toBe(7);
});

test('asks for the last block below maxbytes where it is told to', () => {
  every(
    (cellSetting) => {
      const maxBytes = cellSetting.maxBytes ?? (1n << 63n) - 1n;
      expect(
        isZeroPath(cellSetting.path)
          ? cellSetting.opEnd + (cellSetting.path === 'zeroing' ? 512n : 0n)
          : cellSetting.fileSize,
      ).toBe(maxBytes);
      expect(targetOf(cellSetting) < maxBytes && targetOf(cellSetting) + cellSetting.blockSize >= maxBytes).toBe(true);
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
  every((cellSetting) => {
    seen.replies.add(cellSetting.cuts.length);
    seen.blocks.add(cellSetting.blockSize);
    seen.mounts.add(cellSetting.mount);
    seen.debug.add(cellSetting.debugIomap);
  });
  expect([...seen.replies].sort()).toEqual([1, 2, 3]);
  expect(seen.blocks.size).toBe(4);
  expect(seen.mounts.size).toBe(2);
  expect(seen.debug.size).toBe(2);
});

test('the file grows, is cut inside a block, and is cleared inside', () => {
  const seen = new Set<string>();
  every((cellSetting) => {
    if (!isZeroPath(cellSetting.path)) return;
    const { fileSize, opStart, opEnd, blockSize, path } = cellSetting;
    if (fileSize === opStart) seen.add(`${path} grows`);
    else if (path === 'truncate') {
      expect([opStart < fileSize, opStart % blockSize !== 0n, opEnd % blockSize, opEnd - opStart < blockSize]).toEqual([
        true,
        true,
        0n,
        true,
      ]);
      seen.add('truncate cuts');
    } else seen.add(`fallocate ${cellSetting.mode} inside`);
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
