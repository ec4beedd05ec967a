/** A kernel whose numbers are others than those of the table: it is planned for, asked and judged by its own. */
import { expect, test } from '@playwright/test';
import { encodeTableCase } from '../../model/table-case.ts';
import { judge, rulesReached } from '../../oracles/judge.ts';
import { runIdeal } from '../../oracles/testing/ideal-kernel.ts';
import { casesOf, conformancePlan } from '../../plan/plan.ts';
import type { PlannedCase } from '../../generators/reply-case.ts';
import { revisionWith } from '../../uapi/numbers.ts';
import { FuzzCases } from './fuzz/cases.ts';
import { describeSlot } from './fuzz/slots.ts';
import { Backlog } from './backlog.ts';
import { tableCaseOf } from './table/compile.ts';
import { unpackObservation } from './unpack.ts';
import { packObservation } from './testing/pack.ts';
import { movedNumbers } from './testing/moved-numbers.ts';
import { simulatedFacts } from './testing/simulated-guests.ts';

const numbers = movedNumbers();
const revision = revisionWith('r3', numbers);
const facts = { ...simulatedFacts, numbers };
const [{ case: testCase }] = casesOf(
  conformancePlan(revision).find(({ id }) => id.startsWith('map/length-nonzero@read direct-read legal'))!,
  { seed: 1, runs: 1 },
) as [PlannedCase];

// The bit matters where connections begin.
for (const [initBit, paths] of [
  [55, /./],
  [20, /^mount$/],
] as const) {
  test(`should judge what a kernel with other numbers does in each cell of the plan, its INIT bit being ${initBit}`, () => {
    test.setTimeout(120_000);
    const its = movedNumbers(initBit);
    const wrong = conformancePlan(revisionWith('r3', its))
      .filter(({ path }) => paths.test(path))
      .flatMap((cell): object[] =>
        casesOf(cell, { seed: 4, runs: 1 })
          .slice(0, 2)
          .flatMap(({ case: drawnCase, note }): object[] => {
            const seen = runIdeal(drawnCase, { revision: revisionWith('r3', its) });
            const options = { facts: { ...simulatedFacts, numbers: its } };
            const verdict = judge(drawnCase, seen, options);
            const reached = rulesReached(drawnCase, seen, options);
            const right =
              verdict.kind === 'conforms' &&
              (cell.reaches === undefined ||
                (cell.border === 'violating' ? reached.join() === cell.reaches : !reached.includes(cell.reaches)));
            return right ? [] : [{ cell: cell.id, note, verdict, reached }];
          }),
      );
    expect(wrong).toEqual([]);
  });
}

test('should say of such a kernel that it deviates when it is judged by the table, and the other way round', () => {
  const its = runIdeal(testCase, { revision });
  const ofTable = runIdeal(testCase);
  expect(judge(testCase, its, { facts })).toMatchObject({ kind: 'conforms' });
  expect(judge(testCase, ofTable)).toMatchObject({ kind: 'conforms' });
  for (const [seen, options] of [
    [its, {}],
    [ofTable, { facts }],
  ] as const)
    expect(judge(testCase, seen, options)).toMatchObject({
      kind: 'deviates',
      deviations: expect.arrayContaining([expect.objectContaining({ rule: 'init/offers-iomap' })]),
    });
});

test('should not judge by a minor of which the header says nothing, and by one before fuse-iomap as ever', () => {
  const answered = (initMinor: number) => ({ ...testCase, geometry: { ...testCase.geometry, initMinor } });
  const judged = (initMinor: number, seen = runIdeal(testCase, { revision })) =>
    judge(answered(initMinor), seen, { facts });
  expect(judged(120)).toMatchObject({ kind: 'conforms' });
  expect(judged(99)).toMatchObject({ kind: 'unspecified', reason: expect.stringContaining('of a server of minor 99') });
  // Of that one it is known: its files are ordinary ones, as the plan's case of it shows.
  expect(judged(46)).not.toMatchObject({ reason: expect.stringContaining('of a server of minor') });
});

test('should know a request by the opcode of its kernel', () => {
  const packed = packObservation(testCase, runIdeal(testCase, { revision }), revision);
  const names = (by: typeof revision): string[] => unpackObservation(packed, by).transcript.map(({ name }) => name);
  expect(names(revision)).toContain('IOMAP_BEGIN');
  expect(names(revisionWith('r3', undefined))).not.toContain('IOMAP_BEGIN');
});

test('should tell the guest the numbers with every batch, and write tables by them', () => {
  const cases = conformancePlan(revision)
    .filter(({ id }) => id.startsWith('map/length-nonzero@read direct-read'))
    .flatMap((cell) => casesOf(cell, { seed: 1, runs: 4 }))
    .map(({ case: one }) => one);
  const next = (its?: typeof numbers) =>
    new Backlog(cases, { batchSize: 64, tables: true, numbers: its }).next(0)!.message;
  const message = next(numbers);
  expect(message).toMatchObject({ kind: 'run-table', numbers });
  expect(next()).not.toHaveProperty('numbers');
  const tables = [revision, revisionWith('r3', undefined)].map((by) => encodeTableCase(tableCaseOf(cases[0]!, by)!, 0));
  expect(tables[0]).not.toEqual(tables[1]);
  expect(message.kind === 'run-table' && Buffer.from(message.cases).includes(tables[0]!.subarray(32))).toBe(true);
  expect(new Backlog(cases, { batchSize: 64, tables: false, numbers }).next(0)!.message).toMatchObject({
    kind: 'run-cases',
    numbers,
  });
});

test('should draw cases that are right for the numbers, and the same as ever for those of the table', () => {
  const options = { seed: 1, revision: 'r3', version: '0' } as const;
  const [plain, its] = [new FuzzCases(options), new FuzzCases({ ...options, numbers })];
  const all = [...Array(400).keys()];
  expect(
    all.filter((n) => JSON.stringify(describeSlot(plain.slotAt(n))) !== JSON.stringify(describeSlot(its.slotAt(n)))),
  ).toEqual([]);
  const wrong = all.filter((n) => {
    const { case: drawn } = its.at(n);
    const verdict = judge(drawn, runIdeal(drawn, { revision }), { facts });
    return verdict.kind !== 'conforms' && verdict.kind !== 'unspecified';
  });
  expect(wrong).toEqual([]);
});
