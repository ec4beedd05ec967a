/** Reports of refusals for which the rules name no words: any that are not another rule's. */
import { expect, test } from '@playwright/test';
import { casesOf, conformancePlan } from './plan.ts';
import { judge } from '../oracles/judge.ts';
import { runIdeal } from '../oracles/testing/ideal-kernel.ts';
import type { Verdict } from '../model/verdict.ts';
import { revisions } from '../uapi/revision.ts';

const plan = conformancePlan(revisions.r3);

/** The first case of a cell of this rule whose kernel reports once, with these words in place of its own. */
function saying(rule: string, condition: string): Verdict {
  for (const cell of plan.filter((one) => one.reaches?.startsWith(rule) && one.cases && one.border === 'violating')) {
    for (const { case: testCase } of casesOf(cell, { seed: 1, runs: 1 })) {
      const seen = runIdeal(testCase);
      if (seen.events.length !== 1 || seen.events[0]!.kind !== 'bad-data' || judge(testCase, seen).kind !== 'conforms')
        continue;
      return judge(testCase, { ...seen, events: [{ ...seen.events[0]!, condition }] });
    }
  }
  throw new Error(`no case of ${rule} reports once`);
}

for (const rule of ['begin/atomic-on-storage', 'inval/ino-matches', 'upsert/within-device']) {
  test(`should not take the words of another rule for a report of ${rule}, and any others`, () => {
    expect(saying(rule, 'map->length == 0')).toMatchObject({
      kind: 'deviates',
      deviations: [{ rule, aspect: 'trace-event' }],
    });
    expect(saying(rule, 'something that this kernel finds wrong').kind).toBe('conforms');
  });
}

test('should take the words of a device that is not known for one that is too small', () => {
  expect(saying('upsert/within-device', 'ret == NULL').kind).toBe('conforms');
});
