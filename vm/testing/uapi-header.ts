/** A uAPI header as the kernel under test may have it, with what a test changes in it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../../files/repository-root.ts';

type Change = readonly [from: string | RegExp, to: string];

/** The text with these changes, each of which must find something. */
export function headerWith(...changes: readonly Change[]): string {
  let text = readFileSync(join(repositoryRoot(), 'vm/testing/fuse.h'), 'utf8');
  for (const [from, to] of changes) {
    const next = text.replaceAll(from, to);
    if (next === text) throw new Error(`the header has no ${String(from)}`);
    text = next;
  }
  return text;
}

/** Bit, minor, opcodes, codes and ioctls are others than in any table. */
export const movedHeader = (): string =>
  headerWith(
    ['FUSE_IOMAP (1ULL << 43)', 'FUSE_IOMAP (1ULL << 55)'],
    ['FUSE_KERNEL_MINOR_VERSION 99', 'FUSE_KERNEL_MINOR_VERSION 101'],
    [/(FUSE_\w+) = 40(\d\d),/g, '$1 = 30$2,'],
    [/(FUSE_NOTIFY_IOMAP_\w+) = \d?(\d\d),/g, '$1 = 2$2,'],
    [/(_IOR\(FUSE_DEV_IOC_MAGIC, )99/g, '$1 79'],
    [/(_IOW?\(FUSE_DEV_IOC_MAGIC, )10(\d)/g, '$1 8$2'],
  );

/** Runs `use` with a file that holds `text`, in a directory of its own. */
export async function withHeader<T>(text: string | Uint8Array, use: (path: string) => Promise<T> | T): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'iomapfuzz-test-header-'));
  const path = join(directory, 'fuse.h');
  try {
    writeFileSync(path, text);
    return await use(path);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
