import { expect, test } from '@playwright/test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeCase } from '../../model/case.ts';
import { caseHash } from '../../model/hash.ts';
import { explainFailure, formatCase, migrate, parseCase, readCaseFile, type CaseParse } from './case-file.ts';
import { sampleCases } from '../../reproducers/testing/samples.ts';

const sample = sampleCases['direct read of a mapped extent']!;
const json = (): Record<string, unknown> => JSON.parse(formatCase(sample)) as Record<string, unknown>;
const explain = (text: string): string => explainFailure(parseCase(text) as Exclude<CaseParse, { kind: 'case' }>);

test('should give back every kind of case', () => {
  for (const [name, value] of Object.entries(sampleCases)) {
    const parsed = parseCase(formatCase(value));
    expect(parsed.kind, name).toBe('case');
    if (parsed.kind === 'case') expect(parsed.case, name).toEqual(value);
  }
});

test('should write equal cases as equal text, whatever the order of members was', () => {
  const shuffled = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shuffled);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, inner]) => [key, shuffled(inner)]),
    );
  };
  for (const value of Object.values(sampleCases)) {
    const parsed = parseCase(JSON.stringify(shuffled(encodeCase(value))));
    expect(parsed.kind).toBe('case');
    if (parsed.kind !== 'case') continue;
    expect(formatCase(parsed.case)).toBe(formatCase(value));
    expect(caseHash(parsed.case)).toBe(caseHash(value));
  }
});

test('should keep lines short enough to read where values allow it', () => {
  for (const line of formatCase(sample).split('\n')) expect(line.length).toBeLessThanOrEqual(132);
});

test('should name the path of each offending field', () => {
  const bad = json();
  (bad['workload'] as Record<string, unknown>[])[1]!['lengthBytes'] = -1;
  (bad['geometry'] as Record<string, unknown>)['mount'] = 'sideways';
  const text = explain(JSON.stringify(bad));
  expect(text).toContain('workload[1].lengthBytes: ');
  expect(text).toContain('geometry.mount: ');
  expect(explain(JSON.stringify({ ...json(), extra: 1 }))).toContain('extra');
});

test('should refuse indexes that point nowhere', () => {
  const bad = json();
  (bad['workload'] as Record<string, unknown>[])[1]!['fd'] = 7;
  (bad['script'] as Record<string, unknown>[])[0]!['file'] = 3;
  const text = explain(JSON.stringify(bad));
  expect(text).toContain('workload[1].fd: there is no open step before this one with fd 7; the case has 1');
  expect(text).toContain('script[0].file: there is no file 3; the case has 1');
});

test('should tell text that is no JSON, JSON that is no case, and a newer schema apart', () => {
  expect(parseCase('{"schema": 1,').kind).toBe('not-json');
  expect(parseCase('').kind).toBe('not-json');
  expect(parseCase('[]').kind).toBe('no-case');
  expect(parseCase('{"revision": "r3"}').kind).toBe('no-case');
  expect(explain(JSON.stringify({ ...json(), schema: 99 }))).toMatch(/schema 99, .* update iomapfuzz/);
  expect(explain(JSON.stringify({ ...json(), schema: 0 }))).toMatch(/schema 0, which can't be raised/);
});

test('should raise old schemas step by step, and say which step is missing', () => {
  const table = new Map([
    [1, (old: Record<string, unknown>) => ({ ...old, steps: old['calls'] })],
    [2, ({ calls: _calls, ...rest }: Record<string, unknown>) => rest],
  ]);
  expect(migrate({ schema: 1, calls: [7] }, 3, table)).toEqual({
    kind: 'json',
    json: { schema: 3, steps: [7] },
    from: 1,
  });
  expect(migrate({ schema: 3, steps: [] }, 3, table)).toEqual({
    kind: 'json',
    json: { schema: 3, steps: [] },
    from: 3,
  });
  expect(migrate({ schema: 1 }, 4, table)).toMatchObject({
    kind: 'too-old',
    schema: 1,
    reason: 'nothing leads from schema 3 to 4',
  });
});

test('should name the file in errors', () => {
  const directory = mkdtempSync(join(tmpdir(), 'iomapfuzz-case-file-'));
  try {
    const path = join(directory, 'x.json');
    expect(() => readCaseFile(path)).toThrow(`${path} cannot be read: there is no such file (ENOENT); check the path`);
    writeFileSync(path, 'nonsense');
    expect(() => readCaseFile(path)).toThrow(`${path}: this is no JSON`);
    writeFileSync(path, formatCase(sample));
    expect(readCaseFile(path)).toEqual(sample);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
