/** nightly from outside where no VM can come up: what it records, how it ends, how it goes on. */
import { expect, test } from '@playwright/test';
import { buildSync } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../files/repository-root.ts';
import { readHistory, writeNight } from '../reports/nights/night.ts';
import { outcomeOf } from '../reports/nights/trend.ts';
import { nightNames, sampleHistory } from '../reports/testing/history.ts';
import { scratch } from '../reports/testing/scratch.ts';
import { toolVersion } from '../harness/run/tool-version.ts';
import { runNight } from './nightly/night-runner.ts';
import { runKinds, timeOf, type RunKind } from './nightly/run-kinds.ts';

const program = join(repositoryRoot(), 'dist', 'test', 'iomapfuzz-nightly.mjs');
test.beforeAll(() => {
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
});

function nightly(...argv: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'nightly', ...argv], { encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}

function noKernel(): string {
  const path = join(scratch(), 'text');
  writeFileSync(path, 'not a kernel');
  return path;
}

test('should record a night without a VM as such, and not as a pass', () => {
  const history = join(scratch(), 'history');
  const { code, out } = nightly('--kernel', noKernel(), '--history', history);
  expect(code).toBe(3);
  expect(out).toContain('NO VM: ');
  const {
    nights: [night, ...more],
  } = readHistory(history);
  expect(more).toEqual([]);
  expect(night).toMatchObject({ endedAt: expect.any(String), noVm: expect.stringContaining('is it a bzImage') });
  expect(readFileSync(join(history, night!.name, 'mail.txt'), 'utf8')).toContain('This night is not a pass.');
  expect(readFileSync(join(history, 'index.html'), 'utf8')).toContain('No VM');
});

test('should go on with an interrupted night, repeat nothing that is complete, and begin a new one for another kernel', async () => {
  const history = await sampleHistory(1);
  const {
    nights: [night],
  } = readHistory(history);
  const kernel = noKernel();
  const { endedAt: _endedAt, ...interrupted } = night!;
  writeNight(history, {
    ...interrupted,
    toolVersion: toolVersion(),
    startedAt: new Date().toISOString(),
    target: ['--kernel', kernel, '--corpus', join(repositoryRoot(), 'corpora')],
    stages: [{ kind: 'corpus', status: 'waiting' }, ...interrupted.stages],
  });
  const other = nightly('--kernel', noKernel(), '--history', history);
  expect(other.out).toContain(`night ${nightNames[0]} was interrupted and stays so: it tested something else`);
  const again = nightly('--kernel', kernel, '--history', history);
  // The last night is the other one, and that has ended.
  expect(again.out).not.toContain('going on');
  const alone = await sampleHistory(1);
  writeNight(
    alone,
    readHistory(history).nights.find(({ name }) => name === nightNames[0])!,
  );
  const resumed = nightly('--kernel', kernel, '--history', alone);
  expect(resumed.out).toContain(`going on with night ${nightNames[0]}`);
  const [after] = readHistory(alone).nights;
  expect(after!.stages.find(({ kind }) => kind === 'conformance')).toEqual(night!.stages[0]);
  expect(after!.stages.find(({ kind }) => kind === 'corpus')).toMatchObject({ status: 'failed' });
  expect(resumed.code).toBe(3);
});

test('should refuse what it cannot use with exit code 2, and leave no night', () => {
  const history = join(scratch(), 'history');
  expect(nightly('--history', history, '--kernel', '/no/such/file')).toMatchObject({
    code: 2,
    err: expect.stringContaining('cannot be read'),
  });
  expect(nightly('--history', history, '--budget', 'long')).toMatchObject({
    code: 2,
    err: expect.stringContaining('90s, 10m, 2h'),
  });
  expect(nightly('--kernel', noKernel())).toMatchObject({ code: 2, err: expect.stringContaining('--history') });
  const file = noKernel();
  expect(nightly('--history', join(file, 'sub'), '--kernel', file)).toMatchObject({
    code: 2,
    err: expect.stringContaining('name another by --history'),
  });
  expect(existsSync(history) ? readHistory(history).nights : []).toEqual([]);
});

