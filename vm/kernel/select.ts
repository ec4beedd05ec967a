/** Which kernel a command is about: one that the user brings, or the reference kernel. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../../model/errors.ts';
import { buildReferenceKernel } from './build.ts';
import type { Flavour } from './fragments.ts';
import { readKernelImage, type KernelImage } from './image.ts';
import { kernelOfTree } from './tree.ts';
import type { Progress } from './progress.ts';

export interface KernelSelection {
  /** A bzImage. */
  kernel?: string;
  /** A kernel tree: made as it is now. */
  kdir?: string;
  /** False: the image that is in `kdir` must be up to date. Default: true. */
  build?: boolean;
  /** Of the reference kernel, or of a tree that is built. */
  flavour?: Flavour;
  /** Where lib/modules/RELEASE of `kernel` is, when not beside it. */
  modules?: string;
  /** Where the reference kernel's source comes from, when not from Debian. */
  source?: string;
}

/** Finds or builds the kernel. Throws UsageError or InfrastructureError. */
export async function selectKernel(selection: KernelSelection, progress: Progress): Promise<KernelImage> {
  const { kernel, kdir, flavour, modules, source, build } = selection;
  if (build === false && kdir === undefined)
    throw new UsageError('--no-build is about --kdir TREE: give a tree, or leave it out');
  if (kernel !== undefined && kdir !== undefined)
    throw new UsageError('--kernel and --kdir both name a kernel: give one of them');
  const fromModules = modules === undefined ? {} : { modulesDirectory: modules };
  if (kernel !== undefined) {
    if (statSync(kernel, { throwIfNoEntry: false })?.isDirectory() === true)
      throw new UsageError(`${kernel} is a directory: --kernel takes a bzImage, --kdir a kernel tree`);
    return readKernelImage(kernel, fromModules);
  }
  if (kdir !== undefined)
    return readKernelImage(
      await kernelOfTree(kdir, { ...(flavour && { flavour }), ...(build !== undefined && { build }) }, progress),
      fromModules,
    );
  const built = await buildReferenceKernel(
    { flavour: flavour ?? 'fast', ...(source === undefined ? {} : { source }) },
    progress,
  );
  return readKernelImage(join(built.directory, 'bzImage'), fromModules);
}
