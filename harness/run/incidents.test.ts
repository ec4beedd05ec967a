import { expect, test } from '@playwright/test';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MOST_INCIDENTS, type RunSummary } from '../../model/run-summary.ts';
import { sampleCases } from '../../reproducers/testing/samples.ts';
import { noteIncident } from './incidents.ts';

const empty = (): RunSummary => ({ notices: [] }) as unknown as RunSummary;
const incident = (n: number) => ({
  reason: `the kernel panicked: number ${n}`,
  when: 'while no case was running',
  log: ['Kernel panic'],
  candidates: [],
});

test('should keep a hundred incidents and as many notices, and count the others', () => {
  const summary = empty();
  for (let n = 0; n < MOST_INCIDENTS + 3; n += 1) noteIncident(summary, '/nowhere', incident(n));
  for (let n = 0; n < MOST_INCIDENTS + 1; n += 1) noteIncident(summary, '/nowhere', { ...incident(n), notice: true });
  expect(summary.incidents).toHaveLength(MOST_INCIDENTS);
  expect(summary.notices).toHaveLength(MOST_INCIDENTS);
  expect(summary.omitted).toEqual({ incidents: 3, notices: 1 });
});

test('should neither keep nor count what is the same again', () => {
  const summary = empty();
  for (let n = 0; n < MOST_INCIDENTS + 3; n += 1) noteIncident(summary, '/nowhere', incident(1));
  expect(summary.incidents).toHaveLength(1);
  expect(summary).not.toHaveProperty('omitted');
});

test('should write the case beside the findings where one shows it that is none of the run', () => {
  const directory = mkdtempSync(join(tmpdir(), 'iomapfuzz-incidents-'));
  try {
    const summary = empty();
    const [value] = Object.values(sampleCases);
    noteIncident(summary, directory, {
      ...incident(1),
      shownBy: { case: value!, reliability: { shown: 1, of: 2 }, finding: '01234567' },
    });
    expect(existsSync(join(directory, summary.incidents![0]!.shownBy!.file))).toBe(true);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
