import { expect, test } from '@playwright/test';
import {
  concerning,
  expectation,
  reconcile,
  type Expectable,
  type ExpectedDeviation,
  type Place,
} from './expectations.ts';

const known: ExpectedDeviation = {
  rule: 'map/length-aligned',
  path: 'fiemap',
  kernel: '7.3*',
  reason: 'not repaired yet',
  link: 'https://example.org/1',
  expires: '2026-12-31',
};
const { rule: _rule, path: _path, ...named } = known;
const byId: ExpectedDeviation = { ...named, id: '0123abcd' };
const place = (rule: string, path: string): Place => ({ rule, path });
const finding = (id: string, ...places: Place[]): Expectable => ({ id, places });
const at = (today: string, ...tried: Place[]) => ({
  tried,
  today,
  narrow: (of: Expectable, places: readonly Place[]): Expectable => ({ ...of, places }),
});

test('should take an expected deviation for expected, and its near twins not', () => {
  const all = [
    finding('a', place('map/length-aligned', 'fiemap')),
    finding('b', place('map/length-aligned', 'seek-data')),
    finding('c', place('map/offset-aligned', 'fiemap')),
  ];
  const { expected, unexpected, notices } = reconcile(all, [known], at('2026-12-31'));
  expect(expected.map((one) => one.finding)).toEqual([all[0]]);
  expect(unexpected).toHaveLength(2);
  expect(notices).toEqual([]);
});

test('should take a finding for expected by its id, wherever it shows, and no other of the same rule', () => {
  const all = [
    finding('0123abcd', place('map/length-aligned', 'fiemap'), place('map/length-aligned', 'seek-data')),
    finding('0123abce', place('map/length-aligned', 'fiemap')),
  ];
  const { expected, unexpected } = reconcile(all, [byId], at('2026-12-31'));
  expect([expected.map((one) => one.finding), unexpected]).toEqual([[all[0]], [all[1]]]);
  // With a path it counts there alone.
  const onPath = reconcile(all.slice(0, 1), [{ ...byId, path: 'fiemap' }], at('2026-12-31'));
  expect(onPath.unexpected).toEqual([finding('0123abcd', place('map/length-aligned', 'seek-data'))]);
});

test('should not let what is expected on one path hide another path of the same finding', () => {
  const { expected, unexpected } = reconcile(
    [finding('a', place('map/length-aligned', 'fiemap'), place('map/length-aligned', 'seek-data'))],
    [known],
    at('2026-12-31'),
  );
  expect(expected.map((one) => one.finding)).toEqual([finding('a', place('map/length-aligned', 'fiemap'))]);
  expect(unexpected).toEqual([finding('a', place('map/length-aligned', 'seek-data'))]);
});

test('should fail an expectation that ran out the day before', () => {
  const { unexpected, notices } = reconcile(
    [finding('a', place('map/length-aligned', 'fiemap'))],
    [known],
    at('2027-01-01'),
  );
  expect(unexpected).toHaveLength(1);
  expect(notices.join()).toContain('ran out on 2026-12-31');
});

test('should not apply to another kernel', () => {
  const kernel = { release: '7.3.4-iomap', version: '#1 SMP' };
  expect(concerning([known], kernel)).toEqual([known]);
  expect(concerning([{ ...known, kernel: '7.4*' }], kernel)).toEqual([]);
});

test('should report an expected deviation that does not happen, but only where it was tried', () => {
  expect(reconcile([], [known], at('2026-12-01', place('map/length-aligned', 'fiemap'))).notices.join()).toContain(
    'did not happen',
  );
  expect(reconcile([], [known], at('2026-12-01', place('map/length-aligned', 'seek-data'))).notices).toEqual([]);
  expect(reconcile([], [byId], at('2026-12-01', place('map/length-aligned', 'seek-data'))).notices.join()).toContain(
    'did not happen: 0123abcd',
  );
});

test('should refuse an entry that names neither a finding nor a rule, and an id that no report prints', () => {
  expect(expectation.safeParse(known).success).toBe(true);
  expect(expectation.safeParse(byId).success).toBe(true);
  expect(expectation.safeParse(named).success).toBe(false);
  expect(expectation.safeParse({ ...named, id: 'IOEND' }).success).toBe(false);
});
