/**
 * Three machines and one give the same report: shards run one after the other, merged, beside an undivided run of the
 * same seed.
 */
import { expect, test } from '@playwright/test';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from '../files/repository-root.ts';
import { testKernel } from '../vm/testing/spec.ts';
import { compareRuns } from '../reports/compare.ts';
import { loadRun, type Run } from '../reports/run.ts';

async function load(directory: string): Promise<Run> {
  const loaded = await loadRun(directory);
  if (loaded.kind !== 'run') throw new Error(JSON.stringify(loaded));
  return loaded.run;
}

test('three shards should merge into what one run of the same seed leaves', async ({}, info) => {
  const { path } = await testKernel();
  const iomapfuzz = (...args: string[]): number | null =>
    spawnSync(process.execPath, [join(repositoryRoot(), 'dist/iomapfuzz.mjs'), ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'ignore', 'inherit'],
    }).status;
  const conformance = (out: string, ...more: string[]): number | null =>
    iomapfuzz(
      'conformance',
      '--kernel',
      path,
      '--seed',
      '7',
      '--runs',
      '1',
      '--rule',
      'map/length-*',
      '--out',
      out,
      ...more,
    );
  const whole = info.outputPath('whole');
  const code = conformance(whole);
  const shards = [1, 2, 3].map((index) => {
    const out = info.outputPath(`shard-${index}`);
    // A shard has its own verdict, and at worst the whole run's.
    expect([0, code]).toContain(conformance(out, '--shard', `${index}/3`));
    return out;
  });
  const merged = info.outputPath('merged');
  expect(iomapfuzz('merge', ...shards, '--out', merged)).toBe(code);
  const [one, three] = [await load(whole), await load(merged)];
  const shown = ({ cases }: Run): unknown[] =>
    cases.map(({ n, cell, hash, note, kind }) => ({ n, cell, hash, note, kind }));
  expect(one.cases.length).toBeGreaterThan(20);
  expect(one.counts.conforms + one.counts.deviates).toBeGreaterThan(0);
  expect(shown(three)).toEqual(shown(one));
  expect(three.counts).toEqual(one.counts);
  expect(three.summary.cells).toEqual(one.summary.cells);
  expect(compareRuns([one, three])).toMatchObject({
    new: [],
    gone: [],
    changed: [],
    newlyNotRun: [],
    newlyRun: [],
    kernel: [],
  });
});
