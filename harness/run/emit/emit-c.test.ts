import { expect, test } from '@playwright/test';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emitC } from './emit-c.ts';
import { sampleCases } from './testing/samples.ts';

const nothingSeen = { deviations: [], clauses: new Map() };

let directory: string;
test.beforeAll(() => { directory = mkdtempSync(join(tmpdir(), 'iomapfuzz-emit-c-')); });
test.afterAll(() => { rmSync(directory, { recursive: true }); });

/** What the compiler says, warnings included; nothing when it is content. */
function compile(text: string, flags: string[] = []): string {
  const source = join(directory, 'repro.c');
  writeFileSync(source, text);
  const { stderr, status, error } = spawnSync('gcc', ['-Wall', '-Wextra', '-O2', ...flags, '-c', '-pthread', '-o', join(directory, 'repro.o'), source], { encoding: 'utf8' });
  if (error) throw error;
  return status === 0 ? stderr : `exit ${status}: ${stderr}`;
}

for (const [name, value] of Object.entries(sampleCases)) {
  test(`should emit C that compiles without a warning: ${name}`, () => {
    expect(compile(emitC(value, nothingSeen), ['-Wunused-macros', '-Wmissing-field-initializers', '-Wshadow'])).toBe('');
  });
  test(`should keep lines within 100 columns: ${name}`, () => {
    const long = emitC(value, nothingSeen).split('\n').filter((line) => line.replaceAll('\t', '        ').length > 100);
    expect(long).toEqual([]);
  });
}
