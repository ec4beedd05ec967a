/**
 * `--kdir TREE`: the kernel of somebody's tree.
 * - An image that was made in it (or in its O= directory) is used as it is.
 * - A tree that is configured gets its image made there, with its own configuration: what its owner's `make` would do.
 * - A tree that is not configured stays untouched: it is built in the cache, with our fragments.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import { withLock } from '../host/lock.ts';
import { cacheDirectory } from '../paths.ts';
import { fragmentsOf, type Flavour } from './fragments.ts';
import { configure, makeImage, requireBuildTools } from './make.ts';
import type { Progress } from './progress.ts';
import { treeVersion } from './source.ts';

const image = 'arch/x86/boot/bzImage';

/** The path of the tree's bzImage, built if need be. */
export async function kernelOfTree(kdir: string, flavour: Flavour | undefined, progress: Progress): Promise<string> {
  const tree = resolve(kdir);
  if (!existsSync(tree)) throw new UsageError(`--kdir ${kdir}: there is no such directory`);
  const built = existsSync(join(tree, image));
  const configured = existsSync(join(tree, '.config'));
  if (!built && !configured && !existsSync(join(tree, 'Kbuild'))) throw new UsageError(`--kdir ${kdir} is neither a kernel tree nor a build directory of one`);
  if ((built || configured) && flavour !== undefined) {
    throw new UsageError(`--flavour has no meaning for ${kdir}, which has a ${built ? 'built kernel' : 'configuration'} of its own; \`iomapfuzz kernel config\` prints a fragment to merge`);
  }
  if (built) {
    progress.note(`using ${join(tree, image)} as it was built`);
    return join(tree, image);
  }
  requireBuildTools();
  try {
    return configured ? await makeInTree(tree, progress) : await makeInCache(tree, flavour ?? 'fast', progress);
  } finally {
    progress.end();
  }
}

async function makeInTree(tree: string, progress: Progress): Promise<string> {
  const log = join(cacheDirectory('build', `tree-${shortHash(tree)}`), 'build.log');
  progress.note(`making bzImage in ${tree} with its own configuration`);
  await makeImage(tree, tree, log, progress, ['olddefconfig']);
  return join(tree, image);
}

async function makeInCache(tree: string, flavour: Flavour, progress: Progress): Promise<string> {
  const work = cacheDirectory('build', `tree-${shortHash(tree)}-${flavour}`);
  const objects = join(work, 'obj');
  mkdirSync(objects, { recursive: true });
  const iomap = /^config FUSE_IOMAP$/m.test(readFileSync(join(tree, 'fs/fuse/Kconfig'), 'utf8'));
  progress.note(`building Linux ${treeVersion(tree)} of ${tree}${iomap ? '' : ', which has no fuse-iomap,'} in ${objects}`);
  return withLock(join(work, 'lock'), () => { progress.note('waiting for another iomapfuzz that builds this tree'); }, async () => {
    await configure(tree, objects, fragmentsOf(flavour, { iomap }), progress);
    await makeImage(tree, objects, join(work, 'build.log'), progress);
    return join(objects, image);
  });
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
