import { expect, test } from '@playwright/test';
import type { FuzzOutcome } from '../harness/run/fuzz.ts';
import { exitCodeOf, fuzzCommand, resumeArguments } from './fuzz.ts';

test('should say how to go on with an interrupted campaign', () => {
  expect(
    resumeArguments(['fuzz', '--runs', '500', '--kernel', 'bzImage', '--out=here', '--seed=3', '--paths', 'fiemap'], {
      seed: 3,
      start: 123,
      runsLeft: 377,
    }),
  ).toEqual(['fuzz', '--kernel', 'bzImage', '--paths', 'fiemap', '--seed', '3', '--start', '123', '--runs', '377']);
  expect(resumeArguments(['fuzz', '--time', '2h'], { seed: 4, start: 0, timeLeftMs: 61_500 })).toEqual([
    'fuzz',
    '--seed',
    '4',
    '--start',
    '0',
    '--time',
    '62s',
  ]);
});

const outcome = (more: {
  counts?: object;
  complete?: boolean;
  unexpected?: number;
  expected?: number;
  untestable?: boolean;
}) =>
  ({
    untestable: more.untestable ?? false,
    reconciled: {
      unexpected: Array(more.unexpected ?? 0).fill({}),
      expected: Array(more.expected ?? 0).fill({}),
      notices: [],
    },
    summary: {
      counts: { conforms: 5, deviates: 0, unspecified: 0, 'not-run': 0, lost: 0, ...more.counts },
      complete: more.complete ?? true,
    },
  }) as unknown as FuzzOutcome;

test('should pass only a campaign that judged something, lost nothing and came to its end', () => {
  expect(exitCodeOf(outcome({}))).toBe(0);
  expect(exitCodeOf(outcome({ counts: { deviates: 2 }, expected: 1 }))).toBe(0);
  expect(exitCodeOf(outcome({ counts: { deviates: 2 }, expected: 1, unexpected: 1 }))).toBe(1);
  expect(exitCodeOf(outcome({ counts: { lost: 1 } }))).toBe(3);
  expect(exitCodeOf(outcome({ complete: false }))).toBe(3);
  expect(exitCodeOf(outcome({ counts: { conforms: 0, unspecified: 3 } }))).toBe(4);
  expect(exitCodeOf(outcome({ untestable: true }))).toBe(125);
});

const parse = (...words: string[]) =>
  fuzzCommand()
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .parseAsync(words, { from: 'user' });

test('should refuse what it does not understand before it looks for a kernel', async () => {
  await expect(parse('--paths', 'nowhere', '--kernel', '/nonexistent')).rejects.toThrow(
    /there is no path nowhere; there are .*direct-read/,
  );
  await expect(parse('--rule', 'map/nothing', '--kernel', '/nonexistent')).rejects.toThrow(
    /no case aims at map\/nothing/,
  );
  await expect(parse('--rule', 'map/*', '--paths', 'ioctl', '--kernel', '/nonexistent')).rejects.toThrow(
    /no case aims at map\/\* on ioctl/,
  );
  await expect(parse('--time', '10')).rejects.toThrow(/a number with a unit/);
  await expect(parse('--shard', '3/2')).rejects.toThrow(/1 <= i <= n/);
  await expect(parse('--expectations', '/nonexistent', '--kernel', '/nonexistent')).rejects.toThrow(/cannot be read/);
});
