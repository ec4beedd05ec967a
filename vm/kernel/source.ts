/** The pristine source of the reference kernel: found in the cache, fetched from Debian, or given. */
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  openSync,
  readFileSync,
  readSync,
  closeSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { makeDirectory } from '../../files/make-directory.ts';
import { requireRegular } from '../../files/regular-file.ts';
import { InfrastructureError, UsageError, messageOf } from '../../model/errors.ts';
import { requireSpace } from '../host/disk.ts';
import { runJob } from '../host/job.ts';
import { cacheDirectory } from '../paths.ts';
import { aptIsHere, fetchPackage, fetchedPackages, sourcePackage } from './debian.ts';
import type { Progress } from './progress.ts';

export interface KernelSource {
  /** An unpacked tree without build products; never written to. */
  directory: string;
  /** What tells this source from another: a package version, or a hash of what was given. */
  identity: string;
  /** For people: where it came from. */
  origin: string;
  /** `7.3.4`, from the tree's Makefile. */
  version: string;
}

/** The series that the patches are for, as the package's name says it. */
const series = /[\d.]+$/.exec(sourcePackage)![0];
/** 90,000 files of a kernel tree, unpacked. */
const unpackedMib = 2000;

export async function referenceSource(given: string | undefined, progress: Progress): Promise<KernelSource> {
  const source = given === undefined ? await fromDebian(progress) : await fromUser(given, progress);
  if (source.version !== series && !source.version.startsWith(`${series}.`)) {
    throw new UsageError(
      `${source.origin} is Linux ${source.version}; the patch series is for ${series}: a ${sourcePackage} package or any linux-${series}.y tarball works (--source)`,
    );
  }
  return source;
}

async function fromDebian(progress: Progress): Promise<KernelSource> {
  // An unpacked tree stands for its package: nothing is fetched or unpacked twice.
  const unpacked = readdirSync(cacheDirectory('source'))
    .filter((name) => name.startsWith(`${sourcePackage}_`) && !name.endsWith('.unfinished'))
    .sort()
    .at(-1);
  if (unpacked !== undefined) {
    const directory = join(cacheDirectory('source'), unpacked);
    return {
      directory,
      identity: unpacked,
      origin: `Debian's ${unpacked.replace('_', ' ')}`,
      version: treeVersion(directory),
    };
  }
  let deb = fetchedPackages(sourcePackage)[0];
  if (deb === undefined) {
    if (!aptIsHere()) {
      throw new InfrastructureError(
        `the reference kernel is built from Debian's ${sourcePackage}, and apt is not on this machine: ` +
          `give any linux-${series}.y source by --source TARBALL|DIR, or test a kernel of your own by --kernel or --kdir`,
      );
    }
    requireSpace(cacheDirectory('debian'), 400, `the package ${sourcePackage}`);
    deb = await fetchPackage(sourcePackage, progress);
  }
  const identity = `${sourcePackage}_${deb.version}`;
  const directory = join(cacheDirectory('source'), identity);
  await unpack(
    directory,
    `unpacking ${sourcePackage} ${deb.version}`,
    progress,
    // The package holds one tarball.
    [
      'sh',
      '-c',
      'set -e; dpkg-deb --fsys-tarfile "$0" | tar -xO --wildcards "*/linux-source-*.tar.xz" | xz -dc | tar -xv --strip-components=1 -C "$1"',
      deb.path,
    ],
  );
  rmSync(deb.path);
  return { directory, identity, origin: `Debian's ${sourcePackage} ${deb.version}`, version: treeVersion(directory) };
}

