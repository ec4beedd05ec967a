import { expect, test } from '@playwright/test';
import { madeCase } from '../../../oracles/testing/hand-made.ts';
import type { Deviation } from '../../model/verdict.ts';
import type { CaseNode } from './cases.ts';
import { FindingSet, findingKey, primaryDeviations } from './findings.ts';

const deviation = (rule: string, more: Partial<Deviation> = {}): Deviation => ({ rule, aspect: 'errno', expected: 'EUCLEAN', seen: 'success, 4096', step: 1, ...more });
const reading = madeCase([{ call: 'pread', fd: 0, offset: 0n, lengthBytes: 4096 }]);
const longer = madeCase([{ call: 'pread', fd: 0, offset: 0n, lengthBytes: 4096 }, { call: 'seekData', fd: 0, offset: 0n }]);
const node = (of: typeof reading): CaseNode => ({ case: of, note: '', path: '0', shrinks: () => [] });

test('should not make findings of what follows from a missing refusal', () => {
  expect(primaryDeviations([deviation('request/none', { aspect: 'request' }), deviation('map/length-aligned'), deviation('map/length-aligned', { aspect: 'warn' })]))
    .toEqual([deviation('map/length-aligned')]);
  expect(primaryDeviations([deviation('request/none', { aspect: 'request' })])).toHaveLength(1);
});

test('should put a broken kernel before everything else', () => {
  expect(primaryDeviations([deviation('map/length-aligned'), deviation('kernel/bug', { aspect: 'kernel-log' })]).map(({ rule }) => rule)).toEqual(['kernel/bug']);
});

test('should tell findings apart by rule, channel, report and path, and not by values', () => {
  const key = (of: typeof reading, one: Deviation) => findingKey(of, one).key;
  const plain = key(reading, deviation('map/length-aligned'));
  expect(key(reading, deviation('map/length-aligned', { seen: 'success, 512' }))).toBe(plain);
  expect(key(longer, deviation('map/length-aligned', { step: 2 }))).not.toBe(plain);
  expect(key(reading, deviation('map/length-aligned', { aspect: 'warn' }))).not.toBe(plain);
  const bug = (seen: string) => key(reading, deviation('kernel/bug', { aspect: 'kernel-log', seen }));
  expect(bug('BUG: KASAN: slab-out-of-bounds in f at addr 0xffff1')).toBe(bug('BUG: KASAN: slab-out-of-bounds in f at addr 0xffff2'));
  expect(bug('BUG: KASAN: slab-out-of-bounds in f at addr 0xffff1')).not.toBe(bug('BUG: KASAN: use-after-free in f at addr 0xffff1'));
});

test('should count cases and keep the smallest', () => {
  const findings = new FindingSet();
  expect(findings.add(node(longer), [deviation('map/length-aligned')])).toHaveLength(1);
  expect(findings.add(node(reading), [deviation('map/length-aligned')])).toHaveLength(0);
  expect(findings.add(node(longer), [deviation('map/length-aligned')])).toHaveLength(0);
  const [only] = findings.all();
  expect(only).toMatchObject({ cases: 3, rule: 'map/length-aligned', path: 'direct-read' });
  expect(only!.example.case).toBe(reading);
});
