import { expect, test } from '@playwright/test';
import { quantity } from './describe.ts';
import { plainText } from '../model/plain-text.ts';
import { duration, logExcerpt, plural, wrap } from './text.ts';

test('should show quantities as a kernel developer writes them', () => {
  expect(
    [
      0n,
      1023n,
      1024n,
      4097n,
      (1n << 31n) - 1n,
      1n << 32n,
      (1n << 63n) + 4096n,
      (1n << 64n) - 1n,
      (1n << 64n) - 4096n,
      0x1234_5678_9000n,
    ].map(quantity),
  ).toEqual(['0', '1023', '0x400', '0x1001', '2^31-1', '2^32', '2^63+4096', 'all ones', '2^64-4096', '0x123456789000']);
  expect([-1n, -4096n].map(quantity)).toEqual(['-1', '-0x1000']);
});

test('should wrap at words, and keep words that are longer than the width', () => {
  expect(wrap('expected: one two three', 14, 4)).toEqual(['expected: one', '    two three']);
  expect(wrap('a 0123456789', 5)).toEqual(['a', '0123456789']);
  expect(wrap('  indented text stays indented', 100)).toEqual(['  indented text stays indented']);
});

test('should show control characters instead of obeying them', () => {
  expect(plainText('a\u001b[31mb\u001b[0m\tc\nd')).toBe('ab\tc\nd');
  expect(plainText('bell\u0007 nul\u0000')).toBe('bell\ufffd nul\ufffd');
});

test('should say durations and numbers as people do', () => {
  expect([12, 999, 1500, 61_000, 3_720_000].map(duration)).toEqual([
    '12 ms',
    '999 ms',
    '1.5 s',
    '1 min 01 s',
    '1 h 02 min',
  ]);
  expect([plural(1, 'case'), plural(0, 'case'), plural(1234, 'case')]).toEqual(['1 case', '0 cases', '1,234 cases']);
});

test('should cut a long log at its beginning', () => {
  expect(logExcerpt('a\nb\nc\n', 2)).toEqual(['[... 1 line before ...]', 'b', 'c']);
  expect(logExcerpt('a\nb\n', 2)).toEqual(['a', 'b']);
});
