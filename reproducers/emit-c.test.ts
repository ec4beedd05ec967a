import { expect, test } from '@playwright/test';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emitC } from './emit-c.ts';
import type { Evidence } from './evidence.ts';
import { ordinaryCases, sampleCases } from './testing/samples.ts';

const nothingSeen: Evidence = { deviations: [], clauses: new Map() };
/** Every aspect that may deviate, each of which may ask for a section of its own. */
const aspects = [
  'errno',
  'result',
  'trace-event',
  'warn',
  'bytes-read',
  'device-bytes',
  'request',
  'kernel-log',
  'size',
] as const;
const everythingSeen: Evidence = {
  clauses: new Map([['map/length-nonzero', { clause: 'length is 0 /* or so */', errno: 'EUCLEAN (117)' }]]),
  deviations: aspects.map((aspect) => ({
    rule: 'map/length-nonzero',
    aspect,
    expected: 'one "thing"',
    seen: 'another ??= \\',
    step: 1,
  })),
  kernel: { release: '7.3.0', version: '#1', config: [] },
};

let directory: string;
test.beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'iomapfuzz-emit-c-'));
});
test.afterAll(() => {
  rmSync(directory, { recursive: true });
});

/** What the compiler says, warnings included; nothing when it is content. */
function compile(text: string, flags: string[] = []): string {
  const source = join(directory, 'repro.c');
  writeFileSync(source, text);
  const { stderr, status, error } = spawnSync(
    'gcc',
    ['-Wall', '-Wextra', '-O2', ...flags, '-c', '-pthread', '-o', join(directory, 'repro.o'), source],
    { encoding: 'utf8' },
  );
  if (error) throw error;
  return status === 0 ? stderr : `exit ${status}: ${stderr}`;
}

for (const [name, value] of Object.entries({ ...sampleCases, ...ordinaryCases })) {
  test(`should emit C that compiles without a warning: ${name}`, () => {
    for (const seen of [nothingSeen, everythingSeen])
      expect(compile(emitC(value, seen), ['-Wunused-macros', '-Wshadow'])).toBe('');
  });
  test(`should keep lines within 100 columns: ${name}`, () => {
    const long = emitC(value, everythingSeen)
      .split('\n')
      .filter((line) => line.replaceAll('\t', '        ').length > 100);
    expect(long).toEqual([]);
  });
}

test('should emit only what a case needs', () => {
  const small = emitC(sampleCases['BEGIN answered by an error']!, nothingSeen);
  for (const absent of ['fiemap', 'FALLOC', 'trace_pipe', 'config_out', 'reply_raw', 'SYNC_INIT'])
    expect(small).not.toContain(absent);
  const ioctls = emitC(sampleCases['CONFIG answered by an error']!, nothingSeen);
  expect(ioctls).not.toContain('workload');
});

test('should say at the top what was expected, what was seen, and by which clause', () => {
  const top = emitC(sampleCases['length 0 in the read half']!, everythingSeen)
    .split('#define')[0]!
    .replace(/\s+\*?\s*/g, ' ');
  expect(top).toContain('the kernel deviates from map/length-nonzero');
  expect(top).toContain('map/length-nonzero is violated when: length is 0');
  expect(top).toContain('expected one "thing" seen another');
  expect(top).toContain('Seen on Linux 7.3.0.');
});
