import { expect, test } from '@playwright/test';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../files/repository-root.ts';
import { testKernel } from '../vm/testing/spec.ts';
import { runWithLiberty } from './testing/liberty-run.ts';

/** Without the breaks of lines that are too long for a terminal. */
const plain = (text: string): string => text.replace(/\s+/g, ' ');

// One of each kind; all of them with the whole plan are the stage `liberties`.
for (const [name, ...filter] of [
  ['writeback-before-setattr', '--path', 'truncate'],
  ['given-up-to-folio-end', '--rule', 'begin/*', '--path', 'writeback'],
  ['other-condition', '--rule', 'map/*', '--path', 'fiemap,notify'],
] as const) {
  test(`should report nothing of a kernel that takes the liberty ${name}, and say how often it did`, ({}, info) => {
    const { code, stdout, stderr, counts, uses } = runWithLiberty(
      [name],
      info.outputPath('run'),
      'conformance',
      '--seed',
      '3',
      '--runs',
      '1',
      ...filter,
    );
    expect(code, stdout + stderr).toBe(0);
    expect(counts).toMatchObject({ deviates: 0, lost: 0 });
    expect(uses).toEqual([expect.objectContaining({ name })]);
    expect(uses[0]!.used).toBeGreaterThan(0);
    expect(plain(stdout)).toMatch(new RegExp(`liberty ${name}: taken ${uses[0]!.used} times? `));
  });
}

test('should say that a run says nothing about a liberty that no case came near', ({}, info) => {
  const { code, stdout, uses } = runWithLiberty(
    ['swap-one-request'],
    info.outputPath('run'),
    'conformance',
    '--seed',
    '3',
    '--runs',
    '1',
    '--rule',
    'map/type-known',
    '--path',
    'fiemap',
  );
  expect(code).toBe(0);
  expect(uses).toEqual([expect.objectContaining({ name: 'swap-one-request', reached: 0, used: 0 })]);
  expect(plain(stdout)).toContain(
    'liberty swap-one-request: never taken, because no case came near it: this run says nothing about it',
  );
});

test('should refuse a kernel without switches before it boots one', async ({}, info) => {
  const out = info.outputPath('run');
  const { path } = await testKernel();
  const { status, stderr } = spawnSync(
    process.execPath,
    [
      join(repositoryRoot(), 'dist/iomapfuzz.mjs'),
      'conformance',
      '--kernel',
      path,
      '--liberty',
      'nowait-readahead',
      '--out',
      out,
    ],
    { encoding: 'utf8' },
  );
  expect(stderr).toContain('is a kernel without CONFIG_FUSE_IOMAP_LIBERTIES');
  expect(status).toBe(2);
  expect(existsSync(out)).toBe(false);
});
