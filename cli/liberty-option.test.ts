import { expect, test } from '@playwright/test';
import { UsageError } from '../model/errors.ts';
import { parseConfig } from '../vm/kernel/parse-config.ts';
import { libertiesOfSeries } from '../vm/kernel/liberties.ts';
import { flavourOf, libertyOption, requireLiberties, withLiberties } from './liberty-option.ts';

const [first, second] = libertiesOfSeries().map(({ name }) => name) as [string, string];

test('should take several names, repeated or with commas', () => {
  const { parseArg } = libertyOption();
  expect(parseArg!(`${first},${second}`, parseArg!('other', undefined))).toEqual(['other', first, second]);
});

test('should choose the flavour with switches only where nobody names a kernel', () => {
  expect(flavourOf({ liberty: [first] })).toBe('liberties');
  expect(flavourOf({ liberty: [first], kernel: 'bzImage' })).toBeUndefined();
  expect(flavourOf({ liberty: [first], flavour: 'debug' })).toBe('debug');
  expect(flavourOf({})).toBeUndefined();
});

test('should refuse a name that the reference kernel does not know, with those that it does', () => {
  expect(() => withLiberties({ liberty: [first, 'no-such'] })).toThrow(
    new RegExp(`there is no liberty no-such; there are .*${first}`),
  );
  expect(() => withLiberties({ liberty: [`${first} init=/bin/sh`], kernel: 'bzImage' })).toThrow(UsageError);
  // Another kernel may know others; it is asked when it runs.
  expect(withLiberties({ liberty: ['another-one'], kernel: 'bzImage' })).toEqual({
    liberty: ['another-one'],
    kernel: 'bzImage',
  });
});

test('should refuse a kernel that is known to have no switches, and say what to do', () => {
  const without = parseConfig('CONFIG_FUSE_IOMAP=y\n');
  expect(() => {
    requireLiberties({ liberty: [first], flavour: 'fast' }, without);
  }).toThrow(/--flavour fast is a kernel without CONFIG_FUSE_IOMAP_LIBERTIES.*--flavour liberties/);
  expect(() => {
    requireLiberties({ liberty: [first], kernel: 'k/bzImage' }, without);
  }).toThrow(/--kernel k\/bzImage is a kernel without/);
  expect(() => {
    requireLiberties({ flavour: 'fast' }, without);
  }).not.toThrow();
  expect(() => {
    requireLiberties({ liberty: [first] }, parseConfig('CONFIG_FUSE_IOMAP_LIBERTIES=y\n'));
  }).not.toThrow();
  expect(() => {
    requireLiberties({ liberty: [first], kernel: 'bzImage' }, undefined);
  }).not.toThrow();
});