test('should refuse to run beside a night that is still running', async () => {
  const history = await sampleHistory(1);
  const {
    nights: [night],
  } = readHistory(history);
  const { endedAt: _endedAt, ...running } = night!;
  // The test runner stands for the other one where its command line names the program.
  mkdirSync(join(history, nightNames[0]), { recursive: true });
  const holder = spawnSync('sh', ['-c', `sh -c 'sleep 300; : iomapfuzz' > /dev/null 2>&1 & echo $!`], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const pid = Number(holder.stdout.trim());
  try {
    writeNight(history, { ...running, pid });
    expect(nightly('--history', history, '--kernel', noKernel())).toMatchObject({
      code: 2,
      err: expect.stringContaining(`still running (process ${pid})`),
    });
  } finally {
    process.kill(pid);
  }
});

test('should divide the budget by shares, let a slow run borrow from those after it, and tell runs that know their time to end before it', () => {
  const kinds: RunKind[] = [1, 4, 5].map((share, index) => ({ kind: String(index), share, argv: () => [] }));
  expect(timeOf(kinds, 1000)).toEqual({ shareMs: 100, limitMs: 550 });
  expect(timeOf(kinds.slice(2), 400)).toEqual({ shareMs: 400, limitMs: 400 });
  expect(timeOf(kinds, -5)).toEqual({ shareMs: 0, limitMs: 0 });
  expect(new Set(runKinds.map(({ kind }) => kind)).size).toBe(runKinds.length);
  for (const { kind, argv } of runKinds) {
    const timesOf = (timeMs: number): string[] =>
      argv({ seed: 1, timeMs, corpus: 'c', uapi: 'r3' }).filter((_, index, words) => words[index - 1] === '--time');
    expect(timesOf(600_000), kind).toEqual(kind === 'corpus' ? [] : ['480s']);
    expect(timesOf(100_000), kind).toEqual(kind === 'corpus' ? [] : ['50s']);
    expect(timesOf(500), kind).toEqual(kind === 'corpus' ? [] : ['1s']);
  }
});

test('should write the reports that an interruption left out, and leave alone those that are there', async () => {
  const history = await sampleHistory(1);
  const {
    nights: [night],
  } = readHistory(history);
  const { endedAt: _endedAt, ...interrupted } = night!;
  const report = (name: string): string => join(history, night!.name, 'conformance', name);
  const goOn = async (): Promise<void> => {
    await runNight(
      { ...interrupted },
      { history, corpus: 'none', uapi: 'r3', vmArguments: [], stop: new AbortController().signal, say: () => {} },
    );
  };
  await goOn();
  for (const name of ['report.html', 'junit.xml', 'report.md', 'report.txt'])
    expect(existsSync(report(name)), name).toBe(true);
  writeFileSync(report('report.html'), 'kept');
  await goOn();
  expect(readFileSync(report('report.html'), 'utf8')).toBe('kept');
});

test('should say of a budget that is used up what was not begun, and not that there is no VM', async () => {
  const history = await sampleHistory(1);
  const {
    nights: [night],
  } = readHistory(history);
  const { endedAt: _endedAt, ...rest } = night!;
  // What a budget spent elsewhere leaves: the night is gone on with by the function that nightly calls, without its
  // look for a kernel.
  const [first] = night!.stages;
  const unfinished = {
    ...rest,
    name: nightNames[1],
    stages: [
      { ...first!, elapsedMs: night!.budgetMs - 1000 },
      { kind: 'fuzz', status: 'waiting' as const },
    ],
  };
  await runNight(unfinished, {
    history,
    corpus: 'none',
    uapi: 'r3',
    vmArguments: [],
    stop: new AbortController().signal,
    say: () => {},
  });
  expect(unfinished.stages[1]).toMatchObject({
    status: 'cut-off',
    reason: expect.stringContaining('give a larger --budget'),
  });
  expect(outcomeOf(unfinished)).toMatchObject({
    outcome: 'incomplete',
    says: expect.stringContaining('fuzz: not begun'),
  });
  const none = {
    ...unfinished,
    stages: [{ kind: 'fuzz', status: 'cut-off' as const, reason: 'not begun' }],
    endedAt: 'now',
  };
  expect(outcomeOf(none).outcome).toBe('incomplete');
});

test('should write through no link in its history, and say what is in the way', () => {
  const victim = join(scratch(), 'victim');
  writeFileSync(victim, 'precious');
  const kernel = noKernel();
  const history = join(scratch(), 'history');
  mkdirSync(history);
  symlinkSync(victim, join(history, 'index.html'));
  expect(nightly('--kernel', kernel, '--history', history)).toMatchObject({
    code: 2,
    err: expect.stringContaining(
      `${join(history, 'index.html')}: it is a symbolic link, and is not followed; remove it`,
    ),
  });
  expect(readFileSync(victim, 'utf8')).toBe('precious');
  const link = join(scratch(), 'link');
  symlinkSync(history, link);
  rmSync(join(history, 'index.html'));
  expect(nightly('--kernel', kernel, '--history', link)).toMatchObject({
    code: 2,
    err: expect.stringContaining(`${link}: it is a symbolic link, and is not followed; name the directory itself`),
  });
  expect(readdirSync(history)).toEqual([]);
  // A night that leads elsewhere is none, and is not left out silently.
  const elsewhere = join(scratch(), 'elsewhere');
  mkdirSync(elsewhere);
  symlinkSync(elsewhere, join(history, nightNames[0]));
  expect(nightly('--kernel', kernel, '--history', history).code).toBe(3);
  expect(readHistory(history)).toMatchObject({
    nights: [{}],
    unreadable: [{ name: nightNames[0], reason: expect.stringContaining('it is a symbolic link') }],
  });
  expect(readdirSync(elsewhere)).toEqual([]);
});
