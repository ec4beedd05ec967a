import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import { judge } from '../oracles/judge.ts';
import { runIdeal } from '../oracles/testing/ideal-kernel.ts';
import { revisions } from '../harness/uapi/revision.ts';
import { fileSequence, sequenceModes } from './file-sequence.ts';
import { geometriesOf } from './fuzz-geometry.ts';

const sample = (mode: (typeof sequenceModes)[number], numRuns: number, wrong?: number) => Array.from({ length: 4 }, (_, n) => n).flatMap((n) => fc.sample(
  fileSequence({ revision: revisions.r3, geometry: geometriesOf(5, n)[n]!, mode, ...(wrong !== undefined && { wrong }) }), { seed: 100 + n, numRuns: numRuns / 4 }));

for (const mode of sequenceModes) {
  test(`should make ${mode} sequences that a kernel which follows the rules passes`, () => {
    test.setTimeout(120_000);
    let unspecified = 0;
    for (const { case: value, note } of sample(mode, 200)) {
      try {
        expect(judge(value, runIdeal(value)), note).toEqual({ kind: 'conforms' });
      } catch (error) {
        if (!(error instanceof Error) || !error.message.startsWith('unspecified')) throw error;
        unspecified += 1;
      }
    }
    // What the rules leave open ends a case's judgement: few are the price of any order.
    expect(unspecified).toBeLessThan(12);
  });

  test(`should draw every syscall of ${mode} sequences, several for one case, several BEGINs for one syscall`, () => {
    const cases = sample(mode, 200).map((planned) => planned.case);
    const calls = new Set(cases.flatMap(({ workload }) => workload.map(({ call }) => call)));
    const common = ['open', 'close', 'pread', 'pwrite', 'ftruncate', 'fallocate', 'fstat', 'fiemap'];
    expect([...calls].sort()).toEqual([...common, ...(mode === 'direct' ? ['seekData', 'seekHole'] : ['fsync', 'mmapRead', 'mmapWrite'])].sort());
    expect(cases.filter(({ workload }) => workload.length > 4).length).toBeGreaterThan(100);
    const begins = cases.map((value) => { try { return runIdeal(value).transcript.filter(({ name }) => name === 'IOMAP_BEGIN').map(({ step }) => step); } catch { return []; } });
    expect(begins.filter((steps) => steps.some((step, index) => steps.indexOf(step) !== index)).length).toBeGreaterThan(60);
  });
}

test('should make nothing wrong when it shall not', () => {
  for (const { case: value } of sample('direct', 60, 0)) {
    expect(value.script.every(({ on, times, reply }) => on === 'IOMAP_BEGIN' && times === undefined && reply.kind === 'mappings')).toBe(true);
  }
});
