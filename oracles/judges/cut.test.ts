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
  script: [
    {
      on: 'IOMAP_BEGIN',
      reply: {
        kind: 'mappings',
        read: { type: 'MAPPED', flags: [], dev: { device: 0 }, addr: 0x10000n, offset, length },
        write: { type: 'PURE_OVERWRITE', flags: [], dev: 0, addr: NULL_ADDR, offset, length },
      },
    },
  ],
});
const first = 1,
  second = 2;

/** What the guest keeps of it when the transcript ends in `step`. */
function cutIn(testCase: Case, step: number, change: (seen: Observation) => void = () => undefined): Observation {
  const seen = runIdeal(testCase);
  change(seen);
  const kept = seen.transcript.filter((exchange) => (exchange.step ?? 0) < step);
  return { ...seen, transcript: kept, cut: { step, exchanges: seen.transcript.length - kept.length, why: 'room' } };
}
const poisoned =
  (step: number) =>
  (seen: Observation): void => {
    seen.steps[step]!.data = [{ lengthBytes: 4096, source: { kind: 'zero' } }];
  };

test('should find wrong bytes of a step before the place where the transcript ends', () => {
  const verdict = judge(reads, cutIn(reads, second, poisoned(first)));
  expect(verdict).toMatchObject({ kind: 'deviates', deviations: [{ aspect: 'bytes-read', step: first }] });
});

test('should not judge those of a step behind it, and say so', () => {
  const verdict = judge(reads, cutIn(reads, second, poisoned(second)));
  expect(verdict.kind).toBe('conforms');
  const unjudged = verdict.kind === 'conforms' ? (verdict.unjudged ?? []) : [];
  expect(unjudged.map(({ aspect }) => aspect).sort()).toEqual([
    'bytes-read',
    'device-bytes',
    'errno',
    'request',
    'result',
    'size',
    'trace-event',
    'warn',
  ]);
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
  const bug = (seen: Observation): void => {
    seen.events.push({ kind: 'bug', title: 'BUG: KASAN: use-after-free in iomap_iter', text: '' });
  };
  expect(judge(reads, cutIn(reads, first, bug))).toMatchObject({
    kind: 'deviates',
    deviations: [{ rule: 'kernel/bug' }],
  });
});

test('should judge the requests of steps before that place', () => {
  const longer =
    (step: number) =>
    (seen: Observation): void => {
      const begin = seen.transcript.find((one) => one.name === 'IOMAP_BEGIN' && one.step === step)!;
      begin.request['count'] = BigInt(begin.request['count'] as bigint) + 1n;
    };
  expect(judge(reads, cutIn(reads, second, longer(first)))).toMatchObject({
    kind: 'deviates',
    deviations: [{ aspect: 'request', step: first }],
  });
  expect(judge(reads, cutIn(reads, second, longer(second))).kind).toBe('conforms');
});

test('should miss a request that was due before that place', () => {
  const seen = cutIn(reads, second);
  const without = seen.transcript.filter(({ name }) => name !== 'IOMAP_BEGIN');
  expect(judge(reads, { ...seen, transcript: without })).toMatchObject({
    kind: 'deviates',
    deviations: [{ aspect: 'request', step: first }],
  });
});

const refused = {
  ...reads,
  script: [
    {
      ...reads.script[0]!,
      reply: {
        ...reads.script[0]!.reply,
        read: { type: 'MAPPED', flags: [], dev: { device: 0 }, addr: 0x10000n, offset, length: 0n },
      },
    },
  ],
} as Case;

test('should miss a report that was due before that place, and none that was due behind it', () => {
  const silent = (seen: Observation): void => {
    seen.events.length = 0;
  };
  expect(runIdeal(refused).events).not.toEqual([]);
  expect(judge(refused, cutIn(refused, second)).kind).toBe('conforms');
  expect(judge(refused, cutIn(refused, second, silent))).toMatchObject({
    kind: 'deviates',
    deviations: [{ aspect: 'trace-event', step: first }],
  });
  // Of the second step no report is there yet, or it is: both may be.
  expect(
    judge(
      refused,
      cutIn(refused, second, (seen) => {
        seen.events.splice(1);
      }),
    ).kind,
  ).toBe('conforms');
});

test('should not close files behind that place, nor ask for what closing them would lead to', () => {
  const write = { call: 'pwrite' as const, fd: 0, offset: 0n, lengthBytes: 4096, writer: 0 };
  const writes = madeCase([write, { call: 'fsync', fd: 0 }, { call: 'close', fd: 0 }], { script: reads.script });
  expect(judge(writes, cutIn(writes, second)).kind).toBe('conforms');
});

test('should not pass a case that ends before its first syscall with a mapping', () => {
  for (const step of [0, first])
    expect(judge(reads, cutIn(reads, step)), String(step)).toMatchObject({
      kind: 'not-run',
      reason: /nothing of it was judged, because .* from step/,
    });
  expect(judge(reads, cutIn(reads, second)).kind).toBe('conforms');
});
