/**
 * The version that a run, a case's provenance and a seed are told by: the package's, and a hash of what decides which
 * cases a seed means.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../files/repository-root.ts';

/** Folders and files whose code draws cases or judges them. The lock file: another fast-check draws other cases. */
const deciding = [
  'generators',
  'oracles',
  'model',
  'uapi',
  'plan',
  'harness/run/fuzz/cases.ts',
  'harness/run/fuzz/slots.ts',
  'package-lock.json',
];

let known: string | undefined;

/** `0.1.0+3f9c2a71d0`: equal versions draw equal cases from equal seeds, and judge them by the same rules. */
export function toolVersion(): string {
  known ??= `${packageVersion()}+${contentHash(repositoryRoot(), deciding)}`;
  return known;
}

function packageVersion(): string {
  return (JSON.parse(readFileSync(join(repositoryRoot(), 'package.json'), 'utf8')) as { version: string }).version;
}

/**
 * Of names and contents, whatever the order in which the file system lists them; tests and what they use decide
 * nothing.
 */
export function contentHash(root: string, paths: readonly string[]): string {
  const hash = createHash('sha256');
  for (const path of paths.flatMap((one) => filesOf(root, one)).sort())
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update('\0');
  return hash.digest('hex').slice(0, 10);
}

function filesOf(root: string, path: string): string[] {
  if (!statSync(join(root, path)).isDirectory()) return [path];
  return readdirSync(join(root, path), { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) return entry.name === 'testing' ? [] : filesOf(root, `${path}/${entry.name}`);
    return /\.test\.ts$/.test(entry.name) || !entry.name.endsWith('.ts') ? [] : [`${path}/${entry.name}`];
  });
}
