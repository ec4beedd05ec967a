/**
 * Records of another kernel: those of one fault are one finding, those of several are several. The name of a record
 * begins with its fault.
 */
import { expect, test } from '@playwright/test';
import { readdirSync, readFileSync } from 'node:fs';
import { decodeCase } from '../model/case.ts';
import { causesOf } from '../model/finding/cause.ts';
import { fromJsonSafe } from '../model/json-safe.ts';
import type { Observation } from '../model/observation.ts';
import { judge } from './judge.ts';

const directory = new URL('foreign/', import.meta.url);

test('should make about one finding of each fault of the other kernel, and none of two faults', () => {
  const findings = new Map<string, Set<string>>();
  const faults = new Set<string>();
  for (const name of readdirSync(directory).filter((one) => one.endsWith('.json'))) {
    const record = JSON.parse(readFileSync(new URL(name, directory), 'utf8')) as {
      verdict: string;
      case: Parameters<typeof decodeCase>[0];
      observation: unknown;
    };
    const [fault] = name.split('-') as [string];
    const verdict = judge(decodeCase(record.case), fromJsonSafe(record.observation) as Observation);
    if (record.verdict !== 'deviates' || verdict.kind !== 'deviates') continue;
    faults.add(fault);
    for (const { key } of causesOf(verdict.deviations)) findings.set(key, (findings.get(key) ?? new Set()).add(fault));
  }
  expect(faults.size).toBeGreaterThan(10);
  expect(findings.size).toBeLessThanOrEqual(1.3 * faults.size);
  expect([...findings].filter(([, of]) => of.size > 1)).toEqual([]);
});
