/** The kernel modules that a guest needs to reach its agent and FUSE, for kernels that do not have them built in. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { InfrastructureError, messageOf } from '../../model/errors.ts';
import type { KernelImage } from '../kernel/image.ts';
import type { GuestFile } from './files.ts';

/** Loaded in this order, each after what it depends on. */
const wanted = ['unix', 'virtio_pci', 'virtio_mmio', 'virtio_console', 'virtio_rng', 'fuse', 'loop', 'brd'];

/**
 * The .ko files that are not built in, with /iomapfuzz/modules.list in load order; empty for a kernel without modules.
 */
export function moduleFiles(kernel: KernelImage): GuestFile[] {
  const directory = kernel.modulesDirectory;
  if (directory === undefined) return [];
  // Not modules.dep: that is made when a package is installed, and packages are only unpacked here.
  const paths = readFileSync(join(directory, 'modules.order'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/\.o$/, '.ko'));
  const byName = new Map(paths.map((path) => [moduleName(path), join(directory, path)]));
  const contents = new Map<string, Buffer>();
  const content = (name: string): Buffer | undefined => {
    const path = byName.get(name);
    if (path !== undefined && !contents.has(name)) contents.set(name, readModule(path));
    return contents.get(name);
  };
  const order = loadOrder(wanted, (name) => {
    const module = content(name);
    return module === undefined ? undefined : dependenciesOf(module);
  });
  if (order.length === 0) return [];
  const files = order.map((name): GuestFile => ({
    path: `/iomapfuzz/modules/${name}.ko`,
    content: { kind: 'bytes', bytes: content(name)! },
  }));
  const list = `${files.map((file) => file.path).join('\n')}\n`;
  return [...files, { path: '/iomapfuzz/modules.list', content: { kind: 'bytes', bytes: Buffer.from(list) } }];
}

/** Each module after those that it depends on; `dependencies` is undefined for what is not a module of the kernel. */
export function loadOrder(names: readonly string[], dependencies: (name: string) => string[] | undefined): string[] {
  const order: string[] = [];
  const visiting = new Set<string>();
  const visit = (name: string): void => {
    if (order.includes(name) || visiting.has(name)) return;
    visiting.add(name);
    const needed = dependencies(name);
    if (needed !== undefined) {
      needed.forEach(visit);
      order.push(name);
    }
    visiting.delete(name);
  };
  names.forEach(visit);
  return order;
}

/**
 * The module's own list: "depends=a,b" among the NUL-separated strings of .modinfo (scripts/mod/modpost.c,
 * add_depends).
 */
export function dependenciesOf(module: Buffer): string[] {
  const start = module.indexOf('\0depends=', 0, 'latin1');
  if (start < 0) return [];
  const text = module.toString('latin1', start + '\0depends='.length, module.indexOf(0, start + 1));
  return text
    .split(',')
    .filter((name) => name !== '')
    .map((name) => name.replaceAll('-', '_'));
}

function moduleName(path: string): string {
  return basename(path)
    .replace(/\.ko(\.\w+)?$/, '')
    .replaceAll('-', '_');
}

const decompressors: Record<string, readonly [string, ...string[]]> = {
  '.xz': ['xz', '-dc'],
  '.zst': ['zstd', '-dcq'],
  '.gz': ['gzip', '-dc'],
};

/** Debian 13 compresses its modules; not every kernel can load such a file itself. */
function readModule(plain: string): Buffer {
  // modules.order never speaks of compression.
  const path = ['', ...Object.keys(decompressors)]
    .map((suffix) => `${plain}${suffix}`)
    .find((candidate) => existsSync(candidate));
  if (path === undefined)
    throw new InfrastructureError(
      `modules.order names ${plain}, which is not there: the modules directory is incomplete`,
    );
  const suffix = /\.ko(\.\w+)$/.exec(path)?.[1];
  if (suffix === undefined) return readFileSync(path);
  const command = decompressors[suffix]!;
  try {
    return execFileSync(command[0], [...command.slice(1), path], {
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    throw new InfrastructureError(`${path} cannot be unpacked: ${messageOf(error)}`);
  }
}
