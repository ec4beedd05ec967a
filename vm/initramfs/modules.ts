/** The kernel modules that a guest needs to reach its agent and FUSE, for kernels that do not have them built in. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { InfrastructureError, messageOf } from '../errors.ts';
import type { KernelImage } from '../kernel/image.ts';
import type { GuestFile } from './files.ts';

/** Loaded in this order, each after what it depends on. */
const wanted = ['unix', 'virtio_pci', 'virtio_mmio', 'virtio_console', 'virtio_rng', 'fuse', 'loop', 'brd'];

/** The .ko files that are not built in, with /iomapfuzz/modules.list in load order; empty for a kernel without modules. */
export function moduleFiles(kernel: KernelImage): GuestFile[] {
  const directory = kernel.modulesDirectory;
  if (directory === undefined) return [];
  const order = loadOrder(readFileSync(join(directory, 'modules.dep'), 'utf8'), wanted);
  if (order.length === 0) return [];
  const files = order.map((path): GuestFile => ({
    path: `/iomapfuzz/modules/${moduleName(path)}.ko`,
    content: { kind: 'bytes', bytes: readModule(join(directory, path)) },
  }));
  const list = `${files.map((file) => file.path).join('\n')}\n`;
  return [...files, { path: '/iomapfuzz/modules.list', content: { kind: 'bytes', bytes: Buffer.from(list) } }];
}

/** modules.dep: `path: dependency ...`, dependencies in the reverse of their load order (depmod(8)). */
export function loadOrder(modulesDep: string, names: readonly string[]): string[] {
  const dependencies = new Map<string, string[]>();
  const byName = new Map<string, string>();
  for (const line of modulesDep.split('\n')) {
    const [path, rest] = line.split(':', 2);
    if (path === undefined || rest === undefined) continue;
    dependencies.set(path, rest.split(/\s+/).filter((word) => word !== ''));
    byName.set(moduleName(path), path);
  }
  const order: string[] = [];
  const visit = (path: string): void => {
    if (order.includes(path)) return;
    for (const dependency of (dependencies.get(path) ?? []).toReversed()) visit(dependency);
    order.push(path);
  };
  for (const name of names) {
    const path = byName.get(name);
    if (path !== undefined) visit(path);
  }
  return order;
}

function moduleName(path: string): string {
  return basename(path).replace(/\.ko(\.\w+)?$/, '').replaceAll('-', '_');
}

const decompressors: Record<string, readonly [string, ...string[]]> = { '.xz': ['xz', '-dc'], '.zst': ['zstd', '-dcq'], '.gz': ['gzip', '-dc'] };

/** Debian 13 compresses its modules; not every kernel can load such a file itself. */
function readModule(path: string): Buffer {
  if (!existsSync(path)) throw new InfrastructureError(`modules.dep names ${path}, which is not there: the modules directory is incomplete`);
  const suffix = /\.ko(\.\w+)$/.exec(path)?.[1];
  if (suffix === undefined) return readFileSync(path);
  const command = decompressors[suffix];
  if (command === undefined) throw new InfrastructureError(`${path} is compressed in a way that is not known here (${suffix})`);
  try {
    return execFileSync(command[0], [...command.slice(1), path], { maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    throw new InfrastructureError(`${path} cannot be unpacked: ${messageOf(error)}`);
  }
}
