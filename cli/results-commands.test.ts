/** report, compare and merge from outside: output and exit code of the program itself. */
import { expect, test } from '@playwright/test';
import { buildSync } from 'esbuild';
import { parse as parseJunit, type TestSuites } from 'junit2json';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Parser as TapParser } from 'tap-parser';
import { cacheDirectory } from '../vm/paths.ts';
import { repositoryRoot } from '../files/repository-root.ts';
import { scratch } from '../reports/testing/scratch.ts';
import { writeSample, type SampleOptions } from '../reports/testing/sample.ts';
import { conformancePlan } from '../plan/plan.ts';
import { complaintsOf } from '../reports/testing/validate.ts';
import { revisions } from '../uapi/revision.ts';

// Beside the real one, so that packages and the page's sources are found from it.
const program = join(repositoryRoot(), 'dist', 'test', 'iomapfuzz.mjs');
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

interface Outcome {
  code: number | null;
  out: string;
  err: string;
}
function run(...argv: string[]): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...argv], {
    encoding: 'utf8',
    env: { ...process.env, COLUMNS: '100' },
    maxBuffer: 64 << 20,
  });
  return { code: status, out: stdout, err: stderr };
}

function sample(options: SampleOptions = {}): string {
  const directory = join(scratch(), 'run');
  writeSample(directory, { casesPerCell: 1, ...options });
  return directory;
}

const broken: SampleOptions = { seed: 7, deviates: ({ id }) => id === 'map/type-known@read fiemap violating' };

test('should print the matrix and end with the exit code of the run', () => {
  const conforms = run('report', sample());
  expect(conforms).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/^CONFORMS: /) });
  expect(conforms.out).toMatch(/type-known@read +ok 2/);
  const deviates = run('report', sample(broken));
  expect(deviates).toMatchObject({ code: 1, out: expect.stringMatching(/^DEVIATES: 1 finding /) });
  // The clause comes from the tables that the run was judged by.
  expect(deviates.out).toMatch(
    /rule: +map\/type-known: violated when the type is none of those that\s+the\s+revision\s+defines/,
  );
  expect(run('report', sample({ killedAfter: 9 })).code).toBe(3);
  expect(run('report', sample({ notRun: () => 'no fuse-iomap' }))).toMatchObject({
    code: 4,
    out: expect.stringMatching(/^NOTHING WAS JUDGED/),
  });
});

test('should say of a run that was killed how much of it there is, and what to do for the rest', () => {
  const report = (summary: SampleOptions['summary']): string =>
    run('report', sample({ killedAfter: 9, summary: { planned: 454, ...summary } })).out.replace(/\s+/g, ' ');
  const again = 'give the same command again, with another --out, for a verdict on all of it';
  expect(report({})).toContain(
    `it was killed, or it is still running; 9 of 454 planned cases finished and are reported; if it does not run any more, ${again}`,
  );
  expect(report({ endedBy: 'interrupted by SIGTERM' })).toContain(
    `the run is incomplete: interrupted by SIGTERM; 9 of 454 planned cases finished and are reported; ${again}`,
  );
  // The next run would end alike.
  expect(report({ endedBy: '20 cases took the kernel down alike' })).not.toContain('give the same command again');
  expect(run('report', sample()).out).not.toContain('give the same command again');
});

test('should say which shard is given twice', () => {
  const shard = sample({ shard: { index: 1, count: 2 }, summary: { argv: ['conformance', '--shard', '1/2'] } });
  expect(run('merge', shard, shard, '--out', join(scratch(), 'merged'))).toMatchObject({
    code: 2,
    err: `iomapfuzz: ${shard} is given twice; give every shard once\n`,
  });
});

