import { expect, test } from '@playwright/test';
import { madeCase, observed } from '../../oracles/testing/hand-made.ts';
import type { Case } from '../../model/case.ts';
import type { GuestMessage } from '../../model/channel.ts';
import { GarbageError } from '../../model/codec.ts';
import type { Observation, StepResult } from '../../model/observation.ts';
import { takeAnswers } from './answers.ts';
import type { Batch } from './backlog.ts';
import { packObservation } from './testing/pack.ts';

const done: StepResult = { ret: 0n, errno: 0 },
  busy: StepResult = { ret: -1n, errno: 16 };
const testCase = madeCase([
  { call: 'freeze', fd: 0 },
  { call: 'pwrite', fd: 0, offset: 0n, lengthBytes: 4096, writer: 0 },
  { call: 'fsync', fd: 0 },
]);

/** What the host makes of a guest's answer to that case. */
function taken(value: Case, seen: Observation): Observation | undefined {
  const batch = { id: 1, table: false, size: 1, left: new Set([0]), begun: new Set([0]) } as unknown as Batch;
  const message: GuestMessage = { kind: 'case-done', id: 1, index: 0, observation: packObservation(value, seen) };
  const outcome = takeAnswers(batch, message, [value]).executed[0]?.outcome;
  return outcome?.kind === 'observed' ? outcome.observation : undefined;
}
const ended = (frozen: StepResult): Observation => ({
  ...observed({ results: [frozen] }),
  cut: { step: 2, exchanges: 0, why: 'frozen' },
});

test('should take what was seen of a case until it would have waited for a thaw', () => {
  expect(taken(testCase, ended(done))).toMatchObject({
    steps: [done, done],
    cut: { step: 2, exchanges: 0, why: 'frozen' },
  });
});

test('should not take it where the freeze failed, nor steps that are left out without a word', () => {
  expect(() => taken(testCase, ended(busy))).toThrow(GarbageError);
  const { cut: _cut, ...silent } = ended(done);
  expect(() => taken(testCase, silent)).toThrow(GarbageError);
});
