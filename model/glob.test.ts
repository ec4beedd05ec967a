import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import { matchesGlob } from './glob.ts';

test('should take * for anything, and every other character for itself', () => {
  const rows: [string, string, boolean][] = [
    ['map/*', 'map/type-known', true],
    ['map/*', 'map/', true],
    ['map/*', 'begin/error', false],
    ['*', '', true],
    ['', '', true],
    ['', 'a', false],
    ['*-known', 'map/type-known', true],
    ['m*-k*n', 'map/type-known', true],
    ['m*-k*z', 'map/type-known', false],
    ['a.c', 'abc', false],
    ['[a]*', 'a', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['ab*ba', 'aba', false],
    ['*a*', 'a', true],
    ['**', 'x', true],
    ['a*\n*b', 'a\nb', true],
  ];
  for (const [pattern, text, matches] of rows)
    expect(matchesGlob(pattern, text), `${pattern} on ${text}`).toBe(matches);
});

test('should agree with a regular expression', () => {
  const letters = fc.array(fc.constantFrom('a', 'b', '*'), { maxLength: 8 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(
      letters,
      letters.map((text) => text.replaceAll('*', '')),
      (pattern, text) => {
        expect(matchesGlob(pattern, text)).toBe(new RegExp(`^${pattern.replaceAll('*', '.*')}$`, 's').test(text));
      },
    ),
    { numRuns: 2000 },
  );
});

test('should answer at once where a regular expression never would', () => {
  expect(matchesGlob(`${'*a'.repeat(200)}*b`, 'a'.repeat(20_000))).toBe(false);
});