test('should say which options change nothing in a list of the plan', () => {
  const plain = run('conformance', '--list', '--rule', 'map/type-known', '--uapi', 'r2');
  expect(plain).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/^map\/type-known@read /) });
  const given = run(
    'conformance',
    '--list',
    '--rule',
    'map/type-known',
    '--uapi',
    'r2',
    '--seed',
    '3',
    '--shard',
    '1/2',
  );
  expect(given).toMatchObject({
    code: 0,
    out: plain.out,
    err: '--list prints the plan and runs nothing: --seed, --shard change nothing in it (--rule, --path and --uapi do)\n',
  });
  expect(run('conformance', '--list', '--rule', 'map/type-known', '--no-build').err).toContain(
    '--no-build changes nothing in it',
  );
});

test('should say what is wrong with the name of a case', () => {
  const results = sample(broken);
  mkdirSync(join(results, 'findings'));
  const directory = join(repositoryRoot(), 'corpora', 'cases');
  const file = join(directory, readdirSync(directory)[0]!);
  for (const [text, says] of [
    [`${file}:-1`, `there is no file ${file}:-1: ${file} holds one case and is given alone, without :-1`],
    [
      '1:-1',
      '1:-1 is neither a file nor a case of a campaign: give SEED:NUMBER as the report of the campaign prints it, such as 7:0',
    ],
    ['1:99999999999999999', '1:99999999999999999: seeds and numbers of cases go up to 2147483647'],
    ['9999999999:0', '9999999999:0: seeds and numbers of cases go up to 2147483647'],
    [
      results,
      `${results} is a directory, and a case is one file: those of its findings are ${results}/findings/*.case.json`,
    ],
    [`${results}:-1`, `${results} is a directory`],
    ['nowhere.json', 'there is no file nowhere.json; give a case file, such as findings/*.case.json of results'],
  ] as const) {
    expect(run('repro', '--emit', 'c', text), text).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining(`iomapfuzz: ${says}`),
    });
  }
  expect(run('repro', '--emit', 'c', '--', file, '-1').err).toContain('-1 is neither a file nor a case');
  for (const text of [file, '1:0']) expect(run('repro', '--emit', 'c', text), text).toMatchObject({ code: 0, err: '' });
});

test('should read a run that was killed before it wrote a summary as no verdict', () => {
  const killed = sample();
  rmSync(join(killed, 'summary.json'));
  for (const argv of [
    ['report', killed],
    ['report', killed, '--format', 'json'],
    ['compare', sample(), killed],
    ['merge', killed, '--out', join(killed, 'merged')],
  ]) {
    expect(run(...argv), argv.join(' ')).toMatchObject({
      code: 3,
      err: expect.stringContaining(`NO VERDICT: ${killed} holds the cases of a run that was killed`),
    });
  }
});

test('should put the page into the results directory and other formats where they are wanted', () => {
  const directory = sample(broken);
  expect(run('report', directory, '--format', 'html')).toMatchObject({
    code: 1,
    out: expect.stringContaining(join(directory, 'report.html')),
  });
  expect(readFileSync(join(directory, 'report.html'), 'utf8')).toMatch(/^<!DOCTYPE html>/);
  const victim = join(scratch(), 'victim');
  writeFileSync(victim, 'precious');
  const others = sample(broken);
  symlinkSync(victim, join(others, 'report.html'));
  expect(run('report', others, '--format', 'html')).toMatchObject({
    code: 2,
    err: expect.stringContaining('report.html: it is a symbolic link, and is not followed'),
  });
  expect(readFileSync(victim, 'utf8')).toBe('precious');
  expect(run('report', directory, '--format', 'ktap').out).toMatch(/^KTAP version 1\n/);
  const file = join(directory, 'junit.xml');
  expect(run('report', directory, '--format', 'junit', '--out', file).code).toBe(1);
  expect(readFileSync(file, 'utf8')).toMatch(/^<\?xml/);
});

