/**
 * What a `serve` script imports as 'iomapfuzz/server': a FUSE server that answers the kernel's requests as the script
 * says. docs/serving.md explains it.
 *
 *     import { defineServer, mapped } from 'iomapfuzz/server';
 *     export default defineServer({
 *       devices: [{ sizeBytes: 1 << 20 }],
 *       files: { 'file': { sizeBytes: 65536 } },
 *       handlers: { begin: () => mapped({ device: 0, addr: 0, offset: 0, length: 65536 }) },
 *     });
 *
 * The handlers run inside the guest, one at a time, on the thread that reads /dev/fuse: they must not use promises. All
 * sizes, offsets and lengths are bytes; bigint where the kernel gives them, number or bigint where a script does.
 */
import type { RevisionId } from '../../uapi/revision.ts';
import type { Context } from './api/context.ts';
import type { Device, DeviceOptions, FileOptions, Node } from './api/files.ts';
import type { Handlers } from './api/handlers.ts';

export * from './api/mappings.ts';
export * from './api/replies.ts';
export type * from './api/files.ts';
export type * from './api/requests.ts';
export type * from './api/handlers.ts';
export type * from './api/context.ts';

export interface ServerDefinition {
  /** The default is r3. */
  revision?: RevisionId;
  /** Devices by number. Device n of --device comes in the place of the script's device n. */
  devices?: DeviceOptions[];
  /** By path; directories come with the paths. */
  files?: Record<string, FileOptions>;
  /** What files are that the mount's users make; by default the server keeps their bytes, without iomap. */
  newFiles?: Pick<FileOptions, 'iomap' | 'attrFlags' | 'directIo' | 'content'>;
  /** How long the kernel may believe attributes without asking again; the default is an hour. */
  attributesValidSeconds?: number;
  handlers?: Handlers;
  /**
   * A file is gone for good: it has no name, nobody has it open, and the kernel has forgotten it. What it took is free.
   */
  evict?: (node: Node, context: Context) => void;
  /** mount(2) waits until INIT and CONFIG are answered (ioctl SYNC_INIT). */
  syncInit?: boolean;
}

/** For scripts that want to look at their devices before they say what they serve. */
export interface Host {
  /**
   * Device `number`: what --device gave, or a device like `fallback`. Throws Error when there is neither. The same
   * after a remount.
   */
  device(number: number, fallback?: DeviceOptions): Device;
}

/** Gives a script its types; it returns what it is given. A function is called for every mount. */
export const defineServer = <T extends ServerDefinition | ((host: Host) => ServerDefinition)>(definition: T): T =>
  definition;
