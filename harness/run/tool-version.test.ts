import { expect, test } from '@playwright/test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contentHash, toolVersion } from './tool-version.ts';

test('should tell versions apart that draw other cases, and no others', () => {
  const root = mkdtempSync(join(tmpdir(), 'version-'));
  try {
    mkdirSync(join(root, 'generators/testing'), { recursive: true });
    const write = (name: string, text: string) => {
      writeFileSync(join(root, name), text);
      return contentHash(root, ['generators']);
    };
    const first = write('generators/a.ts', 'one');
    expect(write('generators/a.test.ts', 'a test')).toBe(first);
    expect(write('generators/testing/b.ts', 'what tests use')).toBe(first);
    expect(write('generators/notes.md', 'words')).toBe(first);
    const second = write('generators/a.ts', 'two');
    expect(second).not.toBe(first);
    expect(write('generators/c.ts', '')).not.toBe(second);
    expect(write('generators/a.ts', 'one')).not.toBe(first);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("should be the package's version and a hash", () => {
  expect(toolVersion()).toMatch(/^\d+\.\d+\.\d+\+[0-9a-f]{10}$/);
});
