import { expect, test } from '@playwright/test';
import { madeCase, observed } from '../../oracles/testing/hand-made.ts';
import type { Case } from '../../model/case.ts';
import { keptBytes, logBytes, notifiedRecord, type PackedObservation } from '../../model/exchange-record.ts';
import { runIdeal } from '../../oracles/testing/ideal-kernel.ts';
import { packObservation } from './testing/pack.ts';
import { GarbageError } from '../../model/codec.ts';
import type { Observation, StepResult, TranscriptCut } from '../../model/observation.ts';
import { checkCut, checkShape } from './observation-shape.ts';

const done: StepResult = { ret: 0n, errno: 0 };
const fsync = { call: 'fsync', fd: 0 } as const;
const frozen = madeCase([
  { call: 'freeze', fd: 0 },
  { call: 'pwrite', fd: 0, offset: 0n, lengthBytes: 4096, writer: 0 },
  fsync,
]);
const plain = madeCase([fsync, fsync, fsync]);
/** So many steps beside the open, and where it says that it ends. */
const seen = (steps: number, cut?: TranscriptCut): Observation => ({
  ...observed({ results: Array.from({ length: steps }, () => done) }),
  ...(cut && { cut }),
});
const atStep = (
  step: number,
  why: TranscriptCut['why'] = 'frozen',
  exchanges = why === 'frozen' ? 0 : 1,
): TranscriptCut => ({ step, exchanges, why });
const write = { call: 'pwrite', fd: 0, offset: 0n, lengthBytes: 4096, writer: 0 } as const;
const refused: StepResult = { ret: -1n, errno: 16 };

test('should take an observation of all steps, or of those before one that would wait for a thaw', () => {
  checkShape(plain, seen(3));
  checkShape(frozen, seen(1, atStep(2)));
  checkShape(plain, seen(3, atStep(2, 'room')));
});

test('should not take one that leaves steps out without that reason', () => {
  const cases: [Case, Observation][] = [
    [plain, seen(2)],
    [plain, seen(4)],
    [plain, seen(1, atStep(2))],
    [plain, seen(1, atStep(2, 'room'))],
    [frozen, seen(0, atStep(1))],
    [frozen, seen(3, atStep(2))],
    [frozen, seen(3, atStep(4))],
    [plain, seen(3, atStep(5, 'room'))],
    [plain, seen(3, atStep(2, 'room', 0))],
    [frozen, seen(1, atStep(2, 'frozen', 5))],
    // It did not freeze; it was thawed, by the call and by the close of the file; the step does not wait.
    [frozen, { ...seen(0, atStep(2)), steps: [done, refused] }],
    [madeCase([{ call: 'freeze', fd: 0 }, { call: 'thaw', fd: 0 }, write]), seen(2, atStep(3))],
    [madeCase([{ call: 'freeze', fd: 0 }, { call: 'close', fd: 0 }, write]), seen(2, atStep(3))],
    [
      madeCase([
        { call: 'freeze', fd: 0 },
        { call: 'fstat', fd: 0 },
      ]),
      seen(1, atStep(2)),
    ],
  ];
  for (const [testCase, wrong] of cases)
    expect(() => {
      checkShape(testCase, wrong);
    }, JSON.stringify(wrong.cut)).toThrow(GarbageError);
});

const packed = (testCase: Case, change: Partial<PackedObservation>): PackedObservation => ({
  ...packObservation(testCase, runIdeal(testCase)),
  ...change,
});
const room = (bytes: number): Partial<PackedObservation> => ({
  transcript: Buffer.alloc(bytes),
  cut: { seq: 9, exchanges: 1, why: 'room' },
});

test('should believe that exchanges found no room only where the log is nearly full', () => {
  checkCut(plain, packed(plain, room(logBytes - 2 * keptBytes)));
  for (const bytes of [0, 1 << 20, logBytes - 4 * keptBytes])
    expect(() => {
      checkCut(plain, packed(plain, room(bytes)));
    }, String(bytes)).toThrow(/there was room for more/);
});

test('should believe that a case made too many requests only where it can need so many, and that many were served', () => {
  const walks = madeCase([{ call: 'fiemap', fd: 0, start: 0n, lengthBytes: 1n << 40n, flags: 0, extents: 4 }]);
  const cut = { seq: 9, exchanges: 1, why: 'count' as const };
  const asked = notifiedRecord(1, 0, []);
  const record = Buffer.alloc(32);
  record.writeUInt32LE(16, 0);
  record.writeInt32LE(-1, 4);
  const served = (count: number): Partial<PackedObservation> => ({
    transcript: Buffer.concat([asked, ...Array.from({ length: count }, () => record)]),
    cut,
  });
  checkCut(walks, packed(walks, served(20_001)));
  expect(() => {
    checkCut(walks, packed(walks, served(40)));
  }).toThrow(/only 40 requests of 20000 were served/);
  expect(() => {
    checkShape(plain, seen(3, atStep(2, 'count')));
  }).toThrow(GarbageError);
});
