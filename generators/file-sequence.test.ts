import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import type { Case } from '../model/case.ts';
import type { DeviceChange, Exchange, Observation } from '../model/observation.ts';
import { judge } from '../oracles/judge.ts';
import { runIdeal } from '../oracles/testing/ideal-kernel.ts';
import { LeakyPageCache, type Leak } from '../oracles/testing/leaky-page-cache.ts';
import { SETATTR_VALID } from '../uapi/fuse-flags.ts';
import { attrOut } from '../uapi/fuse-structs.ts';
import { revisions } from '../uapi/revision.ts';
import { min } from '../uapi/units.ts';
import { fileSequence, sequenceModes } from './file-sequence.ts';
import { geometriesOf } from './fuzz-geometry.ts';

const sample = (mode: (typeof sequenceModes)[number], numRuns: number, wrong?: number) =>
  Array.from({ length: 4 }, (_, n) => n).flatMap((n) =>
    fc.sample(
      fileSequence({
        revision: revisions.r3,
        geometry: geometriesOf(5, n)[n]!,
        mode,
        ...(wrong !== undefined && { wrong }),
      }),
      { seed: 100 + n, numRuns: numRuns / 4 },
    ),
  );

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
    const common = ['open', 'close', 'pread', 'pwrite', 'ftruncate', 'fallocate'];
    const own = {
      direct: ['fstat', 'fiemap', 'seekData', 'seekHole'],
      buffered: ['fstat', 'fiemap', 'fsync', 'mmapRead', 'mmapWrite'],
      growing: ['fsync', 'fadvise', 'mmapRead', 'mmapWrite'],
      mixed: ['fstat', 'fiemap', 'fsync', 'fadvise', 'mmapRead', 'mmapWrite'],
    };
    expect([...calls].sort()).toEqual([...common, ...own[mode]].sort());
    expect(cases.filter(({ workload }) => workload.length > 4).length).toBeGreaterThan(100);
    const begins = cases.map((value) => {
      try {
        return runIdeal(value)
          .transcript.filter(({ name }) => name === 'IOMAP_BEGIN')
          .map(({ step }) => step);
      } catch {
        return [];
      }
    });
    expect(begins.filter((steps) => steps.some((step, index) => steps.indexOf(step) !== index)).length).toBeGreaterThan(
      60,
    );
  });
}

/** What a kernel with a fault would show, each with the sequences that can show it; undefined: this one cannot. */
const FAULTS: Readonly<Record<string, (seen: Observation, value: Case) => Observation | undefined>> = {
  'loses what was written': (seen) =>
    seen.deviceChanges.some(isWritten)
      ? { ...seen, deviceChanges: seen.deviceChanges.filter((change) => !isWritten(change)) }
      : undefined,
  'writes what was written to another place': (seen) =>
    seen.deviceChanges.some(isWritten)
      ? {
          ...seen,
          deviceChanges: seen.deviceChanges.map((change) =>
            isWritten(change) ? { ...change, offsetBytes: change.offsetBytes + 8192n } : change,
          ),
        }
      : undefined,
  'does not ask where writeback goes': (seen) =>
    without(
      seen,
      ({ name, request }) => name === 'IOMAP_BEGIN' && request['opflags'] === revisions.r3.opFlags.WRITEBACK,
    ),
  'does not report what writeback did': (seen, { geometry }) => {
    const silent = without(seen, ({ name }) => name === 'IOMAP_IOEND');
    return (
      silent && {
        ...silent,
        transcript: silent.transcript.map((exchange) => unheard(exchange, geometry.files[0]!.sizeBytes)),
      }
    );
  },
};
/** A server that no IOEND told of a larger size has the old one in what it answers about times. */
function unheard(exchange: Exchange, sizeBytes: bigint): Exchange {
  const { name, request, reply } = exchange;
  if (name !== 'SETATTR' || !reply || (Number(request['valid']) & SETATTR_VALID.SIZE) !== 0) return exchange;
  const out = attrOut.decode(Buffer.from(reply.payload));
  const attr = { ...out.attr, size: min(out.attr.size, sizeBytes) };
  return { ...exchange, reply: { ...reply, payload: attrOut.encode({ ...out, attr }) } };
}
/** Enough bytes to tell whose they are. */
const isWritten = ({ content }: DeviceChange): boolean =>
  content.some(({ source, lengthBytes }) => source.kind === 'writer' && lengthBytes >= 16);
const without = (
  seen: Observation,
  which: (exchange: Observation['transcript'][number]) => boolean,
): Observation | undefined =>
  seen.transcript.some(which)
    ? { ...seen, transcript: seen.transcript.filter((exchange) => !which(exchange)) }
    : undefined;

for (const [name, fault] of Object.entries(FAULTS)) {
  test(`should show in buffered sequences that a kernel ${name}, and nothing where it does not`, () => {
    test.setTimeout(120_000);
    let [shown, caught] = [0, 0];
    for (const { case: value, note } of sample('buffered', 120, 0)) {
      const right = runIdeal(value);
      const wrong = fault(right, value);
      if (!wrong) continue;
      expect(judge(value, right), note).toEqual({ kind: 'conforms' });
      shown += 1;
      if (judge(value, wrong).kind === 'deviates') caught += 1;
    }
    expect(shown).toBeGreaterThan(50);
    // What is on no device that anybody can ask about (cut off before it had to be there) is not among what the ideal
    // kernel shows.
    expect(caught).toBe(shown);
  });
}

test('should show in growing sequences, often, that a kernel leaves old bytes in a file that grows or behind its end', () => {
  test.setTimeout(120_000);
  const shown = { grown: 0, 'grown again': 0, rest: 0 };
  for (const { case: value, note } of sample('growing', 120, 0)) {
    expect(judge(value, runIdeal(value)), note).toEqual({ kind: 'conforms' });
    for (const leak of Object.keys(shown) as Leak[]) {
      if (judge(value, runIdeal(value, { pageCache: () => new LeakyPageCache(value, leak) })).kind === 'deviates')
        shown[leak] += 1;
    }
  }
  expect(shown.grown).toBeGreaterThan(40);
  expect(shown['grown again']).toBeGreaterThan(15);
  expect(shown.rest).toBeGreaterThan(12);
});

test('should make nothing wrong when it shall not', () => {
  for (const { case: value } of sample('direct', 60, 0)) {
    expect(
      value.script.every(
        ({ on, times, reply }) => on === 'IOMAP_BEGIN' && times === undefined && reply.kind === 'mappings',
      ),
    ).toBe(true);
  }
});
