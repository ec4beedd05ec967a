import { expect, test } from '@playwright/test';
import { buildSync } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../../../files/repository-root.ts';
import { FuzzCases } from './cases.ts';
import { distribution, distributionText } from './distribution.ts';
import { describeSlot } from './slots.ts';

const of = (seed: number, revision: 'r1' | 'r2' | 'r3' = 'r3') => new FuzzCases({ seed, revision, version: 'test' });

test('should draw the same cases in another process, wherever and in whatever language it runs', () => {
  test.setTimeout(180_000);
  const program = join(repositoryRoot(), 'dist', 'test', 'iomapfuzz-fuzz.mjs');
  buildSync({
    entryPoints: [join(repositoryRoot(), 'cli/main.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    logLevel: 'error',
  });
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--stack-size=2000', program, 'fuzz', '--dry-run', '--seed', '77', '--start', '40', '--runs', '600'],
    {
      cwd: tmpdir(),
      env: { PATH: process.env['PATH'], TZ: 'Pacific/Chatham', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8' },
      encoding: 'utf8',
    },
  );
  expect({ status, stderr: stderr.replaceAll(/^\d+ of 600 cases drawn\n/gm, '') }).toEqual({ status: 0, stderr: '' });
  const here = distribution(of(77), { start: 40, runs: 600 });
  expect(stdout).toContain(`cases: 600, sha256 of their hashes: ${here.digest}`);
  expect(distribution(of(78), { start: 40, runs: 600 }).digest).not.toBe(here.digest);
});

test('should count what was drawn, and name what no case reaches', () => {
  const whole = distribution(of(3), { start: 0, runs: 400 });
  const slots = whole.tables.find(({ title }) => title === 'slots')!.counts;
  expect([...slots.values()].reduce((sum, count) => sum + count, 0)).toBe(400);
  expect(whole.missing.length).toBeGreaterThan(0);
  expect(whole.coveredBy).toBeUndefined();
  expect(distributionText(whole)).toContain(`  no case yet: ${whole.missing[0]}`);
});

test('should look for the rules of the selected cases only', () => {
  const { missing, covered, coveredBy } = distribution(of(3), {
    start: 0,
    runs: 60,
    select: (slot) => describeSlot(slot).rule === 'map/length-nonzero' && describeSlot(slot).path === 'fiemap',
  });
  expect(missing).toEqual([]);
  expect(coveredBy).toBeGreaterThan(0);
  expect([...covered.keys()]).toContain('map/length-nonzero@read fiemap');
});
