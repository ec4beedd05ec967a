/** Builds the initramfs file and keeps it in the cache: 107 MB of Node need not be copied again for every VM. */
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { InfrastructureError, errnoOf, messageOf } from '../../model/errors.ts';
import { hashFile } from '../kernel/source.ts';
import { cacheDirectory } from '../paths.ts';
import { writeCpio } from './cpio.ts';
import { baseFiles, cpioEntries, type GuestFile } from './files.ts';

/** How many archives stay in the cache; each takes about 110 MB. */
const keptArchives = 4;

/** Archives that this process has read and found whole, by path, with what would change when they did. */
const verified = new Map<string, string>();

/**
 * The path of an initramfs with `files` on top of the base files. The archive is named by what went into it; a file on
 * the host counts by path, size and modification time. An archive from the cache is read once a process and compared
 * with the hash that was noted when it was written: a guest of a damaged one (a machine that lost power, a disk with
 * errors) would fail in ways that look like the kernel's.
 */
export function initramfsFor(files: readonly GuestFile[]): string {
  const all = [...baseFiles(), ...files];
  const directory = cacheDirectory('initramfs');
  const path = join(directory, `${fingerprint(all)}.cpio`);
  const now = new Date();
  try {
    if (isWhole(path)) {
      utimesSync(path, now, now);
      return path;
    }
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
  const unfinished = `${path}.${String(process.pid)}`;
  try {
    writeCpio(unfinished, cpioEntries(all));
    // On the disk before its name is: a name without its content survives a machine that loses power.
    sync(unfinished);
    writeFileSync(`${unfinished}.sha256`, hashFile(unfinished));
    sync(`${unfinished}.sha256`);
    renameSync(`${unfinished}.sha256`, hashOf(path));
    renameSync(unfinished, path);
    sync(directory);
    verified.set(path, identityOf(path));
  } catch (error) {
    for (const left of [unfinished, `${unfinished}.sha256`]) rmSync(left, { force: true });
    throw new InfrastructureError(
      `the guest's initramfs cannot be written to ${directory}: ${messageOf(error)}` +
        (errnoOf(error) === 'ENOSPC'
          ? '; it needs about 120 MB: free some disk space, or set XDG_CACHE_HOME to a larger disk'
          : ''),
    );
  }
  prune(directory);
  return path;
}

const hashOf = (path: string): string => `${path}.hash`;

/** What differs when somebody writes to a file; its modification time does not: each use sets it. */
function identityOf(path: string): string {
  const { dev, ino, size } = statSync(path);
  return [dev, ino, size].join(' ');
}

/** Throws ENOENT when there is no such archive. */
function isWhole(path: string): boolean {
  const identity = identityOf(path);
  if (verified.get(path) === identity) return true;
  if (!existsSync(hashOf(path)) || readFileSync(hashOf(path), 'utf8') !== hashFile(path)) return false;
  verified.set(path, identity);
  return true;
}

function sync(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function fingerprint(files: readonly GuestFile[]): string {
  const hash = createHash('sha256');
  for (const { path, content, executable } of files) {
    hash.update(`${path}\0${executable === true ? 'x' : '-'}\0${content.kind}\0`);
    if (content.kind === 'bytes') {
      hash.update(`${String(content.bytes.length)}\0`).update(content.bytes);
    } else {
      const { size, mtimeMs, ino } = statSync(content.source);
      hash.update(`${content.source}\0${String(size)}\0${String(mtimeMs)}\0${String(ino)}\0`);
    }
  }
  return hash.digest('hex').slice(0, 24);
}

/**
 * An archive that was cut off by a signal goes; an archive that a running QEMU is about to load must stay: only those
 * that nobody asked for in the last hour go.
 */
function prune(directory: string): void {
  const hourAgo = Date.now() - 3_600_000;
  for (const name of readdirSync(directory)) {
    const writer = /\.cpio\.(\d+)(\.sha256)?$/.exec(name)?.[1];
    if (writer !== undefined && !existsSync(`/proc/${writer}`)) rmSync(join(directory, name), { force: true });
  }
  const archives = readdirSync(directory)
    .filter((name) => name.endsWith('.cpio'))
    .map((name) => join(directory, name))
    .map((path) => ({ path, usedMs: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((a, b) => b.usedMs - a.usedMs);
  for (const { path, usedMs } of archives.slice(keptArchives))
    if (usedMs < hourAgo) for (const gone of [path, hashOf(path)]) rmSync(gone, { force: true });
}
