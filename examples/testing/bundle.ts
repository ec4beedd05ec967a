/** Builds what the examples' tests take into the guest. */
import { build } from 'esbuild';
import { join } from 'node:path';
import { repositoryRoot } from '../../files/repository-root.ts';

/** A program for the guest's node, as one file. */
export async function bundleForGuest(source: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [join(repositoryRoot(), source)],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    logLevel: 'warning',
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  });
}
