import { expect, test } from '@playwright/test';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { actingCharacters, evilStrings, logCommand } from '../model/testing/evil-strings.ts';
import { repositoryRoot } from '../files/repository-root.ts';
import { guarded } from './guarded-output.ts';

for (const [name, evil] of Object.entries(evilStrings)) {
  test(`should let nothing act that a kernel says: ${name}`, () => {
    // Colours by themselves move nothing, and this program uses them.
    const text = guarded(`warning: ${evil}\n${evil}`).replace(/\u001b\[[0-9;]*m/g, '');
    expect(text).not.toMatch(actingCharacters);
    expect(text).not.toMatch(logCommand);
  });
}

test('should leave colours and progress lines alone', () => {
  for (const text of [
    '\u001b[1;31mFAIL\u001b[0m 1/2\n',
    '\r12 of 40 cases\u001b[K',
    '\r\u001b[K',
    'a\tb \u00e9 \u65e5\n',
  ])
    expect(guarded(text)).toBe(text);
});

test('should guard what the program prints, errors included', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'iomapfuzz-guarded-'));
  try {
    const odd = join(scratch, 'x\u001b[2J\n::error::evil');
    mkdirSync(odd);
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      [join(repositoryRoot(), 'dist/iomapfuzz.mjs'), 'report', odd],
      { encoding: 'utf8' },
    );
    expect(status).toBe(2);
    expect(stdout + stderr).toContain('evil');
    expect(stdout + stderr).not.toMatch(actingCharacters);
    expect(stdout + stderr).not.toMatch(logCommand);
  } finally {
    rmSync(scratch, { recursive: true });
  }
});
