/** The help of every command, from outside, and what its options say to child runs. */
import { expect, test } from '@playwright/test';
import { Command } from 'commander';
import { buildSync } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from '../files/repository-root.ts';
import { addVmOptions, vmArguments, type VmOptions } from './vm-options.ts';

// Beside the real one, so that packages are found from it.
const program = join(repositoryRoot(), 'dist', 'test', 'help.mjs');
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

const run = (...argv: string[]) =>
  spawnSync(process.execPath, [program, ...argv], { encoding: 'utf8', env: { ...process.env, COLUMNS: '400' } });

/** Each command that is no list of others, with its help. */
function helpTexts(path: readonly string[] = []): { command: string; text: string }[] {
  const { stdout, status } = run(...path, '--help');
  expect(status, path.join(' ')).toBe(0);
  const [, list] = stdout.split('\nCommands:\n');
  if (list === undefined) return [{ command: path.join(' '), text: stdout }];
  return [...list.matchAll(/^ {2}([a-z]+)/gm)]
    .map(([, name]) => name!)
    .filter((name) => name !== 'help')
    .flatMap((name) => helpTexts([...path, name]));
}

test('should say in the help of each command what it ends with, and name alike what is alike', () => {
  const all = helpTexts();
  expect(all.length).toBeGreaterThan(15);
  expect(all.filter(({ text }) => !/^Exit code: /m.test(text)).map(({ command }) => command)).toEqual([]);
  for (const { command, text } of all) {
    expect(text, command).not.toMatch(/repeatable|may be repeated|default: \[\]|--paths/);
    // What takes rules takes paths, and says so in the same way.
    expect(/^ {2}--rule <id> .*; may be given several times$/m.test(text), command).toBe(
      /^ {2}--path <name> .*; may be given several times$/m.test(text),
    );
  }
  expect(all.filter(({ text }) => text.includes('--path <name>')).map(({ command }) => command)).toEqual([
    'conformance',
    'fuzz',
  ]);
});

test('should take --path in campaigns as in the plan, several times and as a list, and --paths as older versions did', () => {
  const drawn = (...argv: string[]) => run('fuzz', '--dry-run', '--seed', '1', '--runs', '50', ...argv);
  const { stdout, status } = drawn('--path', 'fiemap,seek-data');
  expect(stdout).toMatch(/sha256 of their hashes: [0-9a-f]{64}/);
  for (const argv of [
    ['--path', 'fiemap', '--path', 'seek-data'],
    ['--paths', 'fiemap,seek-data'],
    ['--paths', 'fiemap', '--path=seek-data'],
  ])
    expect(drawn(...argv), argv.join(' ')).toMatchObject({ stdout, status });
  expect(drawn('--path', 'fiemap').stdout).not.toBe(stdout);
});

test('should hand every option about kernel and VM on to child runs', () => {
  const words = addVmOptions(new Command()).options.flatMap(({ long, required, argChoices }) =>
    required ? [long!, argChoices?.[0] ?? '512'] : [long!],
  );
  expect(words.length).toBeGreaterThan(12);
  const parsed = (argv: readonly string[]): VmOptions =>
    addVmOptions(new Command()).parse(argv, { from: 'user' }).opts<VmOptions>();
  expect(vmArguments(parsed(words))).toEqual(words);
  expect(parsed(vmArguments(parsed(words)))).toEqual(parsed(words));
  expect(vmArguments(parsed([]))).toEqual([]);
});
