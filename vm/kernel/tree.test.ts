/** --kdir tests what the tree says, never an image that was made before. */
import { expect, test } from '@playwright/test';
import { mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KernelBuildError, UsageError } from '../../model/errors.ts';
import { missingTools } from '../host/tools.ts';
import { commitTree, standInTree } from '../testing/stand-in-kernel.ts';
import { readKernelImage } from './image.ts';
import type { Progress } from './progress.ts';
import { kernelOfTree, type TreeOptions } from './tree.ts';

const missing = missingTools('kernel build').map(({ name }) => name);
test.skip(missing.length > 0, `kernels cannot be built here: ${missing.join(', ')}`);

const cache = process.env['XDG_CACHE_HOME'];
test.beforeEach(({}, info) => {
  mkdirSync(info.outputDir, { recursive: true });
  process.env['XDG_CACHE_HOME'] = info.outputPath('cache');
});
test.afterEach(() => {
  if (cache === undefined) delete process.env['XDG_CACHE_HOME'];
  else process.env['XDG_CACHE_HOME'] = cache;
});

interface Made {
  path: string;
  text: string;
  notes: string[];
}
async function make(tree: string, options: TreeOptions = {}): Promise<Made> {
  const notes: string[] = [];
  const progress: Progress = {
    step() {
      /* silent */
    },
    at() {
      /* silent */
    },
    note: (text) => {
      notes.push(text);
    },
    end() {
      /* silent */
    },
  };
  const path = await kernelOfTree(tree, options, progress);
  return { path, text: readFileSync(path, 'latin1'), notes };
}
const before = (path: string, seconds: number): void => {
  const at = new Date(Date.now() - seconds * 1000);
  utimesSync(path, at, at);
};
const config = 'CONFIG_FUSE_IOMAP=y\n';
/** A tree whose image is up to date. */
async function builtTree(path: string): Promise<string> {
  const tree = standInTree(path, { config });
  const { path: image } = await make(tree);
  for (const name of [
    'fs/fuse/file.c',
    '.config',
    'Makefile',
    'Kbuild',
    'Kconfig',
    'head',
    'fs/fuse/Kconfig',
    'scripts/kconfig/merge_config.sh',
  ])
    before(join(tree, name), 60);
  before(image, 30);
  return tree;
}

test('should make the image of a configured tree, and leave one that is up to date as it is', async ({}, info) => {
  const tree = await builtTree(info.outputPath('tree'));
  const made = readKernelImage(join(tree, 'arch/x86/boot/bzImage')).builtAt;
  const { path, text } = await make(tree);
  expect(text).toContain('int first;');
  expect(path).toBe(join(tree, 'arch/x86/boot/bzImage'));
  expect(readKernelImage(path).builtAt).toBe(made);
  expect((await make(tree, { build: false })).path).toBe(path);
});

test('should make the image anew when the source is newer, and refuse it without making', async ({}, info) => {
  const tree = await builtTree(info.outputPath('tree'));
  writeFileSync(join(tree, 'fs/fuse/file.c'), 'int second;\n');
  await expect(make(tree, { build: false })).rejects.toThrow(
    /--no-build: .*fs\/fuse\/file\.c was changed after .*bzImage was made: run make there, or leave --no-build out/,
  );
  expect((await make(tree)).text).toContain('int second;');
});

test('should make the image anew when the configuration changed', async ({}, info) => {
  const tree = await builtTree(info.outputPath('tree'));
  writeFileSync(join(tree, '.config'), `${config}CONFIG_KASAN=y\n`);
  await expect(make(tree, { build: false })).rejects.toThrow(/\.config was changed after/);
  expect((await make(tree)).text).toContain('CONFIG_KASAN=y');
});

test('should say which options this source does not keep, as commits of a bisection may not', async ({}, info) => {
  const tree = standInTree(info.outputPath('tree'), { config: `${config}CONFIG_UNKNOWN=y\n` });
  expect((await make(tree)).notes).toContainEqual(
    expect.stringContaining('does not keep CONFIG_UNKNOWN of .config; the one before is .config.old'),
  );
});

test("should give the compiler's words for a tree that does not compile, although an image is there", async ({}, info) => {
  const tree = await builtTree(info.outputPath('tree'));
  writeFileSync(join(tree, 'fs/fuse/file.c'), '#error new source\n');
  const error = await make(tree).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(KernelBuildError);
  expect((error as Error).message).toMatch(
    /^the kernel does not compile:\n {2}fs\/fuse\/file\.c:1:2: error: #error new source$/m,
  );
});

test('should not be sent elsewhere by variables that make reads', async ({}, info) => {
  const tree = standInTree(info.outputPath('tree'), { config });
  process.env['O'] = process.env['KBUILD_OUTPUT'] = info.outputPath('elsewhere');
  process.env['MAKEFLAGS'] = 'n';
  try {
    expect((await make(tree)).text).toContain('int first;');
  } finally {
    for (const name of ['O', 'KBUILD_OUTPUT', 'MAKEFLAGS']) Reflect.deleteProperty(process.env, name);
  }
});

test('should build a tree that is not configured in the cache, each time as it is then', async ({}, info) => {
  const tree = standInTree(info.outputPath('tree'));
  const first = await make(tree);
  expect(first.path).toContain(info.outputPath('cache'));
  expect(first.text).toContain('CONFIG_FUSE_IOMAP=y');
  writeFileSync(join(tree, 'fs/fuse/file.c'), 'int second;\n');
  expect((await make(tree)).text).toContain('int second;');
  await expect(make(tree, { build: false })).rejects.toThrow(
    /--no-build: .* has no arch\/x86\/boot\/bzImage; leave --no-build out/,
  );
});

test('should not guess what an image is made of that has no configuration beside it', async ({}, info) => {
  const tree = await builtTree(info.outputPath('tree'));
  rmSync(join(tree, '.config'));
  const error = await make(tree).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UsageError);
  expect((error as Error).message).toMatch(
    /has an image and no \.config: .* --kernel .*bzImage, or configure the tree/,
  );
});

test('should know the commit that an image was made of, whoever reads the image', async ({}, info) => {
  const tree = standInTree(info.outputPath('tree'), { config });
  expect(readKernelImage((await make(tree)).path).tree).toEqual({ directory: tree, commit: 'unknown: not a git tree' });
  commitTree(tree, 'v7.3-rc1');
  expect(readKernelImage((await make(tree)).path).tree).toEqual({ directory: tree, commit: 'v7.3-rc1' });
  writeFileSync(join(tree, 'fs/fuse/file.c'), 'int second;\n');
  const { path } = await make(tree);
  expect(readKernelImage(path).tree?.commit).toBe('v7.3-rc1-dirty');
  expect(readKernelImage(path).builtAt).toMatch(/^20\d\d-.*Z$/);
});
