/**
 * Kernels that leave old bytes in a file that grows, or behind its end, against the whole plan: the cells about that
 * must fail, and which others may.
 */
import { expect, test } from '@playwright/test';
import { judge } from '../oracles/judge.ts';
import { EndlessWalk } from '../oracles/kernel/scripted-server.ts';
import { runIdeal } from '../oracles/testing/ideal-kernel.ts';
import { LeakyPageCache, type Leak } from '../oracles/testing/leaky-page-cache.ts';
import type { Case } from '../model/case.ts';
import { casesOf, conformancePlan, type PlanCell } from './plan.ts';
import { revisions } from '../uapi/revision.ts';

const planned = conformancePlan(revisions.r3).filter(({ cases }) => cases);
const growth = planned.filter(({ rule }) => rule.startsWith('growth/'));

/** Whether the rules catch such a kernel by the case; where the model cannot follow it, it does not. */
function catches(testCase: Case, leak: Leak): boolean {
  try {
    return (
      judge(testCase, runIdeal(testCase, { pageCache: () => new LeakyPageCache(testCase, leak) })).kind === 'deviates'
    );
  } catch (error) {
    if (error instanceof EndlessWalk || (error instanceof Error && error.message.startsWith('unspecified')))
      return false;
    throw error;
  }
}

/** Of each cell: how many of its cases catch the kernel, and how many there are. */
const caught = (cells: readonly PlanCell[], leak: Leak): { cell: PlanCell; count: number; all: number }[] =>
  cells.map((cell) => {
    const cases = casesOf(cell, { seed: 5, runs: 1 });
    return { cell, count: cases.filter(({ case: testCase }) => catches(testCase, leak)).length, all: cases.length };
  });
const name = ({ rule, path }: PlanCell): string => `${rule} ${path}`;
const byAll = (found: ReturnType<typeof caught>): string[] =>
  found.filter(({ count, all }) => count === all).map(({ cell }) => name(cell));

test.describe('a kernel that', () => {
  test('does not zero what becomes part of a file should fail on every case of every way to grow', () => {
    expect(byAll(caught(growth, 'grown'))).toEqual(growth.map(name));
  });

  test('leaves what its device holds behind the end of a file that grew should fail on every case that maps it, and on nothing else', () => {
    const found = caught(planned, 'rest').filter(({ count }) => count > 0);
    expect(byAll(found)).toEqual(growth.filter(({ rule }) => rule === 'growth/behind-eof').map(name));
    expect(found.filter(({ cell }) => cell.rule !== 'growth/behind-eof').map(({ cell }) => cell.id)).toEqual([]);
  });

  test('does not zero again where a file that grows ended when it grew before should fail on every such case, and on hardly anything else', () => {
    const found = caught(planned, 'grown again').filter(({ count }) => count > 0);
    // A direct write ends at a block; what the server copies the page cache does not have.
    const rest = ['direct-write', 'copy'];
    expect(byAll(found).filter((one) => one.startsWith('growth/'))).toEqual(
      growth.filter(({ path }) => !rest.includes(path)).map(name),
    );
    expect([...new Set(found.map(({ cell }) => cell.rule))].sort()).toEqual([
      'growth/behind-eof',
      'growth/content',
      'truncate/stored-behind',
    ]);
  });
});
