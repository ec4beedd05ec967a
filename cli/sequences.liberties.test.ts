/**
 * Long sequences on one file, under many liberties at once: what each of them leaves open meets what the others do.
 * Every liberty is in one of two sets whose members do not exclude each other. And the same sequences on the debug
 * flavour, which looks closer.
 */
import { expect, test } from '@playwright/test';
import { libertiesOfSeries } from '../vm/kernel/liberties.ts';
import { runWithLiberty } from './testing/liberty-run.ts';

// playwright.config.ts sets it where the user did not.
const seed = process.env['IOMAPFUZZ_SEED']!;

/** Those of which each has a counterpart that excludes it, or that hide it: the second set has all others. */
const FIRST: ReadonlySet<string> = new Set([
  'other-function',
  'lookup-elsewhere',
  'writeback-before-setattr',
  'zero-after-setattr',
  'writeback-before-fallocate',
  'writeback-at-once',
  'given-up-to-eof',
  'end-error-swallowed',
  'write-target-readable',
  'nowait-ioend',
  'atomic-enosys-eopnotsupp',
  'write-fault-retried',
  'setattr-size-not-on-disk',
  'new-unread',
  'swap-one-request',
]);
const names = libertiesOfSeries().map(({ name }) => name);
const sets = { first: names.filter((name) => FIRST.has(name)), second: names.filter((name) => !FIRST.has(name)) };

const paths = ['--paths', 'mixed-sequence,buffered-sequence,growing-sequence'];
const sequences = (runs: number): string[] => ['fuzz', ...paths, '--seed', seed, '--runs', String(runs)];

for (const [which, set] of Object.entries(sets)) {
  test(`should report nothing of a kernel that takes the ${which} set of liberties at once`, ({}, info) => {
    expect(set.length).toBeGreaterThan(10);
    const { code, stdout, stderr, counts, uses } = runWithLiberty(set, info.outputPath('run'), ...sequences(10_000));
    expect(code, stdout + stderr).toBe(0);
    expect(counts.conforms).toBeGreaterThan(9000);
    // Swap files, atomic writes and the like do not come in these sequences.
    expect(uses.filter(({ used }) => used > 0).length).toBeGreaterThan(4);
  });
}

test('should report nothing of the debug flavour', ({}, info) => {
  const { code, stdout, stderr, counts } = runWithLiberty(
    [],
    info.outputPath('run'),
    ...sequences(3000),
    '--flavour',
    'debug',
  );
  expect(code, stdout + stderr).toBe(0);
  expect(counts.conforms).toBeGreaterThan(2700);
});
