/**
 * A signal while a kernel is made ends make and all that it started, says what to do, and leaves nothing that the next
 * run would take for whole.
 */
import { expect, test } from '@playwright/test';
import { buildSync } from 'esbuild';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../files/repository-root.ts';
import { expectNoneOf, interruptWhenStarted } from '../vm/testing/interrupted-child.ts';
import { processesThatName } from '../vm/testing/processes.ts';
import { standInTree } from '../vm/testing/stand-in-kernel.ts';

const directory = join(repositoryRoot(), 'dist', 'interrupted-builds-test');
const program = join(directory, 'iomapfuzz.mjs');
// As build.mjs does it.
test.beforeAll(() => {
  buildSync({
    entryPoints: { iomapfuzz: join(repositoryRoot(), 'cli/start.ts') },
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    chunkNames: '[name]',
    splitting: true,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    logLevel: 'error',
  });
});
test.afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

const builds: readonly { name: string; argv: string[]; signal: NodeJS.Signals; configured: boolean; deaf?: boolean }[] =
  [
    { name: 'in its own tree', argv: ['kernel', 'build'], signal: 'SIGTERM', configured: true },
    { name: 'in the cache', argv: ['kernel', 'build'], signal: 'SIGINT', configured: false },
    {
      name: 'for a run',
      argv: ['conformance', '--rule', 'map/type-known', '--out', '$SCRATCH/out'],
      signal: 'SIGHUP',
      configured: true,
    },
    { name: 'for a night', argv: ['nightly', '--history', '$SCRATCH/history'], signal: 'SIGTERM', configured: true },
    {
      name: 'by a compiler that ignores SIGTERM',
      argv: ['kernel', 'build'],
      signal: 'SIGTERM',
      configured: true,
      deaf: true,
    },
  ];

for (const { name, argv, signal, configured, deaf = false } of builds) {
  test(`${signal} should end a kernel build ${name} with 3, whole, and the next one should succeed`, async ({}, info) => {
    const [scratch, started] = [info.outputPath('scratch'), info.outputPath('scratch/started')];
    mkdirSync(scratch, { recursive: true });
    const tree = standInTree(join(scratch, 'tree'), configured ? { config: 'CONFIG_FUSE_IOMAP=y\n' } : {});
    const makefile = join(tree, 'Makefile');
    const quick = readFileSync(makefile, 'utf8');
    // The compiler has written the half of it, and has a child.
    const slow = `${deaf ? 'trap "" TERM; ' : ''}echo half > $@; sleep 1000 & echo $$$$ $$! > ${started}; wait`;
    writeFileSync(makefile, quick.replace('\t@cat head', `\t@${slow}\n\t@cat head`));
    const env = { ...process.env, XDG_CACHE_HOME: join(scratch, 'cache') };
    const whole = [program, ...argv.map((word) => word.replace('$SCRATCH', scratch)), '--kdir', tree];
    const child = spawn(process.execPath, whole, { stdio: ['ignore', 'pipe', 'pipe'], env });
    const { end, said, tookMs } = await interruptWhenStarted(child, started, signal, 100_000);
    expect(end, said).toBe(3);
    console.log(`${signal}, a build ${name}: ended ${String(Math.round(tookMs))} ms after the signal`);
    expect(tookMs).toBeLessThan(30_000);
    expect(said).toContain(
      `interrupted by ${signal} while the kernel of ${tree} was being made: what was compiled stays, and the same command goes on from there`,
    );
    expect(said).not.toContain('defect');
    await expectNoneOf(started);
    await expect.poll(() => processesThatName(scratch)).toEqual([]);
    writeFileSync(makefile, quick);
    const again = spawnSync(process.execPath, [program, 'kernel', 'build', '--kdir', tree], {
      encoding: 'utf8',
      env,
      timeout: 100_000,
      killSignal: 'SIGKILL',
    });
    expect(again).toMatchObject({ status: 0, stdout: expect.stringContaining('arch/x86/boot/bzImage') });
    expect(readFileSync(again.stdout.trim(), 'latin1')).toContain('int first;');
  });
}
