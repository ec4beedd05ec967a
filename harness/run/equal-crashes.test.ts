import { expect, test } from '@playwright/test';
import type { Verdict } from '../../model/verdict.ts';
import { EqualCrashes } from './equal-crashes.ts';

const deviates = (rule: string, seen: string): { verdict: Verdict } => ({
  verdict: { kind: 'deviates', deviations: [{ rule, aspect: 'kernel-log', expected: 'health', seen }] },
});
const reasonsOf = (most: number, records: readonly { verdict: Verdict }[]): (string | undefined)[] => {
  const crashes = new EqualCrashes(most);
  return records.map((record) => crashes.add(record));
};

test('should end a run after so many hangs of one kind, however many tries each took', () => {
  const hang = (times: string): { verdict: Verdict } =>
    deviates('kernel/hang', `a syscall waits for ever in rwsem_down_write_slowpath (${times} tries)`);
  const reasons = reasonsOf(3, [hang('2 of 2'), { verdict: { kind: 'conforms' } }, hang('1 of 1'), hang('1 of 1')]);
  expect(reasons.slice(0, 3)).toEqual([undefined, undefined, undefined]);
  expect(reasons[3]).toBe(
    'stopped after 3 cases that took the kernel down alike: a syscall waits for ever in rwsem_down_write_slowpath',
  );
});

test('should count different crashes apart, and those that differ in addresses together', () => {
  const oops = (address: string, where: string): { verdict: Verdict } =>
    deviates(
      'kernel/healthy',
      `the kernel panicked: BUG: unable to handle page fault for address: ${address} in ${where}`,
    );
  expect(reasonsOf(2, [oops('0xffff888003a1c000', 'iomap_iter'), oops('0xffff888003a1c000', 'fuse_evict')])).toEqual([
    undefined,
    undefined,
  ]);
  expect(
    reasonsOf(2, [oops('0xffff888003a1c000', 'iomap_iter'), oops('0xffff88800beef000', 'iomap_iter')])[1],
  ).toContain('stopped after 2 cases');
});

test('should not end a run over deviations that leave the kernel alive', () => {
  expect(
    reasonsOf(1, [
      deviates('kernel/warning', 'WARNING: something'),
      deviates('kernel/endless-requests', 'the same IOMAP_BEGIN over and over'),
    ]),
  ).toEqual([undefined, undefined]);
});
