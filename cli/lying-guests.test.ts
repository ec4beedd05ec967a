/**
 * Runs against guests that lie, from outside: exit code, what the program says, and what it wrote down. A program that
 * speaks on QEMU's three sockets stands in for QEMU, so that no kernel is needed.
 */
import { expect, test } from '@playwright/test';
import { buildSync } from 'esbuild';
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../files/repository-root.ts';
import type { CaseRecord } from '../model/results.ts';
import type { RunSummary } from '../model/run-summary.ts';
import { lies, type Lie } from './testing/stand-in/lies.ts';

const scratch = join(repositoryRoot(), 'dist', 'test', 'lying');
const program = join(scratch, 'iomapfuzz.mjs');
const kernel = join(scratch, 'bzImage');
const common = { bundle: true, platform: 'node', target: 'node20', logLevel: 'error' } as const;

test.beforeAll(() => {
  mkdirSync(join(scratch, 'bin'), { recursive: true });
  buildSync({
    ...common,
    entryPoints: [join(repositoryRoot(), 'cli/main.ts')],
    outfile: program,
    format: 'esm',
    packages: 'external',
  });
  const qemu = join(scratch, 'qemu.cjs');
  buildSync({
    ...common,
    entryPoints: [join(repositoryRoot(), 'cli/testing/stand-in/qemu.ts')],
    outfile: qemu,
    format: 'cjs',
  });
  writeFileSync(join(scratch, 'bin/qemu-system-x86_64'), `#!/bin/sh\nexec '${process.execPath}' '${qemu}' "$@"\n`);
  chmodSync(join(scratch, 'bin/qemu-system-x86_64'), 0o755);
  // The head of a bzImage (Documentation/arch/x86/boot.rst); nobody runs it.
  const image = Buffer.alloc(8192);
  image[0x1f1] = 4;
  image.write('HdrS', 0x202);
  image.writeUInt16LE(0x20f, 0x206);
  image.writeUInt16LE(0x300, 0x20e);
  image.write('7.3.4-stand-in (me@here) #1\0', 0x500);
  writeFileSync(kernel, image);
  // What goes into an initramfs, which nobody unpacks.
  const agent = join(repositoryRoot(), 'dist/guest/agent.cjs');
  if (!existsSync(agent))
    buildSync({
      ...common,
      entryPoints: [join(repositoryRoot(), 'harness/guest/agent.ts')],
      outfile: agent,
      format: 'cjs',
    });
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
      program,
      'conformance',
      '--kernel',
      kernel,
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
      env: {
        ...process.env,
        PATH: `${join(scratch, 'bin')}:${process.env['PATH'] ?? ''}`,
        IOMAPFUZZ_LIE: name,
        IOMAPFUZZ_LIE_STATE: join(directory, 'state'),
      },
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
