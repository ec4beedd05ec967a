/** Builds the reference kernel, or finds it in the cache: named by what went into it, so never built twice. */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from '../../files/make-directory.ts';
import { InterruptedError, errnoOf } from '../../model/errors.ts';
import { withLock } from '../host/lock.ts';
import { cacheDirectory } from '../paths.ts';
import { sourcePackage } from './debian.ts';
import { fragmentsOf, workDirectoryOf, type Flavour, type Fragment } from './fragments.ts';
import { configure, makeImage, requireBuildTools, toolchain } from './make.ts';
import { bringToPatches, copyTree, patchSeries, type Patch } from './patches.ts';
import type { Progress } from './progress.ts';
import { headerBeside, headerOfTree } from './tree-state.ts';
import { hashFile, referenceSource, type KernelSource } from './source.ts';

/** What a cached kernel says of itself (manifest.json). */
interface KernelManifest {
  schema: 1;
  key: string;
  flavour: Flavour;
  /** `7.3.4` */
  version: string;
  source: { identity: string; origin: string };
  patches: { name: string; sha256: string }[];
  fragments: { name: string; sha256: string }[];
  toolchain: string;
  builtAt: string;
  buildSeconds: number;
  bzImageSha256: string;
}

export interface BuiltKernel {
  /** Holds bzImage, bzImage.fuse.h (its uAPI header), config, vmlinux, System.map, manifest.json. */
  directory: string;
  manifest: KernelManifest;
}

export interface BuildOptions {
  flavour: Flavour;
  /** A tarball or tree instead of Debian's package. */
  source?: string;
}

export async function buildReferenceKernel(options: BuildOptions, progress: Progress): Promise<BuiltKernel> {
  const { flavour, source: given } = options;
  const parts = ingredients(flavour);
  try {
    const known = given === undefined ? cachedFromDebian(parts) : undefined;
    if (known !== undefined) return known;
    // The source is shared by the flavours, and unpacked by whoever comes first.
    const source = await withLock(
      join(cacheDirectory('locks'), 'source'),
      () => {
        progress.note('waiting for another iomapfuzz that fetches the kernel source');
      },
      () => referenceSource(given, progress),
    );
    const key = keyOf(parts, source.identity);
    return (
      findBuilt(key) ??
      (await withLock(
        join(cacheDirectory('locks'), `build-${workDirectoryOf(flavour)}`),
        () => {
          progress.note(`waiting for another iomapfuzz that builds the ${flavour} kernel`);
        },
        async () => findBuilt(key) ?? (await build(flavour, key, source, parts, progress)),
      ))
    );
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
    throw new InterruptedError(
      `${error.message} while the ${flavour} reference kernel was being made: what was compiled stays, and the same command goes on from there`,
    );
  } finally {
    progress.end();
  }
}

/** The reference kernel of this checkout, if it need not be built. */
export function cachedReferenceKernel(flavour: Flavour): BuiltKernel | undefined {
  return cachedFromDebian(ingredients(flavour));
}

/** A kernel in the cache outlives its source: CI systems keep the small directory and drop the large ones. */
function cachedFromDebian(parts: Ingredients): BuiltKernel | undefined {
  return cachedKernels().find(
    ({ manifest }) =>
      manifest.source.identity.startsWith(`${sourcePackage}_`) &&
      manifest.key === keyOf(parts, manifest.source.identity),
  );
}

/** The cached kernels, newest first. */
export function cachedKernels(): BuiltKernel[] {
  return readdirSync(cacheDirectory('kernels'))
    .filter((name) => !name.startsWith('.'))
    .map(findBuilt)
    .filter((kernel) => kernel !== undefined)
    .sort((a, b) => b.manifest.builtAt.localeCompare(a.manifest.builtAt));
}

/** What a kernel is made of, besides its source. */
interface Ingredients {
  patches: Patch[];
  fragments: Fragment[];
  toolchain: string;
}

/** Raised when the way of building changes so that old results no longer count. */
const recipe = 1;

function ingredients(flavour: Flavour): Ingredients {
  const patches = patchSeries();
  const iomap = patches.some(({ text }) => /^\+config FUSE_IOMAP$/m.test(text));
  return { patches, fragments: fragmentsOf(flavour, { iomap }), toolchain: toolchain() };
}

