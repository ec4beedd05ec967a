import { expect, test } from '@playwright/test';
import type { Case } from '../../model/case.ts';
import type { Observation } from '../../model/observation.ts';
import { NULL_ADDR } from '../../uapi/revision.ts';
import { judge } from '../judge.ts';
import { madeCase } from '../testing/hand-made.ts';
import { runIdeal } from '../testing/ideal-kernel.ts';

const read = (offset: bigint) => ({ call: 'pread' as const, fd: 0, offset, lengthBytes: 4096 });
const [offset, length] = [0n, 0x10000n];
const reads = madeCase([read(0n), read(8192n), { call: 'close', fd: 0 }], {
  script: [{
    on: 'IOMAP_BEGIN', reply: {
      kind: 'mappings', read: { type: 'MAPPED', flags: [], dev: { device: 0 }, addr: 0x10000n, offset, length },
      write: { type: 'PURE_OVERWRITE', flags: [], dev: 0, addr: NULL_ADDR, offset, length },
    },
  }],
});
const first = 1, second = 2;

/** What the guest keeps of it when the transcript ends in `step`. */
function cutIn(of: Case, step: number, change: (seen: Observation) => void = () => undefined): Observation {
  const seen = runIdeal(of);
  change(seen);
  const kept = seen.transcript.filter((exchange) => (exchange.step ?? 0) < step);
  return { ...seen, transcript: kept, cut: { step, exchanges: seen.transcript.length - kept.length, why: 'room' } };
}
const poisoned = (step: number) => (seen: Observation): void => { seen.steps[step]!.data = [{ lengthBytes: 4096, source: { kind: 'zero' } }]; };

test('should find wrong bytes of a step before the place where the transcript ends', () => {
  const verdict = judge(reads, cutIn(reads, second, poisoned(first)));
  expect(verdict).toMatchObject({ kind: 'deviates', deviations: [{ aspect: 'bytes-read', step: first }] });
});

test('should not judge those of a step behind it, and say so', () => {
  const verdict = judge(reads, cutIn(reads, second, poisoned(second)));
  expect(verdict.kind).toBe('conforms');
  const unjudged = verdict.kind === 'conforms' ? verdict.unjudged ?? [] : [];
  expect(unjudged.map(({ aspect }) => aspect).sort()).toEqual(['bytes-read', 'device-bytes', 'request', 'result', 'trace-event', 'warn']);
  expect(unjudged[0]!.reason).toMatch(/exchanges found no room in the transcript, from step 2 on/);
});

test('should not take requests for missing that come behind it, and does where all were kept', () => {
  expect(judge(reads, cutIn(reads, second)).kind).toBe('conforms');
  const { cut: _cut, ...whole } = cutIn(reads, second);
  expect(judge(reads, whole).kind).toBe('deviates');
});

test('should judge the results of all steps when only what came behind the last one is missing', () => {
  const all = reads.workload.length;
  expect(judge(reads, cutIn(reads, all, poisoned(second))).kind).toBe('deviates');
  const verdict = judge(reads, cutIn(reads, all));
  expect(verdict.kind === 'conforms' && verdict.unjudged?.[0]?.reason).toMatch(/behind the last step/);
});

test('should find what the kernel complains of, wherever the transcript ends', () => {
  const bug = (seen: Observation): void => { seen.events.push({ kind: 'bug', title: 'BUG: KASAN: use-after-free in iomap_iter', text: '' }); };
  expect(judge(reads, cutIn(reads, first, bug))).toMatchObject({ kind: 'deviates', deviations: [{ rule: 'kernel/bug' }] });
});