test("should end with 2 and say what to do for results that can't be read and arguments that are wrong", () => {
  for (const argv of [
    ['report', '/nonexistent/results'],
    ['compare', sample(), '/nonexistent/results'],
    ['merge', '/nonexistent/results', '--out', '/tmp/never'],
  ]) {
    expect(run(...argv), argv.join(' ')).toMatchObject({
      code: 2,
      err: expect.stringContaining('/nonexistent/results does not exist; give the directory'),
    });
  }
  expect(run('compare', sample())).toMatchObject({ code: 2, err: expect.stringContaining('at least two') });
  expect(run('report', sample(), '--format', 'pdf')).toMatchObject({
    code: 2,
    err: expect.stringContaining('html, json, junit, ktap, markdown, mail'),
  });
  expect(run('report').code).toBe(2);
  const damaged = sample();
  writeFileSync(join(damaged, 'cases.jsonl'), `${'{"n":0'}\n{}\n`);
  expect(run('report', damaged)).toMatchObject({
    code: 2,
    err: expect.stringContaining('cases.jsonl, line 1 is damaged'),
  });
  expect(run('report', sample(), '--format', 'json', '--out', '/nonexistent/report.json')).toMatchObject({
    code: 2,
    err: expect.stringContaining('give another --out'),
  });
});

test("should leave nothing where it can't put a report", () => {
  const directory = sample();
  mkdirSync(join(directory, 'taken'));
  expect(run('report', directory, '--format', 'html', '--out', join(directory, 'taken'))).toMatchObject({
    code: 2,
    err: expect.stringContaining('give another --out'),
  });
  expect(readdirSync(directory).sort()).toEqual(['cases.jsonl', 'console.log', 'summary.json', 'taken']);
});

test.describe('a run of the whole plan', () => {
  const cells = conformancePlan(revisions.r3).map(({ id, rule, half, path, border, impossible }) => ({
    id,
    rule,
    path,
    ...(half && { half }),
    ...(border && { border }),
    ...(impossible !== undefined && { impossible }),
  }));
  let directory: string;
  test.beforeAll(() => {
    directory = sample({ cells, deviates: ({ id }) => id === 'map/length-aligned@read direct-read violating' });
  });

  test('should be a page that a validator accepts', async () => {
    expect(run('report', directory, '--format', 'html').code).toBe(1);
    expect(await complaintsOf(readFileSync(join(directory, 'report.html'), 'utf8'))).toEqual([]);
  });

  test('should be JUnit and TAP that parsers of others read, with a test a cell', async () => {
    const junit = (await parseJunit(run('report', directory, '--format', 'junit').out)) as TestSuites;
    expect(junit).toMatchObject({ tests: cells.length + 1, failures: 2, errors: 0 });
    const parser = new TapParser({ strict: true });
    const ended = new Promise<{ ok: boolean; count: number; fail: number }>((resolve) => {
      parser.on('complete', resolve);
    });
    parser.end(tapOf(run('report', directory, '--format', 'ktap').out));
    expect(await ended).toMatchObject({
      ok: false,
      fail: 2,
      failures: [
        expect.objectContaining({ name: 'map/length-aligned@read' }),
        expect.objectContaining({ name: expect.stringContaining('run') }),
      ],
    });
  });

  test("should be KTAP that the kernel's own kunit.py reads", () => {
    const tree = join(cacheDirectory('build', 'fast'), 'src');
    const tool = join(tree, 'tools/testing/kunit/kunit.py');
    test.skip(
      !existsSync(tool),
      `there is no kernel tree in ${tree}: it is there after the reference kernel was built`,
    );
    test.skip(spawnSync('python3', ['--version']).status !== 0, 'python3 is not installed');
    const file = join(directory, 'run.ktap');
    expect(run('report', directory, '--format', 'ktap', '--out', file).code).toBe(1);
    const { stdout } = spawnSync('python3', [tool, 'parse', file], { cwd: tree, encoding: 'utf8' });
    const impossible = cells.filter((cell) => cell.impossible !== undefined).length;
    expect(stdout).toContain(
      `Ran ${cells.length + 1} tests: passed: ${cells.length - impossible - 1}, failed: 2, skipped: ${impossible}`,
    );
  });
});

