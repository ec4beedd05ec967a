/** `--file`: programs with their libraries, and other files and directories, that go into the guest. */
import type { Command } from 'commander';
import { openSync, readSync, closeSync, readdirSync, statSync, realpathSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { UsageError } from '../model/errors.ts';
import { findTool } from '../vm/host/tools.ts';
import { programWithLibraries, type GuestFile } from '../vm/initramfs/files.ts';
import { SEVERAL_TIMES } from './list-option.ts';

const programDirectory = '/usr/local/bin';
const dataDirectory = '/host';

export function addFileOption(command: Command): Command {
  return command.option(
    '--file <path[:guest]>',
    `bring a program (with its libraries, to ${programDirectory}), a file or a directory (to ${dataDirectory}, or to the path behind the colon); ${SEVERAL_TIMES}`,
    (value: string, all: string[] = []) => [...all, value],
  );
}

/** Throws UsageError for what is not there. */
export function guestFilesOf(wanted: readonly string[] = []): GuestFile[] {
  return wanted.flatMap((text) => {
    const [path, guest] = split(text);
    const source = path.includes('/') ? resolve(path) : (findTool(path) ?? resolve(path));
    const stat = statSync(source, { throwIfNoEntry: false });
    if (!stat)
      throw new UsageError(
        `--file ${text}: there is no ${source}${path.includes('/') ? '' : `, and no program ${path} on PATH; install the package that has it`}`,
      );
    if (stat.isDirectory()) return directory(source, guest ?? join(dataDirectory, basename(source)));
    if (!stat.isFile())
      throw new UsageError(`--file ${text}: ${source} is neither a file nor a directory; name one of these`);
    const executable = (stat.mode & 0o111) !== 0;
    const target = guest ?? join(executable ? programDirectory : dataDirectory, basename(source));
    return executable && isElf(source)
      ? programWithLibraries(target, source)
      : [{ path: target, content: { kind: 'file', source: realpathSync(source) }, executable }];
  });
}

function split(text: string): [string, string?] {
  const at = text.lastIndexOf(':');
  if (at < 0) return [text];
  const guest = text.slice(at + 1);
  if (!guest.startsWith('/'))
    throw new UsageError(`--file ${text}: what follows the colon is the path in the guest, and begins with a slash`);
  return [text.slice(0, at), guest];
}

function directory(source: string, target: string): GuestFile[] {
  return readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry): GuestFile => {
      const path = join(entry.parentPath, entry.name);
      return {
        path: join(target, path.slice(source.length)),
        content: { kind: 'file', source: path },
        executable: (statSync(path).mode & 0o111) !== 0,
      };
    });
}

function isElf(path: string): boolean {
  const fd = openSync(path, 'r');
  const magic = Buffer.alloc(4);
  try {
    return readSync(fd, magic, 0, 4, 0) === 4 && magic.toString('latin1') === '\x7fELF';
  } finally {
    closeSync(fd);
  }
}

/** What files and their copies in the guest's root file system take there, in MiB. */
export const memoryForFiles = (files: readonly GuestFile[]): number =>
  // The archive and its unpacked files are there at once, and these may only take half of what it leaves
  // (init/initramfs.c, mm/shmem.c).
  Math.ceil(
    (3 *
      files.reduce(
        (sum, { content }) => sum + (content.kind === 'file' ? statSync(content.source).size : content.bytes.length),
        0,
      )) /
      (1 << 20),
  );
