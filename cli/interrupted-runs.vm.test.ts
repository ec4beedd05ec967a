/**
 * Every kind of run writes its results as it goes: whatever ends it, what finished is reported, and that it is
 * incomplete.
 */
import { expect, test } from '@playwright/test';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../files/repository-root.ts';
import { testKernel } from '../vm/testing/spec.ts';
import { formatCase } from '../harness/run/case-file.ts';
import { sampleCases } from '../reproducers/testing/samples.ts';

const program = join(repositoryRoot(), 'dist/iomapfuzz.mjs');
let kernel: string;
test.beforeAll(async () => {
  kernel = (await testKernel()).path;
});
test.beforeEach(({}, info) => {
  mkdirSync(info.outputDir, { recursive: true });
});

/** Long enough that none of them ends before it is ended; `corpus check` has tests of its own. */
const commands: Record<string, (caseFile: string) => string[]> = {
  conformance: () => ['conformance', '--seed', '3', '--runs', '60', '--rule', 'map/*'],
  fuzz: () => ['fuzz', '--seed', '3', '--runs', '1000000'],
  repro: (caseFile) => ['repro', caseFile, '--times', '1000'],
};

/** Starts a command and resolves when some cases are on disk. */
async function underWay(
  argv: string[],
  out: string,
  env: NodeJS.ProcessEnv = {},
): Promise<{ child: ChildProcess; ended: Promise<number | null> }> {
  const child = spawn(process.execPath, [program, ...argv, '--kernel', kernel, '--out', out], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { ...process.env, ...env },
  });
  const ended = new Promise<number | null>((resolve) => {
    child.on('exit', resolve);
  });
  await expect
    .poll(() => linesOf(join(out, 'cases.jsonl')), { timeout: 200_000, intervals: [100] })
    .toBeGreaterThanOrEqual(2);
  return { child, ended };
}

function linesOf(file: string): number {
  try {
    return readFileSync(file, 'utf8').split('\n').length - 1;
  } catch {
    return 0;
  }
}

for (const [name, argv] of Object.entries(commands)) {
  test(`${name}: when it is killed, what finished should be reported, and that it is incomplete`, async ({}, info) => {
    const caseFile = info.outputPath('case.json');
    writeFileSync(caseFile, formatCase(sampleCases['length 0 in the read half']!));
    const out = info.outputPath('results');
    const { child, ended } = await underWay(argv(caseFile), out);
    child.kill('SIGKILL');
    await ended;
    const { status, stdout } = spawnSync(process.execPath, [program, 'report', out], { encoding: 'utf8' });
    expect(stdout).toMatch(
      /^NO VERDICT: the run is incomplete \(it was killed, or it is still running\); \d+ cases? judged so far,\s+none deviates/,
    );
    expect(status).toBe(3);
  });
}

test('a run of a night should end in order when its night is gone', async ({}, info) => {
  const out = info.outputPath('results');
  const { child, ended } = await underWay(commands['conformance']!(''), out, { IOMAPFUZZ_OF_A_NIGHT: '1' });
  child.stdin!.destroy();
  expect(await ended).toBe(3);
  const summary = JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8')) as unknown;
  expect(summary).toMatchObject({ complete: false, endedBy: 'interrupted by SIGINT' });
});
