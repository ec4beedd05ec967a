/**
 * What a user names and what is not there, or is something else: a command ends with 2, says so in words, and says what
 * to do next.
 */
import { expect, test } from '@playwright/test';
import { buildSync } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeSample } from '../reports/testing/sample.ts';
import { repositoryRoot } from '../files/repository-root.ts';

const program = join(repositoryRoot(), 'dist', 'test', 'missing-files.mjs');
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

const run = (...argv: string[]): { status: number | null; stdout: string; stderr: string } => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...argv], {
    encoding: 'utf8',
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  return { status, stdout, stderr };
};

const firstCase = join(
  repositoryRoot(),
  'corpora/cases',
  readdirSync(join(repositoryRoot(), 'corpora/cases')).sort()[0]!,
);

/** In a directory with `run/` (results) and `empty/`. */
const missing: readonly { argv: string[]; says: string }[] = [
  {
    argv: ['report', '$/run', '--expectations', '$/none'],
    says: '$/none cannot be read: there is no such file (ENOENT); check the path',
  },
  {
    argv: ['corpus', 'add', '$/none', '--why', 'it is new', '--corpus', '$/empty'],
    says: '$/none cannot be read: there is no such file (ENOENT); check the path',
  },
  {
    argv: ['conformance', '--kernel', '$/none', '--out', '$/out'],
    says: 'the kernel image $/none cannot be read: there is no such file (ENOENT); check the path',
  },
  {
    argv: ['corpus', 'list', '--corpus', '$/none'],
    says: 'there is no corpus $/none: no such directory; check --corpus',
  },
  {
    argv: ['corpus', 'check', '--corpus', '$/none'],
    says: 'there is no corpus $/none: no such directory; check --corpus',
  },
  {
    argv: ['report', '$/run', '--format', 'html', '--out', '$/empty'],
    says: "can't write $/empty: it is a directory; name a file in it; or give another --out",
  },
  {
    argv: ['report', '$/run', '--format', 'html', '--out', '$/none/x.html'],
    says: "can't write $/none/x.html: its directory does not exist (ENOENT); make $/none; or give another --out",
  },
];

for (const { argv, says } of missing) {
  test(`should say what is wrong, and what to do: ${argv.join(' ')}`, ({}, info) => {
    const place = info.outputPath('here');
    mkdirSync(join(place, 'empty'), { recursive: true });
    writeSample(join(place, 'run'), { casesPerCell: 1 });
    const ended = run(...argv.map((word) => word.replace('$', place)));
    expect(ended).toMatchObject({ status: 2, stderr: expect.stringContaining(says.replaceAll('$', place)) });
    expect(ended.stderr).not.toMatch(/, (stat|open|rename) /);
    expect(readdirSync(place).sort()).toEqual(['empty', 'run']);
  });
}

test('should take what is there', ({}, info) => {
  const place = info.outputPath('here');
  mkdirSync(join(place, 'empty'), { recursive: true });
  writeSample(join(place, 'run'), { casesPerCell: 1 });
  expect(run('corpus', 'list', '--corpus', join(place, 'empty'))).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('holds no cases'),
  });
  expect(run('report', join(place, 'run'), '--format', 'html', '--out', join(place, 'empty/x.html'))).toMatchObject({
    status: 0,
  });
  // Adding begins a corpus.
  expect(run('corpus', 'add', firstCase, '--why', 'it is new', '--corpus', join(place, 'new'))).toMatchObject({
    status: 0,
  });
  expect(run('corpus', 'list', '--corpus', join(place, 'new'))).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('1 cases'),
  });
});
