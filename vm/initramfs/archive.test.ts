import { expect, test } from '@playwright/test';
import { mkdirSync, readFileSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildSync } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { findTool } from '../host/tools.ts';
import { repositoryRoot } from '../../files/repository-root.ts';

test.skip(findTool('busybox') === undefined, 'busybox is not installed');

/** The archive that a process of its own gets: what one has verified it does not read again. */
function archive(cache: string, folder: string): string {
  const entry = join(folder, 'entry.ts');
  writeFileSync(
    entry,
    `import { initramfsFor } from ${JSON.stringify(join(repositoryRoot(), 'vm/initramfs/archive.ts'))}; console.log(initramfsFor([]));`,
  );
  const bundle = join(repositoryRoot(), 'dist', `archive-test-${String(process.pid)}.mjs`);
  buildSync({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: bundle,
    logLevel: 'error',
  });
  return execFileSync(process.execPath, [bundle], {
    encoding: 'utf8',
    env: { ...process.env, XDG_CACHE_HOME: cache },
  }).trim();
}

test('should make an archive of the cache anew when it is cut off or was changed, and use it when it is whole', ({}, info) => {
  mkdirSync(info.outputDir, { recursive: true });
  const cache = info.outputPath('cache');
  const path = archive(cache, info.outputDir);
  const whole = readFileSync(path);
  for (const damage of [
    () => {
      truncateSync(path, whole.length / 2);
    },
    () => {
      writeFileSync(
        path,
        Buffer.concat([whole.subarray(0, 5_000_000), Buffer.alloc(4096, 1), whole.subarray(5_004_096)]),
      );
    },
    () => {
      writeFileSync(`${path}.hash`, 'no hash');
    },
    () => {
      /* whole */
    },
  ]) {
    damage();
    expect(archive(cache, info.outputDir)).toBe(path);
    expect(readFileSync(path).equals(whole)).toBe(true);
  }
  expect(readdirSync(dirname(path)).filter((name) => !/\.cpio(\.hash)?$/.test(name))).toEqual([]);
});
