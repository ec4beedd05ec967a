/** A signal to `test` ends what it runs, too: nothing of a stage may go on with nobody to read it. */
import { expect, test } from '@playwright/test';
import { buildSync } from 'esbuild';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../files/repository-root.ts';

// Beside the real one, so that packages are found from it.
const folder = join(repositoryRoot(), 'dist', 'test', 'interrupted-test');

/** Process ids of all that descends from the process. */
function descendants(pid: number): number[] {
  const children = (name: number): number[] => {
    try {
      return readFileSync(`/proc/${name}/task/${name}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
    } catch {
      return [];
    }
  };
  return children(pid).flatMap((child) => [child, ...descendants(child)]);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`should end the stage that runs, and with 3, on ${signal}`, async () => {
    buildSync({
      entryPoints: { iomapfuzz: join(repositoryRoot(), 'cli/start.ts') },
      outdir: folder,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      splitting: true,
      platform: 'node',
      target: 'node20',
      format: 'esm',
      packages: 'external',
      logLevel: 'error',
    });
    const child = spawn(process.execPath, [join(folder, 'iomapfuzz.mjs'), 'test', 'lint'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (bytes: Buffer) => {
        said += bytes.toString();
      });
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    let running: number[] = [];
    // A shell, npx, and the linter.
    await expect.poll(() => (running = descendants(child.pid!)).length, { timeout: 60_000 }).toBeGreaterThan(2);
    child.kill(signal);
    expect(await ended, said).toBe(3);
    expect(said).toContain(`interrupted by ${signal}`);
    await expect.poll(() => running.filter((pid) => existsSync(`/proc/${pid}`)), { timeout: 30_000 }).toEqual([]);
  });
}
