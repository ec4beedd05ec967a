import { expect, test } from '@playwright/test';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../files/repository-root.ts';
import { testKernel } from '../vm/testing/spec.ts';

async function conformance(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { path } = await testKernel();
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(repositoryRoot(), 'dist/iomapfuzz.mjs'), 'conformance', '--kernel', path, ...args],
    { encoding: 'utf8' },
  );
  return { code: status, stdout, stderr };
}
const linesOf = (path: string): string[] => readFileSync(path, 'utf8').trim().split('\n');

test('should conform by the rules of its own revision, and leave the results of every case', async ({}, info) => {
  const out = info.outputPath('results');
  const { code, stdout } = await conformance(
    '--rule',
    'config/padding-zero,map/length-nonzero',
    '--runs',
    '2',
    '--seed',
    '3',
    '--out',
    out,
  );
  expect(stdout).toMatch(/^CONFORMS: all \d+ judged cases conform/);
  expect(code).toBe(0);
  const records = linesOf(join(out, 'cases.jsonl')).map(
    (line) => JSON.parse(line) as { cell: string; verdict: { kind: string } },
  );
  expect(new Set(records.map(({ verdict }) => verdict.kind))).toEqual(new Set(['conforms']));
  expect(stdout).toContain(`all ${records.length} judged`);
  expect(JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8'))).toMatchObject({
    complete: true,
    seed: 3,
    counts: { conforms: records.length },
  });
});

test('should deviate by the rules of another revision, in the rule that differs', async ({}, info) => {
  const { code, stdout } = await conformance(
    '--rule',
    'config/padding-zero',
    '--uapi',
    'r2',
    '--runs',
    '2',
    '--seed',
    '3',
    '--out',
    info.outputPath('results'),
  );
  // By r2 the errno after SYNC_INIT is another one, and nothing is reported.
  expect(stdout).toMatch(/^DEVIATES: 2 findings in 2 rules/);
  expect(stdout).toMatch(/padding-zero +FAIL/);
  expect(stdout).toContain('the revision is the likely cause');
  expect(code).toBe(1);
});

test('should draw the same cases from the same seed', async ({}, info) => {
  const hashes: string[][] = [];
  for (const name of ['first', 'second']) {
    const out = info.outputPath(name);
    await conformance('--rule', 'map/offset-aligned', '--path', 'fiemap', '--runs', '3', '--seed', '11', '--out', out);
    hashes.push(
      linesOf(join(out, 'cases.jsonl'))
        .map((line) => (JSON.parse(line) as { hash: string }).hash)
        .sort(),
    );
  }
  expect(hashes[0]).toEqual(hashes[1]);
  expect(hashes[0]!.length).toBeGreaterThan(5);
});

test('should run the same cases in several guests', async ({}, info) => {
  const run = async (name: string, ...jobs: string[]): Promise<string[]> => {
    const out = info.outputPath(name);
    const { code, stderr } = await conformance(
      '--rule',
      'map/length-aligned',
      '--runs',
      '4',
      '--seed',
      '12',
      '--out',
      out,
      ...jobs,
    );
    expect(code, stderr).toBe(0);
    return linesOf(join(out, 'cases.jsonl'))
      .map((line) => {
        const { n, hash, verdict } = JSON.parse(line) as { n: number; hash: string; verdict: { kind: string } };
        return `${n} ${hash} ${verdict.kind}`;
      })
      .sort();
  };
  const [one, two] = [await run('one'), await run('two', '--jobs', '2')];
  expect(two).toEqual(one);
  expect(
    (JSON.parse(readFileSync(join(info.outputPath('two'), 'summary.json'), 'utf8')) as { vms: { booted: number } }).vms
      .booted,
  ).toBe(2);
});

test('should refuse arguments that mean nothing, before anything is written', async ({}, info) => {
  const out = info.outputPath('results');
  for (const [args, message] of [
    [['--rule', 'map/nothing'], /no rule matches/],
    [['--path', 'nowhere'], /no cell has path nowhere; paths of these rules: direct-read/],
    [['--shard', '3/2'], /i\/n with 1 <= i <= n/],
    [['--runs', '0'], /positive whole number/],
    [['--uapi', 'r9'], /r1, r2, r3/],
  ] as [string[], RegExp][]) {
    const { code, stderr } = await conformance(...args, '--out', out);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  }
  expect(existsSync(out)).toBe(false);
});
