/**
 * A kernel without fuse-iomap: no command judges it, none shows what it read, and none boots it where its configuration
 * says enough.
 */
import { expect, test } from '@playwright/test';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../files/repository-root.ts';
import { bzImage } from '../vm/testing/stand-in-kernel.ts';
import { formatCase } from '../harness/run/case-file.ts';
import { sampleCases } from '../reproducers/testing/samples.ts';

const root = repositoryRoot();
/** Rows: the arguments of a command; those of the kernel follow, where the row does not place them itself. */
const commands: Record<string, (folder: string, kernel: readonly string[]) => string[]> = {
  conformance: (folder) => [
    'conformance',
    '--rule',
    'map/type-known',
    '--path',
    'fiemap',
    '--runs',
    '1',
    '--out',
    join(folder, 'out'),
  ],
  fuzz: (folder) => ['fuzz', '--runs', '5', '--out', join(folder, 'out')],
  repro: (folder) => ['repro', join(folder, 'case.json'), '--out', join(folder, 'out')],
  'corpus check': (folder) => ['corpus', 'check', '--out', join(folder, 'out')],
  'corpus minimise': () => ['corpus', 'minimise', '--corpus', join(root, 'corpora')],
  bench: () => ['bench', '--time', '1s'],
  serve: (_folder, kernel) => ['serve', ...kernel, join(root, 'examples/striped.ts'), '--', 'sh', '-c', 'sha256sum *'],
  nightly: (folder) => ['nightly', '--budget', '2m', '--history', join(folder, 'nights')],
};

for (const [name, argv] of Object.entries(commands)) {
  test(`${name} should end with 125 before a boot when the configuration has no fuse-iomap`, ({}, info) => {
    mkdirSync(info.outputDir, { recursive: true });
    writeFileSync(info.outputPath('case.json'), formatCase(sampleCases['length 0 in the read half']!));
    // Nothing in it runs: a command that boots it would wait for a word on its console.
    const kernel = info.outputPath('bzImage');
    writeFileSync(kernel, bzImage());
    writeFileSync(info.outputPath('config'), 'CONFIG_FUSE_FS=y\n');
    const words = argv(info.outputDir, ['--kernel', kernel]);
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(root, 'dist/iomapfuzz.mjs'), ...words, ...(words.includes('--kernel') ? [] : ['--kernel', kernel])],
      { encoding: 'utf8', timeout: 100_000 },
    );
    expect(`${stdout}${stderr}`.replace(/\s+/g, ' ')).toContain(
      'is built without fuse-iomap: CONFIG_FUSE_IOMAP is not set',
    );
    expect(status, `${stdout}${stderr}`).toBe(125);
    expect(stdout).not.toContain('CONFORMS');
    if (words.includes(info.outputPath('out'))) {
      expect(JSON.parse(readFileSync(info.outputPath('out/summary.json'), 'utf8'))).toMatchObject({
        complete: true,
        environment: { machine: 'not booted' },
        vms: { booted: 0 },
      });
    }
  });
}
