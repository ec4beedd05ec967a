import { expect, test } from '@playwright/test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Deviation, Verdict } from '../../model/verdict.ts';
import { sampleCases } from '../../reproducers/testing/samples.ts';
import { identityOf } from '../../model/finding/id.ts';
import { exitCodeOf, parseReference, reliabilityOf, replaysShowing, resolveCase, type Replay } from './repro.ts';

const deviates: Extract<Verdict, { kind: 'deviates' }> = {
  kind: 'deviates',
  deviations: [{ rule: 'map/type-known', aspect: 'errno', expected: 'EUCLEAN', seen: '0' }],
};
const other: Verdict = {
  kind: 'deviates',
  deviations: [{ rule: 'map/type-known', aspect: 'warn', expected: 'a WARN', seen: 'none' }],
};
const replays = (...verdicts: Verdict[]): Replay[] =>
  verdicts.map((verdict) => ({ verdict, outcome: { kind: 'failed', reason: '' } }));

test('should tell files and seeds apart, a file of that name first', () => {
  expect(parseReference('x.json')).toEqual({ kind: 'file', path: 'x.json' });
  expect(parseReference('42')).toEqual({ kind: 'seed', seed: 42 });
  expect(parseReference('42:7:0:3')).toEqual({ kind: 'seed', seed: 42, path: '7:0:3' });
  expect(parseReference('42:x')).toEqual({ kind: 'file', path: '42:x' });
  const directory = mkdtempSync(join(tmpdir(), 'iomapfuzz-repro-'));
  const before = process.cwd();
  try {
    process.chdir(directory);
    writeFileSync('42', '');
    expect(parseReference('42')).toEqual({ kind: 'file', path: '42' });
  } finally {
    process.chdir(before);
    rmSync(directory, { recursive: true });
  }
});

test('should ask the campaigns for the case of a seed, and say so when there are none', () => {
  const value = sampleCases['FIEMAP']!;
  expect(
    resolveCase({ kind: 'seed', seed: 1, path: '2' }, (seed, path) =>
      seed === 1 && path === '2' ? value : sampleCases['ioctls']!,
    ),
  ).toBe(value);
  expect(() => resolveCase({ kind: 'seed', seed: 1 })).toThrow(/1 is a seed/);
});

test('should count how often a deviation shows, and show the one that shows most', () => {
  const found = reliabilityOf(replays(other, deviates, { kind: 'conforms' }, deviates));
  expect(found).toMatchObject({
    times: 4,
    counts: { deviates: 3, conforms: 1 },
    shown: { times: 2, deviations: deviates.deviations },
  });
  expect(exitCodeOf(found, 4)).toBe(1);
});

test('should count a finding in each replay that shows it, with others or alone', () => {
  const accepted: Deviation = {
    ...deviates.deviations[0]!,
    facts: { errno: { expected: ['EUCLEAN'], seen: 'success' } },
  };
  const warned: Deviation = { rule: 'kernel/warning', aspect: 'kernel-log', expected: '', seen: 'WARNING: at a()' };
  const both: Verdict = { kind: 'deviates', deviations: [accepted, warned] };
  const one: Verdict = { kind: 'deviates', deviations: [warned] };
  const all = replays(both, one, both, { kind: 'conforms' });
  expect(replaysShowing(identityOf(warned).id, all)).toHaveLength(3);
  expect(replaysShowing(identityOf(accepted).id, all)).toHaveLength(2);
  expect(replaysShowing(identityOf({ ...warned, seen: 'WARNING: at b()' }).id, all)).toEqual([]);
});

test('should say of how many replays that conform something was not judged, and show one that was judged whole', () => {
  const inPart: Verdict = {
    kind: 'conforms',
    unjudged: [{ aspect: 'trace-event', reason: '3 records of the trace were lost' }],
  };
  expect(reliabilityOf(replays(inPart, inPart))).toMatchObject({ inPart: 2, unjudged: inPart.unjudged });
  const mixed = reliabilityOf(replays(inPart, { kind: 'conforms' }));
  expect(mixed.inPart).toBe(1);
  expect(mixed).not.toHaveProperty('unjudged');
});

test('should call nothing a pass that was not judged', () => {
  expect(exitCodeOf(reliabilityOf([]), 0)).toBe(4);
  expect(exitCodeOf(reliabilityOf(replays({ kind: 'unspecified', reason: '' })), 1)).toBe(4);
  expect(exitCodeOf(reliabilityOf(replays({ kind: 'conforms' }, { kind: 'lost', reason: '' })), 2)).toBe(3);
  expect(exitCodeOf(reliabilityOf(replays({ kind: 'lost', reason: '' }, deviates)), 2)).toBe(1);
  expect(exitCodeOf(reliabilityOf(replays({ kind: 'conforms' }, { kind: 'conforms' })), 2)).toBe(0);
  expect(exitCodeOf(reliabilityOf(replays({ kind: 'conforms' })), 10)).toBe(3);
});
