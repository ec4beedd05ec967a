/** Exit codes 0 and 1 are verdicts: nothing that goes wrong may end with them. */
import { expect, test } from '@playwright/test';
import { buildSync } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeSample } from '../reports/testing/sample.ts';
import { scratch } from '../reports/testing/scratch.ts';
import { repositoryRoot } from '../files/repository-root.ts';

const root = repositoryRoot();
const directory = join(root, 'dist', 'guard-test');
const program = join(directory, 'iomapfuzz.mjs');
const options = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  packages: 'external',
  logLevel: 'error',
} as const;

// As build.mjs does it.
test.beforeAll(() => {
  buildSync({
    ...options,
    entryPoints: { iomapfuzz: join(root, 'cli/start.ts') },
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    chunkNames: '[name]',
    splitting: true,
  });
});
test.afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** Runs a shell's command line in which `$iomapfuzz` is the program. */
function shell(
  line: string,
  env: Record<string, string> = {},
): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync('bash', ['-c', line], {
    encoding: 'utf8',
    env: { ...process.env, node: process.execPath, program, ...env },
  });
  return { code: status, stdout, stderr };
}

function sample(): string {
  const results = join(scratch(), 'run');
  writeSample(results, { casesPerCell: 1 });
  return results;
}

test('a command whose output nobody reads should end with 3, and say that it is no verdict', () => {
  const results = sample();
  expect(shell('"$node" "$program" report "$results"', { results }).code, 'as it is when somebody reads').toBe(0);
  // The reader is gone before the program has started.
  const { stdout, stderr } = shell('"$node" "$program" report "$results" | true; echo "${PIPESTATUS[0]}"', { results });
  expect(stdout).toBe('3\n');
  expect(stderr).toMatch(/^iomapfuzz: nobody reads standard output any more: .* this is no verdict$/m);
});

test('a full disk under standard output should end a command with 3, and the message should name it', () => {
  const { code, stderr } = shell('"$node" "$program" report "$results" >/dev/full', { results: sample() });
  expect(code).toBe(3);
  expect(stderr).toContain('iomapfuzz: standard output cannot be written, its disk is full: free some space');
});

test('a closed standard output should end a command with 3, and /dev/null is no closed one', () => {
  const results = sample();
  const { code, stderr } = shell('IOMAPFUZZ_CLOSED_OUTPUT=1 "$node" "$program" report "$results" >&-', { results });
  expect(code).toBe(3);
  expect(stderr).toMatch(/^iomapfuzz: standard output is closed: .* this is no verdict; give it a file/m);
  expect(shell('"$node" "$program" report "$results" >/dev/null', { results }).code).toBe(0);
});

test('a full disk under standard error should end a command with 3', () => {
  expect(shell('"$node" "$program" report /nonexistent').code, 'as it is with a sound one').toBe(2);
  expect(shell('"$node" "$program" report /nonexistent 2>/dev/full').code).toBe(3);
});

test('too few open files should end a command with 3, and the message should say what to raise', () => {
  // Below about twenty Node itself does not start, above about a hundred nothing is missing.
  const ends = [20, 24, 28, 32, 40, 48].map((limit) =>
    shell(`ulimit -n ${String(limit)}; exec "$node" "$program" report /nonexistent`),
  );
  const ours = ends.filter(({ stderr }) => stderr.startsWith('iomapfuzz: EMFILE'));
  expect(ours.length).toBeGreaterThan(0);
  for (const end of ours)
    expect(end).toMatchObject({ code: 3, stderr: expect.stringContaining('raise it (ulimit -n 4096)') as unknown });
});

test('a program that lacks an npm package should not end like a kernel that deviates', () => {
  const elsewhere = join(scratch(), 'dist');
  cpSync(directory, elsewhere, { recursive: true });
  const { code, stderr } = shell(`"$node" ${join(elsewhere, 'iomapfuzz.mjs')} report /nonexistent`);
  expect(stderr).toContain('Cannot find package');
  expect(code).toBe(3);
});

