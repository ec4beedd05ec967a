import { expect, test } from '@playwright/test';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { trendPage } from '../html/trend.ts';
import { nightNames, sampleHistory } from '../testing/history.ts';
import { complaintsOf } from '../testing/validate.ts';
import { nightMail } from './mail.ts';
import { nextName, readHistory, writeNight, type Night } from './night.ts';
import { buildTrend, nightExitCode, outcomeOf } from './trend.ts';

test('should tell of each of five nights what it came to, and which is a pass', async () => {
  const history = readHistory(await sampleHistory());
  expect(history.unreadable).toEqual([]);
  expect(history.nights.map((night) => [night.name, outcomeOf(night).outcome, nightExitCode(night)])).toEqual([
    [nightNames[0], 'conforms', 0],
    [nightNames[1], 'deviates', 1],
    [nightNames[2], 'no-vm', 3],
    [nightNames[3], 'incomplete', 3],
    [nightNames[4], 'deviates', 1],
  ]);
  expect(outcomeOf(history.nights[2]!).says).toContain('qemu-system-x86_64 is missing');
});

test('should open a finding once, and close it only in a night that looked for it', async () => {
  const { nights, lives } = buildTrend(readHistory(await sampleHistory()));
  expect(nights.map(({ opened, closed, open }) => [opened.length, closed.length, open])).toEqual([
    [0, 0, 0],
    [1, 0, 1],
    [0, 0, 1],
    [0, 0, 1],
    [1, 1, 1],
  ]);
  expect(lives).toMatchObject([
    { key: 'map/length-aligned | accepted', opened: nightNames[4], seen: 1 },
    { key: 'map/type-known | accepted', opened: nightNames[1], closed: nightNames[4], seen: 1 },
  ]);
  expect(lives[0]!.closed).toBeUndefined();
  expect(nights.map(({ newKernel }) => newKernel)).toEqual([false, false, false, false, true]);
});

test('should compare with the last night that judged something, not with one that had no VM', async () => {
  const { nights } = readHistory(await sampleHistory());
  expect(nights[4]!.stages[0]!.digest!.comparison).toMatchObject({ exitCode: 1 });
  expect(nights[3]!.stages[0]!.digest!.comparison!.against).toBe(nightNames[1]);
  expect(nights[0]!.stages[0]!.digest!.comparison).toBeUndefined();
});

test('should be no pass when cells are judged no longer, and a pass when all of them are', async () => {
  const [night] = readHistory(await sampleHistory(1)).nights as [Night];
  expect(nightExitCode(night)).toBe(0);
  const { digest } = night.stages[0]!;
  digest!.comparison = { against: 'x', headline: 'REGRESSION: 3 newly not run', exitCode: 1, lines: [] };
  expect([outcomeOf(night), nightExitCode(night)]).toEqual([
    { outcome: 'regression', says: 'conformance, against night x: REGRESSION: 3 newly not run' },
    1,
  ]);
  expect(nightMail(buildTrend({ nights: [night], unreadable: [] }), night.name)).toContain('This night is not a pass.');
  delete digest!.comparison;
  // Another run of the same night that broke off.
  night.stages.push({ kind: 'fuzz', status: 'failed', reason: 'the guest hung' });
  expect([outcomeOf(night), nightExitCode(night)]).toEqual([
    { outcome: 'incomplete', says: 'fuzz: the guest hung' },
    3,
  ]);
  night.stages[1]!.status = 'skipped';
  expect(nightExitCode(night)).toBe(0);
  delete night.endedAt;
  expect(nightExitCode(night)).toBe(3);
  night.endedAt = 'later';
  Object.assign(digest!, {
    verdict: 'nothing-ran',
    counts: { conforms: 0, deviates: 0, unspecified: 0, 'not-run': 9, lost: 0 },
  });
  expect(nightExitCode(night)).toBe(4);
  night.stages[0]!.exitCode = 125;
  expect(nightExitCode(night)).toBe(125);
});

test('should say of a night that deviates what did not end, beside the rules that are broken', async () => {
  const [, night] = readHistory(await sampleHistory(2)).nights as [Night, Night];
  night.stages.push({ kind: 'fuzz', status: 'cut-off', reason: 'the budget was over' });
  expect(outcomeOf(night)).toEqual({
    outcome: 'deviates',
    says: '1 finding by conformance: map/type-known',
    besides: 'fuzz: the budget was over',
  });
  const mail = nightMail(buildTrend({ nights: [night], unreadable: [] }), night.name);
  expect(mail).toContain('DEVIATES: 1 finding by conformance: map/type-known\nfuzz: the budget was over\n');
});

test('should write a short mail that says what changed and where to read on', async () => {
  const trend = buildTrend(readHistory(await sampleHistory()));
  const mail = nightMail(trend, nightNames[4]);
  expect(mail).toMatch(/^Subject: \[iomapfuzz\] night 2026-11-21-1: DEVIATES, 7\.4\.0-rc1, 1 opened, 1 closed\n/);
  expect(mail).toMatch(
    /Opened:\n- map\/length-aligned on seek-data \(conformance\): seek-data succeeds,\n {2}must fail with EUCLEAN/,
  );
  expect(mail).toMatch(/Closed:\n- map\/type-known on fiemap \(conformance\)\n/);
  expect(mail).toContain('2026-11-21-1/conformance/report.html');
  expect(mail.split('\n').length).toBeLessThan(40);
  const none = nightMail(trend, nightNames[2]);
  expect(none).toContain('NO VM: qemu-system-x86_64 is missing');
  expect(none).toContain('This night is not a pass.');
  expect(nightMail(trend, nightNames[0])).not.toContain('not a pass');
});

test('should make a page that a validator accepts, also of no night and of one that cannot be read', async () => {
  const directory = await sampleHistory();
  mkdirSync(join(directory, '2026-11-22-1'));
  writeFileSync(join(directory, '2026-11-22-1', 'night.json'), '{"format": 99}');
  const history = readHistory(directory);
  expect(history.unreadable).toEqual([
    { name: '2026-11-22-1', reason: 'format 99 is newer than this iomapfuzz knows (1); update iomapfuzz' },
  ]);
  const page = trendPage(buildTrend(history), '0.1.0');
  expect(page).toContain('update iomapfuzz');
  for (const text of [page, trendPage(buildTrend({ nights: [], unreadable: [] }), '0.1.0')])
    expect(await complaintsOf(text)).toEqual([]);
});

test('should let nothing that a kernel or a server says become markup', async () => {
  const history = readHistory(await sampleHistory(2));
  history.nights[1]!.stages[0]!.digest!.findings[0]!.shown = '<script>alert(1)</script>';
  expect(trendPage(buildTrend(history), '0.1.0')).not.toContain('<script');
});

test('should name nights by day and number, in the order of their numbers', async () => {
  const directory = await sampleHistory(1);
  expect(nextName(directory, '2026-11-17')).toBe('2026-11-17-2');
  expect(nextName(directory, '2026-11-18')).toBe('2026-11-18-1');
  const night = JSON.parse(readFileSync(join(directory, nightNames[0], 'night.json'), 'utf8')) as Night;
  for (const number of [10, 9]) writeNight(directory, { ...night, name: `2026-11-17-${number}` });
  expect(readHistory(directory).nights.map(({ name }) => name)).toEqual([
    '2026-11-17-1',
    '2026-11-17-9',
    '2026-11-17-10',
  ]);
  expect(nextName(directory, '2026-11-17')).toBe('2026-11-17-11');
});
