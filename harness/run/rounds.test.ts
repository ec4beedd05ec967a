import { expect, test } from '@playwright/test';
import { planRuns } from './conformance.ts';
import { conformancePlan } from '../../plan/plan.ts';
import { nextRound } from './rounds.ts';
import { revisions } from '../../uapi/revision.ts';

test('should give each cell a case first, then what the measured speed says will fit, and never more than was asked for', () => {
  expect(nextRound({ done: 0, runs: 64, elapsedMs: 0, timeMs: 1 })).toBe(1);
  // 10 s for one case a cell: eight more of them fit into 80 % of the 100 s that are left, but so much is not believed
  // at once.
  expect(nextRound({ done: 1, runs: 64, elapsedMs: 10_000, timeMs: 110_000 })).toBe(5);
  expect(nextRound({ done: 5, runs: 64, elapsedMs: 50_000, timeMs: 110_000 })).toBe(9);
  expect(nextRound({ done: 5, runs: 6, elapsedMs: 50_000, timeMs: 110_000 })).toBe(6);
  expect(nextRound({ done: 5, runs: 64, elapsedMs: 50_000, timeMs: 55_000 })).toBe(5);
  expect(nextRound({ done: 5, runs: 64, elapsedMs: 70_000, timeMs: 55_000 })).toBe(5);
});

test('should draw in rounds the cases that one run draws, each once and under a number of its own', () => {
  const cells = conformancePlan(revisions.r3).filter(({ rule }) => rule.startsWith('map/'));
  const whole = planRuns(cells, { seed: 5, runs: 3 });
  const rounds = [
    planRuns(cells, { seed: 5, runs: 1 }),
    planRuns(cells, { seed: 5, runs: 3, from: 1, firstN: whole.length / 3 }),
  ];
  const keys = (runs: typeof whole): string[] =>
    runs
      .map(
        ({ cell, case: value }) =>
          `${cell.id} ${JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? `${one}n` : one))}`,
      )
      .sort();
  expect(keys(rounds.flat())).toEqual(keys(whole));
  expect(rounds.flat().map(({ n }) => n)).toEqual(whole.map(({ n }) => n));
});
