/** Whose directories are believed: who can change the cache decides which kernel is booted. */
import { expect, test } from '@playwright/test';
import { chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDirectory, requireOwn } from './paths.ts';

const NOBODY = 65_534;
let base: string;
let before: string | undefined;

test.beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'iomapfuzz-paths-'));
  before = process.env['XDG_CACHE_HOME'];
  process.env['XDG_CACHE_HOME'] = base;
});
test.afterEach(() => {
  if (before === undefined) delete process.env['XDG_CACHE_HOME'];
  else process.env['XDG_CACHE_HOME'] = before;
  rmSync(base, { recursive: true, force: true });
});

test('should make a directory of the cache, and take it when it is there', () => {
  const path = join(base, 'iomapfuzz/kernels');
  expect(cacheDirectory('kernels')).toBe(path);
  expect(cacheDirectory('kernels')).toBe(path);
});

test('should not follow a link in the place of the cache or of a part of it', () => {
  mkdirSync(join(base, 'elsewhere/kernels'), { recursive: true });
  symlinkSync(join(base, 'elsewhere'), join(base, 'iomapfuzz'));
  expect(() => cacheDirectory('kernels')).toThrow(/iomapfuzz is a symbolic link, and is not followed/);
  rmSync(join(base, 'iomapfuzz'));
  mkdirSync(join(base, 'iomapfuzz'));
  symlinkSync(join(base, 'elsewhere/kernels'), join(base, 'iomapfuzz/kernels'));
  expect(() => cacheDirectory('kernels')).toThrow(/kernels is a symbolic link/);
});

test('should not use a cache that another user can change', () => {
  test.skip(process.getuid?.() !== 0, 'only root can give a directory away');
  cacheDirectory('kernels');
  chownSync(join(base, 'iomapfuzz/kernels'), NOBODY, NOBODY);
  expect(() => cacheDirectory('kernels')).toThrow(/kernels belongs to another user \(uid 65534\): set XDG_CACHE_HOME/);
  // What is beside it does not matter.
  expect(cacheDirectory('initramfs')).toBe(join(base, 'iomapfuzz/initramfs'));
  chownSync(join(base, 'iomapfuzz'), NOBODY, NOBODY);
  expect(() => cacheDirectory('initramfs')).toThrow(/iomapfuzz belongs to another user/);
  expect(() => {
    requireOwn(join(base, 'iomapfuzz'), 'the results directory', 'give another by --out');
  }).toThrow(/give another by --out/);
});
