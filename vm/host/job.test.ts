import { expect, test } from '@playwright/test';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { repositoryRoot } from '../../files/repository-root.ts';
import { runJob } from './job.ts';
import { withLock } from './lock.ts';

test('should give exit code, lines and log of a job', async ({}, info) => {
  mkdirSync(info.outputDir, { recursive: true });
  const log = info.outputPath('log');
  const lines: string[] = [];
  const { code, tail } = await runJob(['sh', '-c', 'echo one; echo two >&2; exit 5'], {
    log,
    onLine: (line) => {
      lines.push(line);
    },
  });
  expect(code).toBe(5);
  expect([...tail].sort()).toEqual(['one', 'two']);
  expect(lines.sort()).toEqual(['one', 'two']);
  expect(readFileSync(log, 'utf8').split('\n').sort()).toEqual(['', 'one', 'two']);
});

test('should say of a program that is not there that it was not found', async () => {
  expect((await runJob(['no-such-program-here'])).code).toBe(127);
});

test('should end a job and its children with the process that started it', async ({}, info) => {
  mkdirSync(info.outputDir, { recursive: true });
  const starter = info.outputPath('starter.ts');
  const pids = info.outputPath('pids');
  writeFileSync(
    starter,
    `import { runJob } from ${JSON.stringify(join(repositoryRoot(), 'vm/host/job.ts'))};
    await runJob(['sh', '-c', 'sleep 1000 & echo $! $$ > ${pids}; wait']);`,
  );
  const bundle = info.outputPath('starter.mjs');
  await build({
    entryPoints: [starter],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: bundle,
    logLevel: 'error',
  });
  const child = spawn(process.execPath, [bundle], { stdio: 'ignore' });
  await expect
    .poll(() => existsSync(pids) && readFileSync(pids, 'utf8').endsWith('\n'), { timeout: 100_000 })
    .toBe(true);
  const alive = (): string[] =>
    readFileSync(pids, 'utf8')
      .trim()
      .split(' ')
      .filter((pid) => existsSync(`/proc/${pid}`));
  expect(alive()).toHaveLength(2);
  child.kill('SIGKILL');
  await expect.poll(alive, { timeout: 100_000 }).toEqual([]);
});

test('should let one holder of a lock in at a time, and say that another one waits', async ({}, info) => {
  mkdirSync(info.outputDir, { recursive: true });
  const path = info.outputPath('lock');
  const order: string[] = [];
  let waited = false;
  const first = withLock(
    path,
    () => undefined,
    async () => {
      order.push('first in');
      await expect.poll(() => waited, { timeout: 100_000 }).toBe(true);
      order.push('first out');
    },
  );
  await expect.poll(() => order.length, { timeout: 100_000 }).toBe(1);
  await withLock(
    path,
    () => {
      waited = true;
    },
    () => {
      order.push('second in');
      return Promise.resolve();
    },
  );
  await first;
  expect(order).toEqual(['first in', 'first out', 'second in']);
});

test('should give a lock back when its job throws', async ({}, info) => {
  mkdirSync(info.outputDir, { recursive: true });
  const path = info.outputPath('lock');
  await expect(
    withLock(
      path,
      () => undefined,
      () => Promise.reject(new Error('job failed')),
    ),
  ).rejects.toThrow('job failed');
  expect(
    await withLock(
      path,
      () => undefined,
      () => Promise.resolve('in'),
    ),
  ).toBe('in');
});
