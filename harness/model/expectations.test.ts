import { expect, test } from '@playwright/test';
import { concerning, reconcile, type ExpectedDeviation } from './expectations.ts';

const known: ExpectedDeviation = { rule: 'map/length-aligned', path: 'fiemap', kernel: '7.3*', reason: 'not repaired yet', link: 'https://example.org/1', expires: '2026-12-31' };
const place = (rule: string, path: string) => ({ rule, path });
const at = (today: string, ...tried: ReturnType<typeof place>[]) => ({ tried, today });

test('should take an expected deviation for expected, and its near twins not', () => {
  const all = [place('map/length-aligned', 'fiemap'), place('map/length-aligned', 'seek-data'), place('map/offset-aligned', 'fiemap')];
  const { expected, unexpected, notices } = reconcile(all, [known], at('2026-12-31'));
  expect(expected.map(({ finding }) => finding)).toEqual([all[0]]);
  expect(unexpected).toHaveLength(2);
  expect(notices).toEqual([]);
});

test('should fail an expectation that ran out the day before', () => {
  const { unexpected, notices } = reconcile([place('map/length-aligned', 'fiemap')], [known], at('2027-01-01'));
  expect(unexpected).toHaveLength(1);
  expect(notices.join()).toContain('ran out on 2026-12-31');
});

test('should not apply to another kernel', () => {
  const kernel = { release: '7.3.4-iomap', version: '#1 SMP' };
  expect(concerning([known], kernel)).toEqual([known]);
  expect(concerning([{ ...known, kernel: '7.4*' }], kernel)).toEqual([]);
});

test('should report an expected deviation that does not happen, but only where it was tried', () => {
  expect(reconcile([], [known], at('2026-12-01', place('map/length-aligned', 'fiemap'))).notices.join()).toContain('did not happen');
  expect(reconcile([], [known], at('2026-12-01', place('map/length-aligned', 'seek-data'))).notices).toEqual([]);
});