/** What ends a program, and the exit code and the message that must come of it. */
const endings: readonly { name: string; source: string; code: number; stderr: RegExp }[] = [
  {
    name: 'a throw in an event handler',
    source:
      'setTimeout(() => { throw new Error("in a handler"); }); await new Promise(() => setTimeout(() => {}, 10_000));',
    code: 3,
    stderr: /defect of iomapfuzz.*\n.*in a handler/,
  },
  {
    name: 'a rejection that nobody handles',
    source: 'void Promise.reject(new Error("of nobody")); await new Promise((r) => setTimeout(r, 10_000));',
    code: 3,
    stderr: /of nobody/,
  },
  {
    name: 'a promise that nothing settles',
    source: 'await new Promise(() => {});',
    code: 3,
    stderr: /ended before its command did/,
  },
  { name: 'an early exit', source: 'process.exit(0);', code: 3, stderr: /ended before its command did/ },
  {
    name: 'an error of the machine',
    source:
      'setTimeout(() => { throw Object.assign(new Error("open failed"), { code: "EMFILE" }); }); await new Promise(() => {});',
    code: 3,
    stderr: /open failed; the limit of open files/,
  },
  {
    name: 'a last word that throws',
    source:
      'onSuddenEnd(() => { throw new Error("disk full"); }); onSuddenEnd((why) => { console.log("last:", why); }); throw new Error("first");',
    code: 3,
    stderr: /first/,
  },
  {
    name: 'a signal that nothing else takes',
    source: 'process.kill(process.pid, "SIGTERM"); await new Promise((r) => setTimeout(r, 10_000));',
    code: 3,
    stderr: /interrupted by SIGTERM: this is no verdict/,
  },
  {
    name: 'a signal that the command takes',
    source:
      'process.on("SIGINT", () => { process.exit(4); }); process.kill(process.pid, "SIGINT"); await new Promise((r) => setTimeout(r, 10_000));',
    code: 4,
    stderr: /^$/,
  },
  {
    name: 'a signal to a command that only computes',
    source: 'signalsEndAtOnce(); process.kill(process.pid, "SIGTERM"); for (;;);',
    code: 143,
    stderr: /^(?!iomapfuzz)/,
  },
  { name: 'a verdict', source: 'process.exitCode = 1; commandEnded();', code: 1, stderr: /^$/ },
  { name: 'a pass', source: 'process.exitCode = 0; commandEnded();', code: 0, stderr: /^$/ },
  { name: 'an exit code that is no verdict', source: 'process.exit(125);', code: 125, stderr: /^$/ },
];
for (const { name, source, code, stderr } of endings) {
  test(`${name} should end with ${String(code)}`, () => {
    const folder = scratch();
    mkdirSync(folder, { recursive: true });
    const entry = join(folder, 'entry.ts');
    writeFileSync(
      entry,
      [
        `import { commandEnded, guardProcess, signalsEndAtOnce } from ${JSON.stringify(join(root, 'cli/guard.ts'))};`,
        `import { onSuddenEnd } from ${JSON.stringify(join(root, 'harness/run/last-words.ts'))};`,
        `guardProcess(); void [commandEnded, onSuddenEnd, signalsEndAtOnce];\n${source}`,
      ].join('\n'),
    );
    const bundle = join(folder, 'entry.mjs');
    buildSync({ ...options, entryPoints: [entry], outfile: bundle });
    const ended = shell(`"$node" ${bundle}; exit $?`);
    expect(ended).toMatchObject({ code, stderr: expect.stringMatching(stderr) as unknown });
    if (name.startsWith('a last word')) expect(ended.stdout).toBe('last: first\n');
  });
}

test('the launcher should not end like a verdict when it fails itself', () => {
  // A full or missing temporary directory: mktemp fails, which ends a shell script with 1.
  const text = readFileSync(join(root, 'iomapfuzz'), 'utf8');
  const head = text.slice(0, text.indexOf('command -v node'));
  expect(shell(`${head}\nscratch=$(mktemp /nonexistent/XXXXXX)\necho never`)).toMatchObject({
    code: 3,
    stdout: '',
    stderr: expect.stringContaining('line ') as unknown,
  });
});
