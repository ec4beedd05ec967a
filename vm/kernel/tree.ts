/**
 * `--kdir TREE`: the kernel of somebody's tree, as the tree is now.
 * - A tree that is configured gets its image made there, with its own configuration: what its owner's `make` would do,
 * and only what changed.
 *   So does a build directory (make O=DIR) that is named itself.
 * - A tree that is not configured stays untouched: it is built in the cache, with our fragments. An image that was made
 * before is never taken for the tree: its source may have changed since, and may not even compile.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { makeDirectory } from '../../files/make-directory.ts';
import { InterruptedError, UsageError } from '../../model/errors.ts';
import { withLock } from '../host/lock.ts';
import { cacheDirectory } from '../paths.ts';
import { parseConfig, type KernelConfig } from './parse-config.ts';
import { fragmentsOf, type Flavour } from './fragments.ts';
import { configure, makeImage, requireBuildTools } from './make.ts';
import type { Progress } from './progress.ts';
import { treeVersion } from './source.ts';
import { newerThanImage, rememberTree, treeState } from './tree-state.ts';

const image = 'arch/x86/boot/bzImage';

export interface TreeOptions {
  flavour?: Flavour;
  /** False: take the image that is there, and refuse one that is older than the tree. Default: true. */
  build?: boolean;
}

/** The path of the tree's bzImage. Throws UsageError, or KernelBuildError with the compiler's words. */
export async function kernelOfTree(
  kdir: string,
  { flavour, build = true }: TreeOptions,
  progress: Progress,
): Promise<string> {
  const tree = resolve(kdir);
  if (!existsSync(tree)) throw new UsageError(`--kdir ${kdir}: there is no such directory`);
  const built = existsSync(join(tree, image));
  const configured = existsSync(join(tree, '.config'));
  if (!built && !configured && !existsSync(join(tree, 'Kbuild')))
    throw new UsageError(`--kdir ${kdir} is neither a kernel tree nor a build directory of one`);
  if (!build) return builtImage(tree, kdir, built, progress);
  if (built && !configured) {
    throw new UsageError(
      `--kdir ${kdir} has an image and no .config: whether that image is of this source cannot be known. ` +
        `Give the image itself by --kernel ${join(kdir, image)}, or configure the tree`,
    );
  }
  if (configured && flavour !== undefined) {
    throw new UsageError(
      `--flavour has no meaning for ${kdir}, which has a configuration of its own; \`iomapfuzz kernel config\` prints a fragment to merge`,
    );
  }
  requireBuildTools();
  try {
    const made = configured ? await makeInTree(tree, progress) : await makeInCache(tree, flavour ?? 'fast', progress);
    const state = treeState(tree);
    rememberTree(made, tree, state);
    progress.note(`the kernel of ${tree}, commit ${state.commit}`);
    return made;
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
    throw new InterruptedError(
      `${error.message} while the kernel of ${tree} was being made: what was compiled stays, and the same command goes on from there`,
    );
  } finally {
    progress.end();
  }
}

/** `--no-build`. */
function builtImage(tree: string, kdir: string, built: boolean, progress: Progress): string {
  const path = join(tree, image);
  if (!built) throw new UsageError(`--no-build: ${kdir} has no ${image}; leave --no-build out, so that it is made`);
  progress.step('looking for source that is newer than the image');
  const newer = newerThanImage(tree, path);
  if (newer !== undefined) {
    throw new UsageError(
      `--no-build: ${newer} was changed after ${path} was made: run make there, or leave --no-build out. ` +
        `To test that image as it is, give it by --kernel`,
    );
  }
  rememberTree(path, tree, treeState(tree));
  return path;
}

async function makeInTree(tree: string, progress: Progress): Promise<string> {
  const work = cacheDirectory('build', `tree-${shortHash(tree)}`);
  return withLock(
    join(work, 'lock'),
    () => {
      progress.note('waiting for another iomapfuzz that makes this tree');
    },
    async () => {
      progress.note(`making ${image} in ${tree} with its own configuration`);
      const log = join(work, 'build.log');
      rmSync(log, { force: true });
      const before = configOf(tree);
      await makeImage(tree, tree, log, progress, ['olddefconfig']);
      // As in a bisection, whose source did not know an option yet: later commits would be tested without it.
      const after = configOf(tree);
      const dropped = [...before.keys()].filter((symbol) => !after.has(symbol)).map((symbol) => `CONFIG_${symbol}`);
      if (dropped.length > 0)
        progress.note(
          `this source does not keep ${dropped.slice(0, 5).join(', ')}${dropped.length > 5 ? ' ...' : ''} of .config; the one before is .config.old`,
        );
      return join(tree, image);
    },
  );
}

async function makeInCache(tree: string, flavour: Flavour, progress: Progress): Promise<string> {
  const work = cacheDirectory('build', `tree-${shortHash(tree)}-${flavour}`);
  const objects = join(work, 'obj');
  makeDirectory(objects);
  const iomap = /^config FUSE_IOMAP$/m.test(readFileSync(join(tree, 'fs/fuse/Kconfig'), 'utf8'));
  progress.note(
    `building Linux ${treeVersion(tree)} of ${tree}${iomap ? '' : ', which has no fuse-iomap,'} in ${objects}`,
  );
  return withLock(
    join(work, 'lock'),
    () => {
      progress.note('waiting for another iomapfuzz that builds this tree');
    },
    async () => {
      await configure(tree, objects, fragmentsOf(flavour, { iomap }), progress);
      await makeImage(tree, objects, join(work, 'build.log'), progress);
      return join(objects, image);
    },
  );
}

const configOf = (tree: string): KernelConfig => parseConfig(readFileSync(join(tree, '.config'), 'utf8'));

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