async function fromUser(given: string, progress: Progress): Promise<KernelSource> {
  const path = resolve(given);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw new UsageError(`--source ${given}: there is no such file or directory`);
  if (stats.isDirectory()) {
    if (!existsSync(join(path, 'Kbuild')) || !existsSync(join(path, 'Makefile')))
      throw new UsageError(`--source ${given} is not a kernel source tree (no Kbuild and Makefile in it)`);
    if (existsSync(join(path, '.config')) || existsSync(join(path, 'include/config'))) {
      throw new UsageError(
        `--source ${given} holds a configuration or build products: run make mrproper in it, or use it as it is by --kdir`,
      );
    }
    return { directory: path, identity: `tree-${treeFingerprint(path)}`, origin: path, version: treeVersion(path) };
  }
  try {
    requireRegular(path);
  } catch (error) {
    throw new UsageError(`--source ${given} cannot be read: ${messageOf(error)}`);
  }
  progress.step(`reading ${basename(path)}`);
  const identity = `tarball-${hashFile(path).slice(0, 16)}`;
  const directory = join(cacheDirectory('source'), identity);
  if (!existsSync(directory)) {
    try {
      await unpack(directory, `unpacking ${basename(path)}`, progress, [
        'sh',
        '-c',
        'set -e; tar -xvf "$0" --strip-components=1 -C "$1"',
        path,
      ]);
    } catch (error) {
      // A full disk is the machine's fault, a bad archive the caller's.
      if (/No space left|free there/.test(messageOf(error))) throw error;
      throw new UsageError(`--source ${given}: ${messageOf(error)}`);
    }
    if (!existsSync(join(directory, 'Kbuild'))) {
      rmSync(directory, { recursive: true, force: true });
      throw new UsageError(`--source ${given} does not hold a kernel source tree`);
    }
  }
  return { directory, identity, origin: path, version: treeVersion(directory) };
}

/** Unpacks next to the final place and renames: an interrupted unpacking is never taken for a tree. */
async function unpack(
  directory: string,
  what: string,
  progress: Progress,
  argv: readonly [string, ...string[]],
): Promise<void> {
  const unfinished = `${directory}.unfinished`;
  requireSpace(cacheDirectory('source'), unpackedMib, 'the unpacked kernel source');
  progress.step(what);
  rmSync(unfinished, { recursive: true, force: true });
  makeDirectory(unfinished);
  let files = 0;
  const { code, tail } = await runJob([...argv, unfinished], {
    onLine: () => {
      progress.at(++files, 95_000, 'files');
    },
  });
  if (code !== 0) {
    rmSync(unfinished, { recursive: true, force: true });
    const reason = tail.filter((line) => /^(tar|xz|dpkg-deb|gzip|bzip2):/.test(line)).slice(-4);
    throw new InfrastructureError(
      [
        `${what} failed (exit code ${String(code)})`,
        ...(reason.length > 0 ? reason : tail.slice(-4)).map((line) => `  ${line}`),
      ].join('\n'),
    );
  }
  renameSync(unfinished, directory);
}

/** VERSION.PATCHLEVEL.SUBLEVEL of a tree's Makefile. */
export function treeVersion(directory: string): string {
  let makefile: string;
  try {
    makefile = readFileSync(join(directory, 'Makefile'), 'utf8').slice(0, 400);
  } catch {
    throw new UsageError(`${directory} is not a kernel tree: it has no Makefile`);
  }
  const part = (name: string): string | undefined => new RegExp(`^${name} = (\\S+)`, 'm').exec(makefile)?.[1];
  const version = part('VERSION');
  const patchlevel = part('PATCHLEVEL');
  if (version === undefined || patchlevel === undefined)
    throw new UsageError(`${directory} is not a kernel tree: its Makefile names no VERSION`);
  const sublevel = part('SUBLEVEL') ?? '0';
  return `${version}.${patchlevel}${sublevel === '0' ? '' : `.${sublevel}`}${part('EXTRAVERSION') ?? ''}`;
}

/** By names, sizes and modification times: reading 1.5 GB for every command would cost more than it brings. */
function treeFingerprint(directory: string): string {
  const hash = createHash('sha256').update(directory);
  const walk = (path: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name === '.git') continue;
      const child = join(path, entry.name);
      if (entry.isDirectory()) walk(child);
      else {
        const { size, mtimeMs } = lstatSync(child);
        hash.update(`${child}\0${String(size)}\0${String(mtimeMs)}\0`);
      }
    }
  };
  walk(directory);
  return hash.digest('hex').slice(0, 16);
}

export function hashFile(path: string): string {
  const hash = createHash('sha256');
  const chunk = Buffer.allocUnsafe(4 << 20);
  const fd = openSync(path, 'r');
  try {
    for (let n = readSync(fd, chunk); n > 0; n = readSync(fd, chunk)) hash.update(chunk.subarray(0, n));
  } finally {
    closeSync(fd);
  }
  return hash.digest('hex');
}
