import { expect, test } from '@playwright/test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Verdict } from '../../model/verdict.ts';
import { sampleCases } from '../../reproducers/testing/samples.ts';
import { exitCodeOf, parseReference, reliabilityOf, resolveCase, type Replay } from './repro.ts';

const deviates: Verdict = {
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

test('should call nothing a pass that was not judged', () => {
  expect(exitCodeOf(reliabilityOf([]), 0)).toBe(4);
  expect(exitCodeOf(reliabilityOf(replays({ kind: 'unspecified', reason: '' })), 1)).toBe(4);
  expect(exitCodeOf(reliabilityOf(replays({ kind: 'conforms' }, { kind: 'lost', reason: '' })), 2)).toBe(3);
  expect(exitCodeOf(reliabilityOf(replays({ kind: 'lost', reason: '' }, deviates)), 2)).toBe(1);
  expect(exitCodeOf(reliabilityOf(replays({ kind: 'conforms' }, { kind: 'conforms' })), 2)).toBe(0);
  expect(exitCodeOf(reliabilityOf(replays({ kind: 'conforms' })), 10)).toBe(3);
});
