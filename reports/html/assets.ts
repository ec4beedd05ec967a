/**
 * The page's style and script. The script is bundled when a report is made, so it always fits the data that this
 * version embeds.
 */
import { buildSync } from 'esbuild';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Walks up from this module: works from the sources and from the bundle in dist/. */
function sourceFolder(): string {
  for (let dir = dirname(fileURLToPath(import.meta.url)); ; dir = dirname(dir)) {
    const folder = join(dir, 'reports', 'html');
    if (existsSync(join(folder, 'style.css'))) return folder;
    if (dirname(dir) === dir)
      throw new Error('the iomapfuzz checkout is incomplete: there is no reports/html/style.css above the program');
  }
}

let script: string | undefined;

export function pageScript(): string {
  script ??= buildSync({
    entryPoints: [join(sourceFolder(), 'client', 'main.ts')],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    legalComments: 'none',
  }).outputFiles[0]!.text;
  return script;
}

export const pageStyle = (): string => readFileSync(join(sourceFolder(), 'style.css'), 'utf8');
export const trendStyle = (): string => readFileSync(join(sourceFolder(), 'trend.css'), 'utf8');
