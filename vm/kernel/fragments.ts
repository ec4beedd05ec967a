/** The configuration fragments of the reference kernel and of any kernel that is to be tested. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../files/repository-root.ts';

/**
 * `fast` for campaigns; `debug` with KASAN, UBSAN, lockdep and KCOV; `liberties` as fast, with switches for what the
 * rules leave open.
 */
export const flavours = ['fast', 'debug', 'liberties'] as const;
export type Flavour = (typeof flavours)[number];

/** The fragments of a flavour, on top of those of all flavours. */
const fragmentNames: Record<Flavour, readonly string[]> = {
  fast: ['fast'],
  debug: ['debug'],
  liberties: ['fast', 'liberties'],
};

/** Flavours that differ in a few files are built in one directory, so that the second one costs a minute. */
export const workDirectoryOf = (flavour: Flavour): string => fragmentNames[flavour][0]!;

export interface Fragment {
  path: string;
  text: string;
}

/** The fragments of a build, in merge order. Without `iomap`, for a tree that does not know fuse-iomap. */
export function fragmentsOf(flavour: Flavour, { iomap }: { iomap: boolean }): Fragment[] {
  return ['base', ...(iomap ? ['iomap'] : []), ...fragmentNames[flavour]].map(readFragment);
}

/** What any kernel needs to be testable, for merge_config.sh. */
export function testableFragment(): string {
  return ['base', 'iomap'].map((name) => readFragment(name).text).join('');
}

function readFragment(name: string): Fragment {
  const path = join(repositoryRoot(), 'vm/kernel/config', `${name}.config`);
  return { path, text: readFileSync(path, 'utf8') };
}
