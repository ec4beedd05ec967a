import { expect, test } from '@playwright/test';
import { sampleCases } from '../../oracles/testing/sample-cases.ts';
import type { Observation } from '../../model/observation.ts';
import { verdictOf } from './conformance.ts';
import { simulatedFacts } from './testing/simulated-guests.ts';

const cell = { id: '', rule: '', path: 'direct-read' as const };
const [{ of: testCase, ideal }] = sampleCases(1, 1) as [ReturnType<typeof sampleCases>[number]];

test('should lose the verdict on one case, not the run, where what was seen cannot be judged', () => {
  const garbled = { ...ideal, transcript: [null] } as unknown as Observation;
  expect(verdictOf({ cell, case: testCase }, { kind: 'observed', observation: garbled }, simulatedFacts)).toEqual({
    kind: 'lost',
    reason: expect.stringContaining('a bug of iomapfuzz') as unknown,
  });
  expect(verdictOf({ cell, case: testCase }, { kind: 'observed', observation: ideal }, simulatedFacts)).toMatchObject({
    kind: 'conforms',
  });
});

test.describe('a kernel without optional parts', () => {
  const failed = { kind: 'failed' as const, reason: 'the guest has no such disk' };
  const atomic = {
    ...testCase,
    geometry: { ...testCase.geometry, devices: [{ sizeBytes: 1 << 20, access: 'rw' as const, atomic: true as const }] },
  };
  const swap = { ...testCase, workload: [{ call: 'swapon' as const, file: 0 }] };

  test('should not run cases that need a device for atomic writes where it has none, and should lose them where it has', () => {
    expect(verdictOf({ cell, case: atomic }, failed, { ...simulatedFacts, atomicDevices: false })).toEqual({
      kind: 'not-run',
      reason: expect.stringContaining('CONFIG_SCSI_DEBUG') as unknown,
    });
    expect(verdictOf({ cell, case: atomic }, failed, { ...simulatedFacts, atomicDevices: true })).toMatchObject({
      kind: 'lost',
    });
    expect(verdictOf({ cell, case: testCase }, failed, { ...simulatedFacts, atomicDevices: false })).toMatchObject({
      kind: 'lost',
    });
  });
  test('should not judge swap files where it cannot swap, and judge them where it can', () => {
    const refused: Observation = { ...ideal, transcript: [], steps: [{ ret: -1n, errno: 38 }] };
    expect(
      verdictOf({ cell, case: swap }, { kind: 'observed', observation: refused }, { ...simulatedFacts, swap: false }),
    ).toEqual({ kind: 'not-run', reason: expect.stringContaining('CONFIG_SWAP') as unknown });
    expect(
      verdictOf({ cell, case: swap }, { kind: 'observed', observation: refused }, { ...simulatedFacts, swap: true }),
    ).not.toMatchObject({ kind: 'not-run' });
    expect(
      verdictOf({ cell, case: testCase }, { kind: 'observed', observation: ideal }, { ...simulatedFacts, swap: false }),
    ).toMatchObject({ kind: 'conforms' });
  });
});
