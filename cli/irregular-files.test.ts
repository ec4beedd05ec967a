/**
 * A pipe that nobody writes to, or a device without an end, in the place of a file: a command ends and names it, and
 * reads a file in its place.
 */
import { expect, test } from '@playwright/test';
import { buildSync } from 'esbuild';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeSample } from '../reports/testing/sample.ts';
import { repositoryRoot } from '../files/repository-root.ts';

const program = join(repositoryRoot(), 'dist', 'test', 'irregular-files.mjs');
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

const corpus = join(repositoryRoot(), 'corpora');
const firstCase = `cases/${readdirSync(join(corpus, 'cases')).sort()[0]!}`;

interface Outcome {
  status: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}
function run(...argv: string[]): Outcome {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [program, ...argv], {
    encoding: 'utf8',
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  return { status, signal, stdout, stderr };
}

/**
 * In a directory with `run/` (results), `corpus/` and `night/`; `file`: what a pipe takes the place of. `as`: exit code
 * and words with a sound file.
 */
const readers: readonly { argv: string[]; file: string; as: { status: number; says?: RegExp } }[] = [
  { argv: ['report', 'run'], file: 'run/summary.json', as: { status: 1 } },
  { argv: ['report', 'run'], file: 'run/findings.jsonl', as: { status: 1 } },
  { argv: ['report', 'run'], file: 'run/cases.jsonl', as: { status: 1 } },
  { argv: ['merge', 'run', '--out', 'merged'], file: 'run/findings.jsonl', as: { status: 1 } },
  { argv: ['merge', 'run', '--out', 'merged'], file: 'run/console.log', as: { status: 1 } },
  { argv: ['judge', 'run/findings/a.case.json'], file: 'run/findings.jsonl', as: { status: 4 } },
  { argv: ['report', 'run', '--expectations', 'expected.json'], file: 'expected.json', as: { status: 1 } },
  { argv: ['repro', firstCase, '--emit', 'c'], file: firstCase, as: { status: 0 } },
  { argv: ['corpus', 'add', '--corpus', 'other', '--why', 'it is new', firstCase], file: firstCase, as: { status: 0 } },
  { argv: ['corpus', 'list', '--corpus', '.'], file: 'index.json', as: { status: 0 } },
  {
    argv: ['conformance', '--kernel', 'bzImage'],
    file: 'bzImage',
    as: { status: 2, says: /no Linux\/x86 boot header/ },
  },
  { argv: ['kernel', 'build', '--source', 'linux.tar'], file: 'linux.tar', as: { status: 2, says: /tar/ } },
];

for (const { argv, file, as } of readers) {
  test(`should not wait for a pipe in the place of ${file.replace(firstCase, 'a case file')}: ${argv.join(' ').replaceAll(firstCase, 'FILE')}`, ({}, info) => {
    const scratch = info.outputPath('scratch');
    mkdirSync(join(scratch, 'run/findings'), { recursive: true });
    writeSample(join(scratch, 'run'), {
      casesPerCell: 1,
      seed: 7,
      deviates: ({ id }) => id === 'map/type-known@read fiemap violating',
    });
    cpSync(corpus, scratch, { recursive: true });
    cpSync(join(corpus, firstCase), join(scratch, 'run/findings/a.case.json'));
    writeFileSync(join(scratch, 'run/findings.jsonl'), '');
    writeFileSync(join(scratch, 'run/console.log'), 'a line\n');
    writeFileSync(join(scratch, 'expected.json'), '{"schema": 1, "expectations": []}');
    for (const name of ['bzImage', 'linux.tar']) writeFileSync(join(scratch, name), 'neither a kernel nor an archive');
    const here = argv.map((word) =>
      /^(run|merged|other|\.|.*\.json|bzImage|linux\.tar)(\/|$)/.test(word) ? join(scratch, word) : word,
    );
    const sound = run(...here);
    expect(sound, 'with a sound file').toMatchObject({
      status: as.status,
      ...(as.says && { stderr: expect.stringMatching(as.says) }),
    });
    for (const name of ['merged', 'other']) rmSync(join(scratch, name), { recursive: true, force: true });
    rmSync(join(scratch, file));
    mkdirSync(dirname(join(scratch, file)), { recursive: true });
    execFileSync('mkfifo', [join(scratch, file)]);
    const { stdout, stderr, ...ended } = run(...here);
    expect({ ...ended, said: stdout + stderr }).toMatchObject({
      status: 2,
      signal: null,
      said: expect.stringContaining('it is no regular file but a pipe; give a regular file'),
    });
    expect(stdout + stderr).toContain(file.split('/').at(-1));
  });
}

test('should not read a device without an end', () => {
  expect(run('repro', '/dev/zero', '--emit', 'c')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('/dev/zero cannot be read: it is no regular file but a device'),
  });
});

test('should not wait for a pipe in the place of night.json, and tell of that night', ({}, info) => {
  const night = info.outputPath('history/2026-01-02-1');
  mkdirSync(night, { recursive: true });
  execFileSync('mkfifo', [join(night, 'night.json')]);
  expect(run('nightly', '--history', info.outputPath('history'), '--kernel', info.outputPath('none'))).toMatchObject({
    status: 2,
    signal: null,
    stderr: expect.stringContaining('--kernel'),
  });
});

test('should not wait for what the kernel makes up, as /proc/kmsg, and read a file of the same name', ({}, info) => {
  for (const path of ['/proc/kmsg', '/proc/kcore', '/dev/zero', '/sys/kernel/debug/tracing/trace_pipe'].filter((one) =>
    existsSync(one),
  )) {
    const { status, stdout, stderr } = run('judge', path);
    expect({ status, said: stdout + stderr }, path).toEqual({
      status: 2,
      said: expect.stringMatching(new RegExp(`${path}.* it is no regular file but (an entry of|a device)`)) as unknown,
    });
  }
  writeFileSync(info.outputPath('kmsg'), '[]');
  expect(run('judge', info.outputPath('kmsg'))).toMatchObject({ status: 4 });
});
