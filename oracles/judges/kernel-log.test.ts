import { expect, test } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KernelEvent } from '../../model/observation.ts';
import { consoleLines } from '../../model/kernel-log/line.ts';
import { kernelEvents } from '../../model/kernel-log/reader.ts';
import { judge } from '../judge.ts';
import { runIdeal } from '../testing/ideal-kernel.ts';
import { sampleCases } from '../testing/sample-cases.ts';
import { judgeKernelLog } from './kernel-log.ts';

const folder = join(import.meta.dirname, '../../model/kernel-log/testdata');
const sample = (name: string): KernelEvent[] =>
  kernelEvents(consoleLines(readFileSync(join(folder, `${name}.log`), 'latin1').split('\n')));
const { of: testCase } = sampleCases(1, 3)[0]!;
const verdictOn = (events: KernelEvent[]) => {
  const ideal = runIdeal(testCase);
  return judge(testCase, { ...ideal, events: [...ideal.events, ...events] });
};
const rulesOn = (events: KernelEvent[]): string[] => {
  const verdict = verdictOn(events);
  return verdict.kind === 'deviates' ? verdict.deviations.map(({ rule }) => rule) : [];
};

for (const [name, rule] of [
  ['oops-page-fault', 'kernel/bug'],
  ['kasan-uaf', 'kernel/bug'],
  ['hung-io', 'kernel/bug'],
  ['rcu-expedited', 'kernel/bug'],
  ['hard-lockup', 'kernel/bug'],
  ['lockdep-wait-context', 'kernel/bug'],
  ['warn-cut-here', 'kernel/warning'],
  ['assertion', 'kernel/assertion'],
] as const) {
  test(`should make one deviation of ${name}`, () => {
    expect(rulesOn(sample(name))).toEqual([rule]);
  });
}

for (const name of ['experimental', 'io-errors', 'oom', 'kmemleak', 'remarks', 'callbacks-suppressed']) {
  test(`should make none of ${name}`, () => {
    expect(verdictOn(sample(name)).kind).toBe('conforms');
  });
}

test('should count what is said again and again once', () => {
  expect(rulesOn([...sample('soft-lockup'), ...sample('soft-lockup'), ...sample('warn-cut-here')])).toEqual([
    'kernel/bug',
    'kernel/warning',
  ]);
});

for (const name of ['lockdep-limit-keys', 'lockdep-limit-chains', 'lockdep-off', 'lockdep-tainted']) {
  test(`should neither pass nor deviate where the checker of locks ended: ${name}`, () => {
    const verdict = verdictOn(sample(name));
    expect(verdict.kind).toBe('conforms');
    expect(
      'unjudged' in verdict &&
        verdict.unjudged?.some(
          ({ aspect, reason }) => aspect === 'kernel-log' && reason.includes('no longer checks its locks'),
        ),
    ).toBe(true);
  });
}

test('should judge what the kernel says of other things after the checker of locks ended', () => {
  expect(rulesOn(sample('lockdep-limit-stack-then-warning'))).toEqual(['kernel/warning']);
});

test('should not judge what was dropped', () => {
  const [lost] = sample('oops-head-lost');
  expect(lost).toMatchObject({ kind: 'lost-events', count: 212 });
  const verdict = verdictOn([lost!]);
  expect('unjudged' in verdict && verdict.unjudged?.map(({ aspect }) => aspect)).toEqual(
    expect.arrayContaining(['kernel-log', 'warn']),
  );
});

test('should tolerate the warning about a hole, and no other that comes by the same way', () => {
  const observation = runIdeal(testCase);
  const tolerated = {
    tolerated: [{ pattern: /iomap_dio_(hole_)?iter|fs\/iomap\/direct-io\.c/, reason: 'a direct write meets a hole' }],
  } as unknown as Parameters<typeof judgeKernelLog>[2];
  const judged = (events: KernelEvent[]) => judgeKernelLog(testCase, { ...observation, events }, tolerated);
  expect(judged(sample('dio-hole'))).toEqual([]);
  const elsewhere = sample('warn-cut-here').map((event) =>
    'text' in event ? { ...event, text: event.text.replace('fuse_iomap_write_checks', 'iomap_dio_iter') } : event,
  );
  expect(judged(elsewhere)).toHaveLength(1);
});

test('should not judge a case with events of an unknown kind as conforming, and name the kind', () => {
  const strange = { kind: 'kernel-burnt-down', title: 'x' } as unknown as KernelEvent;
  expect(verdictOn([strange, strange])).toEqual({
    kind: 'not-run',
    reason: expect.stringMatching(
      /^not judged: the kernel reported 'kernel-burnt-down', a kind of event that this version of iomapfuzz does not know/,
    ) as unknown,
  });
  // A name that every object has is no kind.
  expect(verdictOn([{ kind: 'constructor' } as unknown as KernelEvent]).kind).toBe('not-run');
  expect(verdictOn([{ kind: 'notice', title: 'x', text: 'x' }]).kind).toBe('conforms');
});

test('should judge what deviates besides an event of an unknown kind, and say what that leaves open', () => {
  const verdict = verdictOn([{ kind: 'kernel-burnt-down' } as unknown as KernelEvent, ...sample('assertion')]);
  expect(verdict).toMatchObject({
    kind: 'deviates',
    deviations: [{ rule: 'kernel/assertion' }],
    unjudged: ['trace-event', 'warn', 'kernel-log'].map((aspect) => ({
      aspect,
      reason: expect.stringContaining("'kernel-burnt-down'") as unknown,
    })),
  });
});
