import { expect, test } from '@playwright/test';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../files/repository-root.ts';
import { testKernel } from '../vm/testing/spec.ts';
import { formatCase } from '../harness/run/case-file.ts';
import {
  begin,
  makeCase,
  mapped,
  mappings,
  openDirect,
  overwrite,
  sampleCases,
} from '../reproducers/testing/samples.ts';

function iomapfuzz(args: string[]): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(repositoryRoot(), 'dist/iomapfuzz.mjs'), ...args],
    { encoding: 'utf8' },
  );
  return { code: status, stdout, stderr };
}

const conforming = formatCase(sampleCases['length 0 in the read half']!);
/** Revision r2 allows what the reference kernel refuses. */
const deviating = formatCase(
  makeCase(
    [openDirect, { call: 'pread', fd: 0, offset: 0n, lengthBytes: 4096 }],
    [begin(mappings(mapped(), overwrite({ flags: ['NEW'] })))],
    { revision: 'r2' },
  ),
);

let kernel: string;
test.beforeAll(async () => {
  kernel = (await testKernel()).path;
});
test.beforeEach(({}, info) => {
  mkdirSync(info.outputDir, { recursive: true });
});

test('repro should count how often a case deviates, show what happened, and exit with 1', ({}, info) => {
  const path = info.outputPath('case.json');
  writeFileSync(path, deviating);
  const out = info.outputPath('results');
  const { code, stdout } = iomapfuzz(['repro', path, '--kernel', kernel, '--times', '3', '--out', out]);
  expect(stdout).toContain('the case deviates 3 of 3 times');
  // The requests that the syscall made stand between it and its result.
  expect(stdout).toMatch(/^pread\(fd 0, .*\)\n {4}IOMAP_BEGIN of file 0\n(?: {8}.*\n)+ {2}= -1 EUCLEAN \(117\)\n/m);
  expect(code).toBe(1);
  // It leaves results as any run does, and the finding in them a case file.
  const report = iomapfuzz(['report', out]);
  expect(report).toMatchObject({ code: 1, stdout: expect.stringMatching(/^DEVIATES: .*3 cases of 3 judged/) });
  expect(report.stdout).toContain('shows in 3 of 3 replays');
  expect(iomapfuzz(['report', out, '--format', 'mail']).stdout).toMatch(
    /iomapfuzz repro \S+results\/findings\/[0-9a-f]{12}\.case\.json/,
  );
});

test('repro should exit with 0 when the case conforms, and show what happened and what was compared', ({}, info) => {
  const path = info.outputPath('case.json');
  writeFileSync(path, conforming);
  const { code, stdout } = iomapfuzz(['repro', path, '--kernel', kernel, '--out', info.outputPath('results')]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^replay 1 of 1: conforms\nthe case conforms 1 of 1 times\n\nmount, revision r3/);
  expect(stdout).toMatch(/^ {2}= -1 EUCLEAN \(117\)$/m);
  expect(stdout).toMatch(/what was compared, and agrees:\n {2}mount\(2\): success/);
  expect(stdout).toMatch(/^ {2}pread: fails with EUCLEAN \(map\/length-nonzero\)$/m);
});

test('repro should take several files, judge each, and fail when one of them deviates', ({}, info) => {
  const files = ['a.json', 'b.json'].map((name) => info.outputPath(name)) as [string, string];
  writeFileSync(files[0], conforming);
  writeFileSync(files[1], conforming.replace('"debugIomap": true', '"debugIomap": false'));
  const out = info.outputPath('results');
  const { code, stdout } = iomapfuzz(['repro', ...files, '--kernel', kernel, '--out', out]);
  expect(code).toBe(0);
  for (const file of files) expect(stdout).toContain(`${file}: the case conforms 1 of 1 times`);
  expect(iomapfuzz(['report', out])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^CONFORMS: all 2 judged cases conform/),
  });
  // What one run is judged by is one revision; what is emitted is one case.
  writeFileSync(files[1], deviating);
  expect(iomapfuzz(['repro', ...files, '--kernel', kernel])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('different revisions (r3, r2)'),
  });
  expect(iomapfuzz(['repro', files[0], files[0], '--emit', 'c'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--emit writes one case'),
  });
});

test('repro should write a program without a guest, and a mail of what it saw alone to stdout', ({}, info) => {
  const path = info.outputPath('case.json');
  writeFileSync(path, deviating);
  const c = iomapfuzz(['repro', path, '--emit', 'c', '--kernel', '/no/such/kernel']);
  expect(c).toMatchObject({ code: 0, stderr: '' });
  expect(c.stdout).toMatch(/^\/\/ SPDX-License-Identifier: MIT\n/);
  const mail = iomapfuzz(['repro', path, '--emit', 'mail', '--kernel', kernel, '--out', info.outputPath('results')]);
  expect(mail.stdout).toMatch(/^Subject: fuse-iomap: pread\(\) deviates from /);
  expect(mail.stderr).toContain('replay 1 of 1: deviates');
  expect(mail.code).toBe(1);
});

test('repro should refuse what is no case with exit code 2 and say what to do', ({}, info) => {
  const path = info.outputPath('case.json');
  for (const [text, message] of [
    ['{', /no JSON/],
    ['{"schema": 99}', /schema 99.*update iomapfuzz/s],
    [conforming.replace('"pread"', '"prread"'), /workload\[1\]\.call/],
  ] as const) {
    writeFileSync(path, text);
    const { code, stderr } = iomapfuzz(['repro', path, '--kernel', kernel]);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  }
  expect(iomapfuzz(['repro', '123456', '--kernel', kernel])).toMatchObject({ code: 2, stdout: '' });
  expect(iomapfuzz(['repro', '--kernel', kernel]).code).toBe(2);
});

test('corpus should take cases, replay them, note what became of them, and make them smaller', ({}, info) => {
  const corpus = info.outputPath('corpus');
  const files = [info.outputPath('a.json'), info.outputPath('b.json')];
  writeFileSync(files[0]!, conforming);
  writeFileSync(files[1]!, deviating);
  expect(iomapfuzz(['corpus', 'check', '--corpus', corpus, '--kernel', kernel])).toMatchObject({ code: 2 });
  expect(iomapfuzz(['corpus', 'add', ...files, '--why', 'a test', '--corpus', corpus]).code).toBe(0);
  const checked = iomapfuzz([
    'corpus',
    'check',
    '--corpus',
    corpus,
    '--kernel',
    kernel,
    '--record',
    'here',
    '--out',
    info.outputPath('results'),
  ]);
  expect(checked.stdout).toContain('DEVIATES: ');
  expect(checked.code).toBe(1);
  const index = JSON.parse(readFileSync(join(corpus, 'index.json'), 'utf8')) as {
    cases: Record<string, { kernels: Record<string, { verdict: string }> }>;
  };
  expect(
    Object.values(index.cases)
      .map(({ kernels }) => kernels['here']?.verdict)
      .sort(),
  ).toEqual(['conforms', 'deviates']);
  const smaller = iomapfuzz(['corpus', 'minimise', '--corpus', corpus, '--kernel', kernel]);
  expect(smaller.code).toBe(0);
  expect(smaller.stdout).toContain('2 cases before, 2 now');
  expect(
    iomapfuzz(['corpus', 'check', '--corpus', corpus, '--kernel', kernel, '--out', info.outputPath('again')]).code,
  ).toBe(1);
  expect(iomapfuzz(['corpus', 'list', '--corpus', corpus]).stdout).toContain('2 cases\n');
});
