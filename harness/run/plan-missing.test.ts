/** What a kernel leaves out is named, whichever of its liberties it takes: a reading that ends early explains less than one that goes on. */
import { expect, test } from '@playwright/test';
import { judge } from '../../oracles/judge.ts';
import { runIdeal } from '../../oracles/testing/ideal-kernel.ts';
import { causesOf } from '../model/finding/cause.ts';
import { casesOf, conformancePlan } from './plan.ts';

const plan = conformancePlan('r3');

/** What is found when the kernel, taking its second choice where the rules leave one, does all but send that request. */
function foundWithout(cell: string, request: string): string[] {
  const [{ case: of }] = casesOf(plan.find(({ id }) => id === cell)!, { seed: 1, runs: 1 }) as [ReturnType<typeof casesOf>[number]];
  const whole = runIdeal(of, { choices: [1] });
  expect(judge(of, whole).kind).toBe('conforms');
  const index = whole.transcript.findLastIndex(({ name }) => name === request);
  const verdict = judge(of, { ...whole, transcript: whole.transcript.filter((_, at) => at !== index) });
  return verdict.kind === 'deviates' ? causesOf(verdict.deviations).map(({ key }) => key) : [];
}

for (const [cell, request, cause] of [
  ['map/device-range-no-overflow@write mmap-write legal', 'FSYNC', 'FSYNC |  | missing | request/fsync'],
  ['map/device-range-no-overflow@write mmap-write legal', 'IOMAP_END', 'IOMAP_END | write fault | missing | request/end'],
  ['begin/read-covers-pos buffered-write legal', 'FSYNC', 'FSYNC |  | missing | request/fsync'],
  ['type/inline mmap-write', 'IOMAP_IOEND', 'IOMAP_IOEND | writeback | missing | request/writeback-ioend'],
] as const) {
  test(`${cell}: a kernel that sends no ${request} should be told just that`, () => {
    expect(foundWithout(cell, request)).toEqual([cause]);
  });
}
