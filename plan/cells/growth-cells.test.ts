import { expect, test } from '@playwright/test';
import { byteOf } from '../../model/pattern.ts';
import { judge } from '../../oracles/judge.ts';
import { runIdeal } from '../../oracles/testing/ideal-kernel.ts';
import { casesOf, conformancePlan } from '../plan.ts';
import { revisions } from '../../uapi/revision.ts';

const cells = conformancePlan(revisions.r3).filter(({ id, cases }) => id.startsWith('growth/') && cases);

/** Whether what a writer writes in [offset, end) is not what a device holds there, wherever the blocks are. */
function isSeen(writer: number, offset: bigint, end: bigint): boolean {
  for (let at = offset; at < end; at += 1n) {
    // The byte of a word that names the kind of owner.
    if (
      at % 8n === 6n &&
      byteOf({ kind: 'writer', writer, offsetBytes: at }) !== byteOf({ kind: 'device', device: 0, offsetBytes: at })
    )
      return true;
  }
  return false;
}

test('should write nothing that a device may hold already, so that a write that is lost is seen', () => {
  let writes = 0;
  for (const cell of cells) {
    for (const {
      case: { workload },
      note,
    } of [1, 2, 3].flatMap((seed) => casesOf(cell, { seed, runs: 2 }))) {
      for (const step of workload) {
        if (step.call !== 'pwrite' && step.call !== 'mmapWrite') continue;
        writes += 1;
        expect(
          isSeen(step.writer, step.offset, step.offset + BigInt(step.lengthBytes)),
          `${cell.id}: ${note}, ${step.call} at ${step.offset}`,
        ).toBe(true);
      }
    }
  }
  expect(writes).toBeGreaterThan(100);
  expect([isSeen(1, 0x50ffn, 0x5100n), isSeen(1, 0x50f8n, 0x5100n)]).toEqual([false, true]);
});

test('should conform on a kernel that follows the rules', () => {
  for (const cell of cells) {
    for (const { case: testCase, note } of casesOf(cell, { seed: 5, runs: 2 }))
      expect(judge(testCase, runIdeal(testCase)).kind, `${cell.id}: ${note}`).toBe('conforms');
  }
});