/**
 * KTAP differs from the TAP 14 that the parser reads in its version line and in indenting subtests by two blanks
 * instead of four.
 */
const tapOf = (ktap: string): string =>
  ktap
    .split('\n')
    .filter((line) => !/^ +KTAP version 1$/.test(line))
    .map((line) => line.replace(/^( +)/, '$1$1'))
    .join('\n')
    .replace('KTAP version 1', 'TAP version 14');

test('should write a comparison as a page that a validator accepts, also over a history and where nothing changed', async () => {
  const good = sample({ summary: { startedAt: '2026-11-20T09:00:00.000Z' } });
  const bad = sample({
    ...broken,
    environment: { kernelImageHash: 'ffff'.repeat(16), kernelConfig: ['CONFIG_FUSE_FS=y'] },
  });
  const page = join(scratch(), 'compared.html');
  expect(run('compare', good, bad, '--html', page)).toMatchObject({
    code: 1,
    err: expect.stringContaining(page),
    out: expect.stringContaining('REGRESSION: 1 new'),
  });
  const text = readFileSync(page, 'utf8');
  expect(text).toContain('<strong>Regression</strong> <span class="rest">1 new</span>');
  expect(text).toMatch(/new: [0-9a-f]{8} map\/type-known: fiemap succeeds, must fail with EUCLEAN/);
  expect(text).toContain('goes with it: CONFIG_FUSE_IOMAP not set, before y');
  expect(await complaintsOf(text)).toEqual([]);
  // JSON on standard output stays JSON.
  expect(JSON.parse(run('compare', bad, good, bad, '--json', '--html', page).out)).toMatchObject({ exitCode: 1 });
  expect(readFileSync(page, 'utf8')).toContain('shows what is flaky');
  expect(run('compare', good, good, '--html', page).code).toBe(0);
  expect(await complaintsOf(readFileSync(page, 'utf8'))).toEqual([]);
  expect(run('compare', good, good, '--html', '/nonexistent/page.html')).toMatchObject({
    code: 2,
    err: expect.stringContaining('give another --html'),
  });
});

test('should compare with the exit code of a regression, and include it in a report', () => {
  const [good, bad] = [sample({ environment: { kernelImageHash: 'ffff'.repeat(16) } }), sample(broken)];
  const worse = run('compare', good, bad);
  expect(worse).toMatchObject({
    code: 1,
    out: expect.stringMatching(
      /^REGRESSION: 1 new\nnew: [0-9a-f]{8} map\/type-known: fiemap succeeds, must fail with EUCLEAN \(on read half: fiemap\)/,
    ),
  });
  expect(run('compare', bad, good)).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^gone: [0-9a-f]{8} map\/type-known: fiemap succeeds/m),
  });
  expect(JSON.parse(run('compare', good, bad, '--json').out)).toMatchObject({ exitCode: 1 });
  expect(run('report', bad, '--baseline', good, '--format', 'markdown').out).toContain('REGRESSION: 1 new');
});

test("should merge shards and end with the merged run's exit code", () => {
  const shard = (index: number): string =>
    sample({
      ...broken,
      shard: { index, count: 3 },
      summary: { argv: ['conformance', '--seed', '7', '--shard', `${index}/3`] },
    });
  const out = join(scratch(), 'merged');
  expect(run('merge', shard(1), shard(2), shard(3), '--out', out)).toMatchObject({
    code: 1,
    out: expect.stringMatching(/^DEVIATES: 1 finding in 1 rule; 1 case of 454 judged\n/),
  });
  expect(run('report', out).code).toBe(1);
  expect(run('merge', shard(1), '--out', out)).toMatchObject({
    code: 2,
    err: expect.stringContaining('already holds files'),
  });
  expect(run('merge', shard(1), shard(2), '--out', `${out}2`)).toMatchObject({
    out: expect.stringContaining('no results of shard 3 of 3'),
  });
});
