import { expect, test } from '@playwright/test';
import { sampleCases } from '../../oracles/testing/sample-cases.ts';
import type { Observation } from '../model/observation.ts';
import { verdictOf } from './conformance.ts';
import { simulatedFacts } from './testing/simulated-guests.ts';

const cell = { id: '', rule: '', path: 'direct-read' as const };
const [{ of, ideal }] = sampleCases(1, 1) as [ReturnType<typeof sampleCases>[number]];

test('should lose the verdict on one case, not the run, where what was seen cannot be judged', () => {
  const garbled = { ...ideal, transcript: [null] } as unknown as Observation;
  expect(verdictOf({ cell, case: of }, { kind: 'observed', observation: garbled }, simulatedFacts))
    .toEqual({ kind: 'lost', reason: expect.stringContaining('a bug of iomapfuzz') as unknown });
  expect(verdictOf({ cell, case: of }, { kind: 'observed', observation: ideal }, simulatedFacts)).toMatchObject({ kind: 'conforms' });
});