function keyOf({ patches, fragments, toolchain: tools }: Ingredients, sourceIdentity: string): string {
  return createHash('sha256')
    .update(
      JSON.stringify([
        recipe,
        sourceIdentity,
        patches.map(({ sha256 }) => sha256),
        fragments.map(({ text }) => text),
        tools,
      ]),
    )
    .digest('hex')
    .slice(0, 16);
}

function findBuilt(key: string): BuiltKernel | undefined {
  const directory = join(cacheDirectory('kernels'), key);
  try {
    const manifest = JSON.parse(readFileSync(join(directory, 'manifest.json'), 'utf8')) as KernelManifest;
    // An image that does not match its manifest is as good as none.
    return hashFile(join(directory, 'bzImage')) === manifest.bzImageSha256 ? { directory, manifest } : undefined;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function build(
  flavour: Flavour,
  key: string,
  source: KernelSource,
  parts: Ingredients,
  progress: Progress,
): Promise<BuiltKernel> {
  requireBuildTools();
  const startedMs = performance.now();
  const { patches, fragments, toolchain: tools } = parts;
  progress.note(
    `the ${flavour} reference kernel is not in the cache: building it from ${source.origin} with ${String(patches.length)} patches`,
  );
  const work = cacheDirectory('build', workDirectoryOf(flavour));
  const tree = join(work, 'src');
  const objects = join(work, 'obj');
  await prepareTree(work, tree, objects, source, progress);
  progress.step(`applying ${String(patches.length)} patches`);
  bringToPatches(tree, source, patches);
  makeDirectory(objects);
  await configure(tree, objects, fragments, progress);
  const log = join(work, 'build.log');
  await makeImage(tree, objects, log, progress, [
    `LOCALVERSION=-iomapfuzz-${flavour}`,
    'KBUILD_BUILD_USER=iomapfuzz',
    'KBUILD_BUILD_HOST=reference',
  ]);
  const manifest: KernelManifest = {
    schema: 1,
    key,
    flavour,
    version: source.version,
    source: { identity: source.identity, origin: source.origin },
    patches: patches.map(({ name, sha256 }) => ({ name, sha256 })),
    fragments: fragments.map(({ path, text }) => ({
      name: path.split('/').at(-1)!,
      sha256: createHash('sha256').update(text).digest('hex'),
    })),
    toolchain: tools,
    builtAt: new Date().toISOString(),
    buildSeconds: Math.round((performance.now() - startedMs) / 1000),
    bzImageSha256: hashFile(join(objects, 'arch/x86/boot/bzImage')),
  };
  return store(tree, objects, log, manifest);
}

/** The work tree belongs to one source; make's objects belong to the work tree. */
async function prepareTree(
  work: string,
  tree: string,
  objects: string,
  source: KernelSource,
  progress: Progress,
): Promise<void> {
  const ownerFile = join(work, 'source');
  const owner = existsSync(ownerFile) ? readFileSync(ownerFile, 'utf8') : '';
  if (owner === source.identity && existsSync(tree)) return;
  progress.step('copying the source tree');
  for (const path of [ownerFile, objects, join(work, 'patched.json')]) rmSync(path, { recursive: true, force: true });
  await copyTree(source.directory, tree);
  writeFileSync(ownerFile, source.identity);
}

/** Writes the result beside its final place and renames it there: a kernel in the cache is a whole one. */
function store(tree: string, objects: string, log: string, manifest: KernelManifest): BuiltKernel {
  const kernels = cacheDirectory('kernels');
  const directory = join(kernels, manifest.key);
  for (const name of readdirSync(kernels))
    if (name.startsWith('.unfinished')) rmSync(join(kernels, name), { recursive: true, force: true });
  const unfinished = join(kernels, `.unfinished-${manifest.key}`);
  mkdirSync(unfinished);
  copyFileSync(join(objects, 'arch/x86/boot/bzImage'), join(unfinished, 'bzImage'));
  copyFileSync(headerOfTree(tree), headerBeside(join(unfinished, 'bzImage')));
  copyFileSync(join(objects, '.config'), join(unfinished, 'config'));
  for (const name of ['vmlinux', 'System.map']) copyFileSync(join(objects, name), join(unfinished, name));
  copyFileSync(log, join(unfinished, 'build.log'));
  writeFileSync(join(unfinished, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  rmSync(directory, { recursive: true, force: true });
  renameSync(unfinished, directory);
  return { directory, manifest };
}
