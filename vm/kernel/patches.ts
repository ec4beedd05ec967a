/** The project's patch series, and a work tree that carries it. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { replaceFile } from '../../files/write-whole.ts';
import { makeDirectory } from '../../files/make-directory.ts';
import { InfrastructureError } from '../../model/errors.ts';
import { runJob } from '../host/job.ts';
import { repositoryRoot } from '../../files/repository-root.ts';
import type { KernelSource } from './source.ts';

export interface Patch {
  /** `0001-fuse-....patch` */
  name: string;
  path: string;
  text: string;
  sha256: string;
}

/** The series in order; empty when there is none. */
export function patchSeries(): Patch[] {
  const directory = join(repositoryRoot(), 'vm/kernel/patches');
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => name.endsWith('.patch'))
    .sort()
    .map((name) => {
      const path = join(directory, name);
      const text = readFileSync(path, 'utf8');
      return { name, path, text, sha256: createHash('sha256').update(text).digest('hex') };
    });
}

/** The files that patches create, change or remove, relative to the tree. */
export function touchedFiles(patches: readonly { text: string }[]): Set<string> {
  const files = new Set<string>();
  for (const { text } of patches) {
    // A "---" line starts a file only when a "+++" line follows it.
    for (const [, from, to] of text.matchAll(/^--- (\S+).*\n\+\+\+ (\S+)/gm)) {
      for (const name of [from!, to!]) if (name !== '/dev/null') files.add(name.replace(/^[^/]+\//, ''));
    }
  }
  return files;
}

/**
 * Makes `tree` the source with `patches`. A tree that carries an earlier state of the series gets only the files that
 * differ, so that make rebuilds only what depends on them. The tree's own files may be hard links into the pristine
 * source: they are replaced, never written to.
 */
export function bringToPatches(tree: string, source: KernelSource, patches: readonly Patch[]): void {
  const stateFile = join(dirname(tree), 'patched.json');
  const before = existsSync(stateFile) ? (JSON.parse(readFileSync(stateFile, 'utf8')) as string[]) : [];
  const touched = touchedFiles(patches);
  const scratch = join(dirname(tree), 'patching');
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch);
  for (const file of touched) {
    if (!existsSync(join(source.directory, file))) continue;
    makeDirectory(dirname(join(scratch, file)));
    copyFileSync(join(source.directory, file), join(scratch, file));
  }
  for (const patch of patches) apply(patch, scratch, source);
  // Written before the tree changes: after an interruption the next run looks at every file that may have changed.
  replaceFile(stateFile, JSON.stringify([...new Set([...before, ...touched])]));
  for (const file of new Set([...before, ...touched])) {
    replaceIfDifferent(join(tree, file), join(touched.has(file) ? scratch : source.directory, file));
  }
  replaceFile(stateFile, JSON.stringify([...touched]));
  rmSync(scratch, { recursive: true });
}

/** A copy of the pristine source at `tree`, by hard links where the file system allows. */
export async function copyTree(source: string, tree: string): Promise<void> {
  await runJob(['rm', '-rf', tree]);
  makeDirectory(dirname(tree));
  if ((await runJob(['cp', '-al', source, tree])).code === 0) return;
  // Another file system, or files of another user (fs.protected_hardlinks).
  await runJob(['rm', '-rf', tree]);
  const { code, tail } = await runJob(['cp', '-a', source, tree]);
  if (code !== 0)
    throw new InfrastructureError(
      [`${source} cannot be copied to ${tree}:`, ...tail.slice(-4).map((line) => `  ${line}`)].join('\n'),
    );
}

function apply(patch: Patch, directory: string, source: KernelSource): void {
  const { status, stdout, stderr } = spawnSync(
    'patch',
    ['-p1', '--batch', '--forward', '--no-backup-if-mismatch', '-i', patch.path],
    { cwd: directory, encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } },
  );
  if (status === 0) return;
  const lines = `${stdout}${stderr}`
    .trim()
    .split('\n')
    .slice(-8)
    .map((line) => `  ${line}`);
  throw new InfrastructureError(
    [
      `${patch.name} does not apply to ${source.origin} (Linux ${source.version}):`,
      ...lines,
      'Give a source that the series applies to by --source TARBALL|DIR, or adapt the series.',
    ].join('\n'),
  );
}

function replaceIfDifferent(target: string, wanted: string): void {
  if (!existsSync(wanted)) {
    rmSync(target, { force: true });
    return;
  }
  const content = readFileSync(wanted);
  if (existsSync(target) && readFileSync(target).equals(content)) return;
  makeDirectory(dirname(target));
  replaceFile(target, content);
}
