import { expect, test } from '@playwright/test';
import type { CellInfo } from '../run-summary.ts';
import type { Deviation } from '../verdict.ts';
import { casesOf, cellsOf, deviationsOf, exampleOf, FindingSet, pathsOf } from './set.ts';

const cell = (rule: string, path: string): CellInfo => ({ id: `${rule} ${path}`, rule, path, border: 'violating' });
const accepted = (rule: string): Deviation => ({
  rule,
  aspect: 'errno',
  expected: 'EUCLEAN',
  seen: 'success',
  step: 1,
  facts: { errno: { expected: ['EUCLEAN'], seen: 'success' } },
});
const lost = (errno: string): Deviation => ({
  ...accepted('begin/error'),
  facts: { errno: { expected: [errno], seen: 'success' }, answered: { expected: true } },
});
const bytes: Deviation = {
  rule: 'read/result',
  aspect: 'bytes-read',
  expected: '',
  seen: '',
  step: 1,
  facts: { bytes: { expected: ['zeros'], seen: 'device' } },
};
const shown = (n: number, size: number, of?: CellInfo) => ({ n, size, example: `case ${n}`, cell: of });

test('should have one finding for a cause, with all its paths, cells and cases and the smallest example', () => {
  const set = new FindingSet<string>();
  expect(set.add(shown(5, 300, cell('map/a', 'fiemap')), [accepted('map/a')])).toHaveLength(1);
  expect(set.add(shown(9, 100, cell('map/a', 'seek-data')), [accepted('map/a')])).toEqual([]);
  expect(set.add(shown(7, 200, cell('map/a', 'fiemap')), [accepted('map/a')])).toEqual([]);
  const [finding, ...others] = set.all();
  expect(others).toEqual([]);
  expect([pathsOf(finding!), cellsOf(finding!), casesOf(finding!), exampleOf(finding!).example]).toEqual([
    ['seek-data', 'fiemap'],
    ['map/a seek-data', 'map/a fiemap'],
    [5, 7, 9],
    'case 9',
  ]);
  expect(deviationsOf(finding!)).toEqual([accepted('map/a')]);
  expect(finding!.title).toBe('map/a: seek-data succeeds, must fail with EUCLEAN');
});

test('should give a finding the same id whatever else was found, and in whatever order', () => {
  const [one, other] = [new FindingSet<string>(), new FindingSet<string>()];
  one.add(shown(0, 1), [accepted('map/a')]);
  one.add(shown(1, 1), [bytes]);
  other.add(shown(0, 9), [bytes]);
  other.add(shown(1, 9), [accepted('map/a')]);
  expect(one.all().map(({ id }) => id)).toEqual(other.all().map(({ id }) => id));
  // A promise to those who keep ids in files.
  expect(one.all().map(({ id }) => id)).toEqual(ONCE);
});
const ONCE = ['2702e586', '588af04e'];

test('should make one finding of a check that is missing and of the checks that come in its place, and keep a report in the wrong order apart', () => {
  const instead: Deviation = {
    ...accepted('map/a'),
    aspect: 'trace-event',
    facts: { condition: { expected: 'a', seen: 'b' } },
  };
  const set = new FindingSet<string>();
  set.add(shown(0, 1), [instead]);
  expect(set.all().map(({ key }) => key)).toEqual(['map/a | reported as | b']);
  set.add(shown(1, 2), [accepted('map/a')]);
  expect(set.all().map(({ key }) => key)).toEqual(['map/a | accepted']);
});

test('should make one finding of what is refused although it is right, whatever else would have been refused there', () => {
  const instead = (rule: string): Deviation => ({
    ...accepted(rule),
    aspect: 'trace-event',
    facts: { condition: { expected: rule, seen: 'b' } },
  });
  const falsely: Deviation = {
    rule: 'refusal/none',
    aspect: 'trace-event',
    expected: 'no report',
    seen: 'b',
    facts: { condition: { seen: 'b' } },
  };
  const set = new FindingSet<string>();
  for (const [n, one] of [instead('map/a'), instead('map/c'), falsely].entries()) set.add(shown(n, 1), [one]);
  expect(set.all().map(({ key }) => key)).toEqual(['refused | b']);
  // Of a rule that lets things through, too, the check is missing.
  set.add(shown(3, 1), [accepted('map/c')]);
  expect(set.all().map((finding) => [finding.key, casesOf(finding)])).toEqual([
    ['map/c | accepted', [1, 3]],
    ['refused | b', [0, 2]],
  ]);
  const many = new FindingSet<string>();
  for (const [n, rule] of ['map/a', 'map/c', 'map/d'].entries()) many.add(shown(n, 1), [instead(rule)]);
  expect(many.all().map(({ key }) => key)).toEqual(['refused | b']);
});

test('should put wrong bytes before wrong results, whatever came first', () => {
  const set = new FindingSet<string>();
  set.add(shown(0, 1), [accepted('map/a')]);
  set.add(shown(1, 1), [bytes]);
  expect(set.all().map(({ severity }) => severity)).toEqual(['bytes', 'behaviour']);
});

test('should make one finding of errnos that each mean something, where others are lost as well, or many of them', () => {
  const set = new FindingSet<string>();
  set.add(shown(0, 1), [lost('ENOENT')]);
  set.add(shown(1, 1), [lost('ENOTBLK')]);
  expect(set.all()).toHaveLength(2);
  set.add(shown(2, 1), [lost('EPERM')]);
  const [finding, ...others] = set.all();
  expect([casesOf(finding!), others]).toEqual([[0, 1, 2], []]);
  const many = new FindingSet<string>();
  for (const [n, errno] of ['ENOENT', 'ENOTBLK', 'EAGAIN'].entries()) many.add(shown(n, 1), [lost(errno)]);
  expect(many.all().map(({ id }) => id)).toEqual([finding!.id]);
});
