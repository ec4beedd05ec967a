import { expect, test } from '@playwright/test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExpectedDeviation } from '../model/expectations.ts';
import { readExpectations } from './expectations-file.ts';

const known: ExpectedDeviation = {
  rule: 'map/length-aligned',
  path: 'fiemap',
  kernel: '7.3*',
  reason: 'not repaired yet',
  link: 'https://example.org/1',
  expires: '2026-12-31',
};

test('should say what is wrong with a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'expectations-'));
  try {
    const file = join(folder, 'known.json');
    const read = (text: string) => {
      writeFileSync(file, text);
      return () => readExpectations(file);
    };
    expect(read(JSON.stringify({ schema: 1, expectations: [known] }))()).toEqual([known]);
    expect(read('{')).toThrow(/no JSON: .*\nIt must be \{"schema": 1, .*\}; correct it, or give another file$/);
    expect(read(JSON.stringify({ schema: 1, expectations: [{ ...known, expires: 'soon' }] }))).toThrow(
      /expectations\.0\.expires/,
    );
    const rules = (one: object) => read(JSON.stringify({ schema: 1, expectations: [known, { ...known, ...one }] }));
    expect(rules({ rule: 'map/length-aligend' })).toThrow(
      /expectations\.1\.rule: no rule is called map\/length-aligend/,
    );
    expect(rules({ rule: '*', path: undefined })).toThrow(/expects nearly every deviation/);
    for (const wide of [
      { rule: '*', path: '*' },
      { rule: '*/*', path: undefined },
      { rule: '*e*', path: undefined },
    ])
      expect(rules(wide)).toThrow(/expects nearly every deviation/);
    expect(rules({ rule: 'kernel/*' })).toThrow(/"id"/);
    expect(rules({ rule: 'kernel/warning', path: undefined })).toThrow(/"id"/);
    for (const fine of [
      { rule: 'map/*' },
      { rule: '*', path: 'fiemap' },
      { rule: 'kernel/warning', id: '01234567' },
      { rule: 'device/bytes' },
    ])
      expect(rules(fine)()).toHaveLength(2);
    expect(() => readExpectations(join(folder, 'absent.json'))).toThrow(
      /absent\.json cannot be read: there is no such file \(ENOENT\); check the path$/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
