import { expect, test } from '@playwright/test';
import { judge, rulesReached } from '../oracles/judge.ts';
import { describeRule } from '../oracles/rules/describe.ts';
import { beginTableOf, type BeginTable } from '../oracles/rules/first-violation.ts';
import { EndlessWalk } from '../oracles/kernel/scripted-server.ts';
import { runIdeal } from '../oracles/testing/ideal-kernel.ts';
import { decodeCase, encodeCase } from '../model/case.ts';
import type { Verdict } from '../model/verdict.ts';
import { revisions, type RevisionId } from '../uapi/revision.ts';
import { casesOf, conformancePlan, type PlanCell } from './plan.ts';

const RUNS = 12;
const planned = conformancePlan(revisions.r3);
const exercised = planned.filter((cell) => cell.cases);
/**
 * Rows of map/* and begin/* in the rules' text, less the two that stand for map/* and the retry; and the size of the
 * reply.
 */
const RULES_OF_BEGIN = 20 + (18 - 3) + 1;

for (const id of ['r1', 'r2', 'r3'] as RevisionId[]) {
  test.describe(`the plan of ${id}`, () => {
    const plan = conformancePlan(revisions[id]);

    test('has cells with unique ids, each with cases or a reason', () => {
      expect(new Set(plan.map((cell) => cell.id)).size).toBe(plan.length);
      for (const cell of plan) expect(cell.cases !== undefined, cell.id).toBe(cell.impossible === undefined);
    });

    test('makes cases that a kernel which follows the rules passes, and that reach their rule exactly on its violating side', () => {
      // Collected, since an expect() of Playwright's costs more than a case.
      const wrong = plan.flatMap((cell): object[] =>
        casesOf(cell, { seed: 1, runs: RUNS }).flatMap(({ case: drawnCase, note }): object[] => {
          const seen = runIdeal(drawnCase);
          const verdict = judge(drawnCase, seen);
          if (verdict.kind !== 'conforms') return [{ cell: cell.id, note, verdict }];
          const reached = rulesReached(drawnCase, seen);
          const right =
            cell.reaches === undefined ||
            (cell.border === 'violating' ? reached.join() === cell.reaches : !reached.includes(cell.reaches));
          return right ? [] : [{ cell: cell.id, note, reached }];
        }),
      );
      expect(wrong).toEqual([]);
    });
  });
}

test('every rule of map and begin has its cells', () => {
  const table = beginTableOf(revisions.r3);
  const rules = [...table.reply, ...table.map, ...table.validate, ...table.devices].map((rule) => rule.id);
  expect(rules).toHaveLength(RULES_OF_BEGIN);
  expect([...rules, 'begin/retry'].filter((rule) => !planned.some((cell) => cell.rule === rule))).toEqual([]);
});

test('has words for what every cell is about', () => {
  expect([...new Set(planned.map((cell) => cell.rule))].filter((rule) => describeRule(rule) === undefined)).toEqual([]);
});

test('gives the same cases for the same seed and others for another', () => {
  const cell = exercised[0]!;
  const texts = (seed: number) =>
    JSON.stringify(
      casesOf(cell, { seed, runs: RUNS })
        .map((plannedCase) => encodeCase(plannedCase.case))
        .map((json) => ({ ...json, provenance: undefined })),
    );
  expect(texts(7)).toBe(texts(7));
  expect(texts(7)).not.toBe(texts(8));
});

test('makes cases that survive their JSON form', () => {
  for (const cell of exercised) {
    for (const { case: drawnCase } of casesOf(cell, { seed: 3, runs: 2 }))
      expect(decodeCase(JSON.parse(JSON.stringify(encodeCase(drawnCase))))).toEqual(drawnCase);
  }
});

test.describe('a kernel that lacks one check', () => {
  const without = (rule: string): BeginTable => {
    const keep = <T extends { id: string }>(rows: readonly T[]) => rows.filter((row) => row.id !== rule);
    const table = beginTableOf(revisions.r3);
    return {
      reply: keep(table.reply),
      map: keep(table.map),
      validate: keep(table.validate),
      retryHalves: table.retryHalves,
      devices: keep(table.devices),
    };
  };
  const drawnOf = new Map(
    exercised.map((cell) => [
      cell,
      casesOf(cell, { seed: 5, runs: 2 }).map((planned) => ({
        ...planned,
        reached: rulesReached(planned.case, runIdeal(planned.case)).map((id) => id.replace(/@.*/, '')),
      })),
    ]),
  );
  const fails = (cell: PlanCell, rule: string, table: BeginTable): boolean =>
    drawnOf.get(cell)!.some(({ case: drawnCase, reached }) => {
      // Nothing changes where the check never refused anything.
      if (!reached.includes(rule)) return false;
      let verdict: Verdict;
      try {
        verdict = judge(drawnCase, runIdeal(drawnCase, { table }));
      } catch (error) {
        // Such a kernel hangs, or goes where the model does not follow: not a pass either.
        if (error instanceof EndlessWalk || (error instanceof Error && error.message.startsWith('unspecified')))
          return true;
        throw error;
      }
      // Another rule refuses it by the same errno in words that none has (of an upsert the spec names few): that is not
      // judged, and said.
      return verdict.kind === 'deviates' || (verdict.kind === 'conforms' && verdict.unjudged !== undefined);
    });

  const aboutOneCheck = (cell: PlanCell): boolean =>
    cell.border === 'violating' &&
    /^(map|begin)\//.test(cell.rule) &&
    !['begin/error', 'begin/reply-size'].includes(cell.rule);
  /**
   * Cells of a clause that is about the same check elsewhere: how a device was opened counts for cached mappings, too.
   */
  const alsoAbout: Readonly<Record<string, readonly string[]>> = {
    // A mapping that no rule allows, read ahead; one that is finer than the blocks that CONFIG set.
    'map/type-known': ['read/ahead-refused'],
    'map/length-aligned': ['config/block-size'],
    'begin/device-readable': ['cache/access'],
    'begin/device-writable': ['cache/access'],
  };
  for (const rule of [...new Set(exercised.filter(aboutOneCheck).map((cell) => cell.rule))]) {
    test(`fails on ${rule} and on nothing else`, () => {
      const table = without(rule);
      const failing = exercised.filter((cell) => fails(cell, rule, table));
      const own = failing.filter((cell) => !alsoAbout[rule]?.includes(cell.rule));
      expect(own.filter((cell) => cell.rule !== rule).map((cell) => cell.id)).toEqual([]);
      expect(own.map((cell) => cell.id).sort()).toEqual(
        exercised
          .filter((cell) => cell.rule === rule && cell.border === 'violating')
          .map((cell) => cell.id)
          .sort(),
      );
    });
  }
});
