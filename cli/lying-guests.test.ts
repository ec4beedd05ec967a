/**
 * Runs against guests that lie, from outside: exit code, what the program says, and what it wrote down. A program that
 * speaks on QEMU's three sockets stands in for QEMU, so that no kernel is needed.
 */
import { expect, test } from '@playwright/test';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../files/repository-root.ts';
import type { CaseRecord } from '../model/results.ts';
import type { RunSummary } from '../model/run-summary.ts';
import { installStandIn, type Installed } from './testing/stand-in/install.ts';
import { lies, type Lie } from './testing/stand-in/lies.ts';

const scratch = join(repositoryRoot(), 'dist', 'test', 'lying');
let installed: Installed;
test.beforeAll(() => {
  installed = installStandIn(scratch);
});

interface Outcome {
  code: number | null;
  text: string;
  summary: RunSummary | undefined;
  cases: CaseRecord[];
}

function run(name: string, { argv = [] }: Lie, directory: string): Promise<Outcome> {
  const out = join(directory, 'out');
  const child = spawn(
    process.execPath,
    [
      installed.program,
      'conformance',
      '--kernel',
      installed.kernel,
      '--accel',
      'tcg',
      '--rule',
      'map/length-nonzero',
      '--path',
      'seek-data',
      '--seed',
      '1',
      '--runs',
      '2',
      '--minimise',
      '1s',
      '--out',
      out,
      ...argv,
    ],
    {
      env: { ...process.env, PATH: installed.path, IOMAPFUZZ_LIE: name, IOMAPFUZZ_LIE_STATE: join(directory, 'state') },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
  return new Promise((resolve) => {
    child.on('close', (code) => {
      const read = (file: string): string => (existsSync(join(out, file)) ? readFileSync(join(out, file), 'utf8') : '');
      const summary = read('summary.json');
      resolve({
        code,
        text,
        summary: summary === '' ? undefined : (JSON.parse(summary) as RunSummary),
        cases: read('cases.jsonl')
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line) as CaseRecord),
      });
    });
  });
}

for (const [name, lie] of Object.entries(lies)) {
  test(`should end with ${lie.code} when a guest ${name}`, async ({}, info) => {
    mkdirSync(info.outputDir, { recursive: true });
    const { code, text, summary, cases } = await run(name, lie, info.outputDir);
    // However the lines are broken.
    expect(text.replace(/\s+/g, ' ')).toMatch(lie.says);
    expect(code, text).toBe(lie.code);
    // Nothing that a guest says acts on a terminal, and a line of it is short.
    expect(text).not.toMatch(/[\u001b\u0007\u0080-\u009f]/);
    expect(text).not.toMatch(/^::error::|9{200}/m);
    expect(text).not.toContain('defect of iomapfuzz');
    const conforming = cases.filter(({ verdict }) => verdict.kind === 'conforms').length;
    if (lie.conforms === 'none') expect(conforming).toBe(0);
    if (lie.conforms === 'some') expect(conforming).toBeGreaterThan(0);
    if (lie.conforms === 'all') expect(conforming).toBe(cases.length);
    // Whatever was planned is accounted for, or the run says that it is not complete.
    if (summary?.complete) expect(cases.length).toBe(summary.planned);
    else expect(code).not.toBe(0);
    if (code === 0) expect(cases.length).toBeGreaterThan(3);
  });
}

test('should keep at least forty ways to lie', () => {
  expect(Object.keys(lies).length).toBeGreaterThan(40);
});
