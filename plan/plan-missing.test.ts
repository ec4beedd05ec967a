/**
 * What a kernel leaves out is named, whichever of its liberties it takes: a reading that ends early explains less than
 * one that goes on.
 */
import { expect, test } from '@playwright/test';
import { judge } from '../oracles/judge.ts';
import { runIdeal } from '../oracles/testing/ideal-kernel.ts';
import { interpret } from '../oracles/kernel/interpret.ts';
import type { Case } from '../model/case.ts';
import { causesOf } from '../model/finding/cause.ts';
import type { Observation } from '../model/observation.ts';
import { casesOf, conformancePlan } from './plan.ts';
import { revisions } from '../uapi/revision.ts';

const plan = conformancePlan(revisions.r3);

const caseOf = (cell: string): Case =>
  casesOf(
    plan.find(({ id }) => id === cell)!,
    { seed: 1, runs: 1 },
  )[0]!.case;

/**
 * What is found when the kernel, taking its second choice where the rules leave one, does all but send that request.
 */
function foundWithout(cell: string, request: string): string[] {
  const testCase = caseOf(cell);
  const whole = runIdeal(testCase, { choices: [1] });
  expect(judge(testCase, whole).kind).toBe('conforms');
  const index = whole.transcript.findLastIndex(({ name }) => name === request);
  const verdict = judge(testCase, { ...whole, transcript: whole.transcript.filter((_, at) => at !== index) });
  return verdict.kind === 'deviates' ? causesOf(verdict.deviations).map(({ key }) => key) : [];
}

for (const [cell, request, cause] of [
  ['map/device-range-no-overflow@write mmap-write legal', 'FSYNC', 'FSYNC |  | missing | request/fsync'],
  [
    'map/device-range-no-overflow@write mmap-write legal',
    'IOMAP_END',
    'IOMAP_END | write fault | missing | request/end',
  ],
  ['begin/read-covers-pos buffered-write legal', 'FSYNC', 'FSYNC |  | missing | request/fsync'],
  ['type/inline mmap-write', 'IOMAP_IOEND', 'IOMAP_IOEND | writeback | missing | request/writeback-ioend'],
] as const) {
  test(`${cell}: a kernel that sends no ${request} should be told just that`, () => {
    expect(foundWithout(cell, request)).toEqual([cause]);
  });
}

test('should say nothing where the rules leave more readings than are tried, and what is wrong where all were', () => {
  const testCase = caseOf('map/device-range-no-overflow@write mmap-write legal');
  const whole = runIdeal(testCase, { choices: [1] });
  const read = (seen: Observation, most?: number) =>
    interpret(testCase, revisions.r3, seen, () => [], most === undefined ? {} : { mostReadings: most });
  expect(read(whole)).toMatchObject({ deviations: [] });
  expect(read(whole).expectation.unspecified).toBeUndefined();
  expect(read(whole, 1)).toMatchObject({
    deviations: [],
    expectation: { unspecified: expect.stringContaining('more than 1 ways') },
  });
  const silent = { ...whole, transcript: whole.transcript.filter(({ name }) => name !== 'FSYNC') };
  expect(read(silent).deviations).toHaveLength(1);
});
