import { expect, test } from '@playwright/test';
import { madeCase, observed } from '../../oracles/testing/hand-made.ts';
import type { Case } from '../../model/case.ts';
import { GarbageError } from '../../model/codec.ts';
import type { Observation, StepResult, TranscriptCut } from '../../model/observation.ts';
import { checkShape } from './observation-shape.ts';

const done: StepResult = { ret: 0n, errno: 0 };
const fsync = { call: 'fsync', fd: 0 } as const;
const frozen = madeCase([{ call: 'freeze', fd: 0 }, { call: 'pwrite', fd: 0, offset: 0n, lengthBytes: 4096, writer: 0 }, fsync]);
const plain = madeCase([fsync, fsync, fsync]);
/** So many steps beside the open, and where it says that it ends. */
const seen = (steps: number, cut?: TranscriptCut): Observation => ({ ...observed({ results: Array.from({ length: steps }, () => done) }), ...(cut && { cut }) });
const atStep = (step: number, why: TranscriptCut['why'] = 'frozen', exchanges = why === 'frozen' ? 0 : 1): TranscriptCut => ({ step, exchanges, why });
const write = { call: 'pwrite', fd: 0, offset: 0n, lengthBytes: 4096, writer: 0 } as const;
const refused: StepResult = { ret: -1n, errno: 16 };

test('should take an observation of all steps, or of those before one that would wait for a thaw', () => {
  checkShape(plain, seen(3));
  checkShape(frozen, seen(1, atStep(2)));
  checkShape(plain, seen(3, atStep(2, 'room')));
});

test('should not take one that leaves steps out without that reason', () => {
  const cases: [Case, Observation][] = [
    [plain, seen(2)], [plain, seen(4)], [plain, seen(1, atStep(2))], [plain, seen(1, atStep(2, 'room'))], [frozen, seen(0, atStep(1))], [frozen, seen(3, atStep(2))], [frozen, seen(3, atStep(4))],
    [plain, seen(3, atStep(5, 'room'))], [plain, seen(3, atStep(2, 'room', 0))], [frozen, seen(1, atStep(2, 'frozen', 5))],
    // It did not freeze; it was thawed, by the call and by the close of the file; the step does not wait.
    [frozen, { ...seen(0, atStep(2)), steps: [done, refused] }],
    [madeCase([{ call: 'freeze', fd: 0 }, { call: 'thaw', fd: 0 }, write]), seen(2, atStep(3))],
    [madeCase([{ call: 'freeze', fd: 0 }, { call: 'close', fd: 0 }, write]), seen(2, atStep(3))],
    [madeCase([{ call: 'freeze', fd: 0 }, { call: 'fstat', fd: 0 }]), seen(1, atStep(2))],
  ];
  for (const [of, wrong] of cases) expect(() => { checkShape(of, wrong); }, JSON.stringify(wrong.cut)).toThrow(GarbageError);
});
