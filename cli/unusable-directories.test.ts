/**
 * Directories that cannot be made end a command at once, with the path and what to do. /proc answers as no disk does:
 * Node itself would try for ever there.
 */
import { expect, test } from '@playwright/test';
import { buildSync } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeSample } from '../reports/testing/sample.ts';
import { repositoryRoot } from '../files/repository-root.ts';
import { bzImage } from '../vm/testing/stand-in-kernel.ts';

const program = join(repositoryRoot(), 'dist', 'test', 'unusable-directories.mjs');
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

/** `$PATH` stands for the place, `$SCRATCH` for a directory with a kernel, a case and results. */
const commands: readonly {
  argv: string[];
  env?: NodeJS.ProcessEnv;
  /** Default: 2. */ exit?: 2 | 3;
  advice: string;
}[] = [
  {
    argv: ['conformance', '--kernel', '$SCRATCH/bzImage', '--accel', 'tcg', '--out', '$PATH'],
    advice: 'name another by --out',
  },
  {
    argv: ['fuzz', '--time', '1s', '--kernel', '$SCRATCH/bzImage', '--accel', 'tcg', '--out', '$PATH'],
    advice: 'name another by --out',
  },
  {
    argv: ['repro', '7:0', '--kernel', '$SCRATCH/bzImage', '--accel', 'tcg', '--out', '$PATH'],
    advice: 'name another by --out',
  },
  { argv: ['merge', '$SCRATCH/run', '--out', '$PATH/merged'], advice: 'name another by --out' },
  { argv: ['report', '$SCRATCH/run', '--format', 'json', '--out', '$PATH/report.json'], advice: 'give another --out' },
  {
    argv: ['corpus', 'add', '$CASE', '--why', 'it is new', '--corpus', '$PATH'],
    exit: 3,
    advice: 'name another corpus',
  },
  { argv: ['nightly', '--history', '$PATH'], advice: 'name another by --history' },
  {
    argv: ['conformance', '--kernel', '$SCRATCH/bzImage', '--out', '$SCRATCH/out', '--console-log', '$PATH/log'],
    advice: 'give another file',
  },
  {
    argv: ['kernel', 'list'],
    env: { XDG_CACHE_HOME: '$PATH' },
    advice: 'set XDG_CACHE_HOME to a directory that you may write to',
  },
  {
    argv: ['conformance', '--kernel', '$SCRATCH/bzImage', '--accel', 'tcg', '--out', '$SCRATCH/out'],
    env: { XDG_CACHE_HOME: '$PATH' },
    advice: 'set XDG_CACHE_HOME',
  },
];

const firstCase = readdirSync(join(repositoryRoot(), 'corpora/cases'))[0]!;

/** Runs the program with a new scratch directory; `place` takes no directories. */
function run(
  scratch: string,
  place: string,
  argv: readonly string[],
  env: NodeJS.ProcessEnv = {},
): { status: number | null; signal: string | null; stderr: string } {
  mkdirSync(scratch, { recursive: true });
  writeFileSync(join(scratch, 'bzImage'), bzImage());
  writeFileSync(join(scratch, 'file'), '');
  writeSample(join(scratch, 'run'), { casesPerCell: 1 });
  const filled = (text: string): string =>
    text
      .replace('$PATH', place)
      .replace('$SCRATCH', scratch)
      .replace('$CASE', join(repositoryRoot(), 'corpora/cases', firstCase));
  const { status, signal, stderr } = spawnSync(process.execPath, [program, ...argv.map(filled)], {
    encoding: 'utf8',
    timeout: 60_000,
    killSignal: 'SIGKILL',
    env: {
      ...process.env,
      ...Object.fromEntries(Object.entries(env).map(([name, value]) => [name, filled(value ?? '')])),
    },
  });
  return { status, signal, stderr };
}

for (const { argv, env, exit = 2, advice } of commands) {
  const line = [...Object.entries(env ?? {}).map(([name, value]) => `${name}=${value ?? ''}`), ...argv].join(' ');
  test(`should end with ${exit} and say what to do: ${line}`, ({}, info) => {
    const ended = run(info.outputPath('scratch'), '/proc/iomapfuzz', argv, env);
    expect(ended).toEqual({ status: exit, signal: null, stderr: expect.stringContaining(advice) });
    expect(ended.stderr).toMatch(/ENOENT.*\/proc/);
  });
}

test('should name the part of the path that is in the way', ({}, info) => {
  const merge = (name: string, place: string): unknown =>
    run(info.outputPath(name), place, ['merge', '$SCRATCH/run', '--out', '$PATH/merged']);
  expect(merge('below', '/proc/self/iomapfuzz/below')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('the file system of /proc/self takes no new directories'),
  });
  expect(merge('file', info.outputPath('file/file'))).toMatchObject({
    status: 2,
    stderr: expect.stringContaining(`${info.outputPath('file/file')} is there and is no directory`),
  });
});
