import { expect, test } from '@playwright/test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readExpectations, reconcile, type ExpectedDeviation } from './expectations.ts';
import type { FuzzFinding } from './findings.ts';

const known: ExpectedDeviation = { rule: 'map/length-aligned', path: 'fiemap', kernel: '7.3*', reason: 'not repaired yet', link: 'https://example.org/1', expires: '2026-12-31' };
const finding = (rule: string, path: string): FuzzFinding => ({ key: `${rule} ${path}`, rule, path, aspect: 'errno', detail: '', cases: 1, minimised: false, deviations: [], example: undefined as never });
const kernel = { release: '7.3.4-iomap', version: '#1 SMP' };
const at = (today: string, covered: string[] = []) => ({ kernel, covered, today });

test('should take an expected deviation for expected, and its near twins not', () => {
  const all = [finding('map/length-aligned', 'fiemap'), finding('map/length-aligned', 'seek-data'), finding('map/offset-aligned', 'fiemap')];
  const { expected, unexpected, notices } = reconcile(all, [known], at('2026-12-31'));
  expect(expected.map(({ finding: { key } }) => key)).toEqual(['map/length-aligned fiemap']);
  expect(unexpected).toHaveLength(2);
  expect(notices).toEqual([]);
});

test('should fail an expectation that ran out the day before', () => {
  const { unexpected, notices } = reconcile([finding('map/length-aligned', 'fiemap')], [known], at('2027-01-01'));
  expect(unexpected).toHaveLength(1);
  expect(notices.join()).toContain('ran out on 2026-12-31');
});

test('should not apply to another kernel', () => {
  expect(reconcile([finding('map/length-aligned', 'fiemap')], [{ ...known, kernel: '7.4*' }], at('2026-12-01')).unexpected).toHaveLength(1);
});

test('should report an expected deviation that does not happen, but only where it was tried', () => {
  expect(reconcile([], [known], at('2026-12-01', ['map/length-aligned fiemap'])).notices.join()).toContain('did not happen');
  expect(reconcile([], [known], at('2026-12-01', ['map/length-aligned seek-data'])).notices).toEqual([]);
});

test('should say what is wrong with a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'expectations-'));
  try {
    const file = join(folder, 'known.json');
    const read = (text: string) => { writeFileSync(file, text); return () => readExpectations(file); };
    expect(read(JSON.stringify({ schema: 1, expectations: [known] }))()).toEqual([known]);
    expect(read('{')).toThrow(/no JSON/);
    expect(read(JSON.stringify({ schema: 1, expectations: [{ ...known, expires: 'soon' }] }))).toThrow(/expectations\.0\.expires/);
    expect(() => readExpectations(join(folder, 'absent.json'))).toThrow(/cannot be read/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
