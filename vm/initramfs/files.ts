/** What every guest's initramfs holds: busybox, Node with its libraries, and the init script. */
import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InfrastructureError, messageOf } from '../../model/errors.ts';
import { findTool, installHint } from '../host/tools.ts';
import { repositoryRoot } from '../../files/repository-root.ts';
import type { CpioEntry } from './cpio.ts';

/** A file that the caller wants in the guest: `path` is absolute there. */
export interface GuestFile {
  path: string;
  content: { kind: 'file'; source: string } | { kind: 'bytes'; bytes: Uint8Array };
  executable?: boolean;
}

/** Node, its shared libraries, busybox and /init; only files of the host, nothing downloaded. */
export function baseFiles(): GuestFile[] {
  const busybox = findTool('busybox');
  if (busybox === undefined)
    throw new InfrastructureError(`busybox is not there: the guest's shell is made of it. ${installHint(['busybox'])}`);
  const init = readFileSync(join(repositoryRoot(), 'vm/initramfs/init.sh'));
  return [
    { path: '/init', content: { kind: 'bytes', bytes: init }, executable: true },
    ...programWithLibraries('/bin/busybox', busybox),
    ...programWithLibraries('/usr/bin/node', process.execPath),
  ];
}

/**
 * The archive's entries for these files: their parent directories first, a later file replaces an earlier one of the
 * same path.
 */
export function cpioEntries(files: readonly GuestFile[]): CpioEntry[] {
  const byPath = new Map(files.map((file) => [file.path.replace(/^\/+/, ''), file]));
  const directories = new Set<string>(['dev', 'proc', 'sys', 'tmp', 'run', 'root', 'bin', 'iomapfuzz']);
  for (const path of byPath.keys()) {
    for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) directories.add(parent);
  }
  return [
    ...[...directories].sort().map((path): CpioEntry => ({ kind: 'directory', path })),
    // init's own standard output, before devtmpfs is mounted (init/main.c, console_on_rootfs)
    { kind: 'device', path: 'dev/console', major: 5, minor: 1 },
    { kind: 'device', path: 'dev/null', major: 1, minor: 3 },
    ...[...byPath].map(([path, file]): CpioEntry => ({ ...file.content, path, executable: file.executable === true })),
  ];
}

/**
 * An ELF program at `path` and every shared library that it loads, the libraries under the names by which they are
 * looked up.
 */
export function programWithLibraries(path: string, source: string): GuestFile[] {
  return [
    { path, content: { kind: 'file', source: realpathSync(source) }, executable: true },
    ...sharedLibraries(source).map((library): GuestFile => ({
      path: library,
      content: { kind: 'file', source: realpathSync(library) },
      executable: true,
    })),
  ];
}

/** The absolute paths of the shared libraries of an ELF file, dynamic linker included; empty for a static program. */
export function sharedLibraries(program: string): string[] {
  let text: string;
  try {
    text = execFileSync('ldd', [program], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    // "not a dynamic executable", glibc's ldd
    if (/not a dynamic executable/.test(messageOf(error))) return [];
    throw new InfrastructureError(`the shared libraries of ${program} cannot be found out: ${messageOf(error)}`);
  }
  const libraries: string[] = [];
  for (const line of text.split('\n')) {
    if (/=> not found/.test(line))
      throw new InfrastructureError(`${program} needs a shared library that is not on this machine: ${line.trim()}`);
    const path = /(?:=> )?(\/\S+) \(0x/.exec(line)?.[1];
    if (path !== undefined) libraries.push(path);
  }
  return libraries;
}
