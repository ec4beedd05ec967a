/**
 * Block devices of any size for cases: partitions of ramdisks, made and removed by the BLKPG ioctl. Ramdisks do their
 * I/O inside the submitting syscall (drivers/block/brd.c), so that a case waits for nothing, and what a kernel writes
 * past the end of one device would be seen on the next. Devices that take atomic writes are partitions of a simulated
 * SCSI disk.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { constants } from 'node:os';
import { firstChanges } from './first-changes.ts';
import type { ByteRun } from '../../../model/bytes.ts';
import type { DeviceChange } from '../../../model/observation.ts';
import type { Native } from '../../native/index.ts';
import { atomicDisks } from './atomic-disk.ts';

const O_RDONLY = 0,
  O_WRONLY = 1,
  O_RDWR = 2,
  O_DIRECT = 0o40000,
  O_PATH = 0o10000000;
const sectorBytes = 512;
const BLKPG_ADD_PARTITION = 1,
  BLKPG_DEL_PARTITION = 2;
/** _IO(0x12, 97): drops the page cache of a block device. */
const BLKFLSBUF = 0x1261;

/** A disk of /sys/block. */
interface Disk {
  name: string;
  sizeBytes: number;
}
/** What a disk gave away so far. */
type Used = Disk & { usedBytes: number; partitions: number };

const sizeOf = (name: string): Disk => ({
  name,
  sizeBytes: Number(readFileSync(`/sys/block/${name}/size`, 'utf8')) * sectorBytes,
});

function ramdisks(): Disk[] {
  return readdirSync('/sys/block')
    .filter((name) => /^ram\d+$/.test(name))
    .sort((a, b) => Number(a.slice(3)) - Number(b.slice(3)))
    .map(sizeOf);
}

/** The devices of one geometry. Sizes are multiples of 512 bytes; a size of 0 is an unbound loop device. */
export class DeviceSet {
  readonly #native: Native;
  readonly sizes: readonly number[] = [];
  /** For whole-device checks, whatever access the server has. */
  readonly #checkFds: number[] = [];
  readonly #partitions: { diskFd: number; number: number }[] = [];
  readonly paths: readonly string[] = [];
  readonly #disks: { plain?: Used[]; atomic?: Used[] } = {};

  constructor(native: Native) {
    this.#native = native;
  }

  /** Makes the devices and writes their initial content. Throws Error that says what is missing. */
  static make(native: Native, devices: readonly { sizeBytes: number; atomic?: true | undefined }[]): DeviceSet {
    const set = new DeviceSet(native);
    try {
      for (const { sizeBytes, atomic = false } of devices) set.add(sizeBytes, { atomic });
    } catch (error) {
      set.remove();
      throw error;
    }
    return set;
  }

  /** Open for reading and writing past the page cache, whatever access the server has; -1: a device without bytes. */
  get checkFds(): readonly number[] {
    return this.#checkFds;
  }

  /** Opens device `index` as a server would, or O_PATH. */
  open(index: number, access: 'rw' | 'ro' | 'wo' | 'path'): number {
    const flags = { rw: O_RDWR, ro: O_RDONLY, wo: O_WRONLY, path: O_PATH }[access];
    return this.#native.open(this.paths[index] ?? '', flags, 0);
  }

  /** The descriptor by which the guest itself reads and writes device `index`, with O_DIRECT. */
  fdOf(index: number): number {
    return this.#checkFds[index]!;
  }

  /** Replaces a device's initial content: these bytes, then zeros. */
  fill(index: number, content: Uint8Array): void {
    const size = this.sizes[index]!;
    const chunkBytes = 1 << 20;
    for (let at = 0; at < size; at += chunkBytes) {
      const length = Math.min(chunkBytes, size - at);
      const buffer = this.#native.alignedBuffer(length, 4096);
      if (!buffer) throw new Error('the guest is out of memory');
      buffer.set(content.subarray(at, at + length));
      const written = this.#native.pwritev2(this.#checkFds[index]!, buffer, 0, length, BigInt(at), 0);
      if (written !== length) throw new Error(`device ${index} cannot be filled: errno ${-written}`);
    }
  }

  /** What differs from the initial content; it is restored. */
  changes(): DeviceChange[] {
    const all: DeviceChange[] = [];
    this.sizes.forEach((size, device) => {
      if (size === 0) return;
      const changes = this.#native.compareAndRestore(this.#checkFds[device]!, device, size);
      if (typeof changes === 'number')
        throw new Error(`device ${device} (${this.paths[device]}) cannot be compared: errno ${-changes}`);
      for (const { offsetBytes, content } of changes) appendChange(all, { device, offsetBytes, content });
    });
    return firstChanges(all, this.sizes);
  }

  /** As if they were new, for the next mount. */
  renew(): void {
    for (const fd of this.#checkFds) if (fd >= 0) this.#native.ioctl(fd, BLKFLSBUF, 0);
    this.changes();
  }

  remove(): void {
    for (const fd of this.#checkFds) if (fd >= 0) this.#native.close(fd);
    this.#checkFds.length = 0;
    for (const { diskFd, number } of this.#partitions) {
      this.#native.blkpg(diskFd, BLKPG_DEL_PARTITION, number, 0n, 0n);
      this.#native.close(diskFd);
    }
    this.#partitions.length = 0;
  }

  /**
   * Makes the next device. `blank`: it holds zeros, and takes memory only where it is written; else it gets its initial
   * content, by which `changes` judges. `atomic`: it takes atomic writes. Throws Error that says what is missing.
   */
  add(size: number, { blank = false, atomic = false } = {}): void {
    const paths = this.paths as string[];
    const index = this.sizes.length;
    (this.sizes as number[]).push(size);
    if (size === 0) {
      if (!existsSync('/dev/loop0'))
        throw new Error('a device of 0 bytes is an unbound loop device, and the kernel has none (CONFIG_BLK_DEV_LOOP)');
      paths[index] = '/dev/loop0';
      this.#checkFds[index] = -1;
      return;
    }
    if (size % sectorBytes !== 0) throw new Error(`device ${index} has ${size} bytes: no multiple of ${sectorBytes}`);
    // Devices begin at pages, so that a ramdisk's pages are not shared between them.
    const needed = Math.ceil(size / 4096) * 4096;
    const unused = (disk: Disk): Used => ({ ...disk, usedBytes: 0, partitions: 0 });
    const disks = atomic
      ? (this.#disks.atomic ??= atomicDisks().map(sizeOf).map(unused))
      : (this.#disks.plain ??= ramdisks().map(unused));
    const disk = disks.find(({ sizeBytes, usedBytes }) => sizeBytes - usedBytes >= needed);
    if (!disk) {
      if (atomic)
        throw new Error(
          `the disk that takes atomic writes has no ${size} bytes left; boot with scsi_debug.dev_size_mb for a larger one`,
        );
      throw new Error(
        disks.length === 0
          ? 'the kernel has no ramdisks for devices (CONFIG_BLK_DEV_RAM)'
          : `no ramdisk has ${size} bytes left; boot with brd.rd_nr and brd.rd_size for larger ones (largest: ${Math.max(...disks.map(({ sizeBytes }) => sizeBytes))} bytes)`,
      );
    }
    const { name } = disk;
    const number = disk.partitions + 1;
    const diskFd = this.#native.open(`/dev/${name}`, O_RDWR, 0);
    if (diskFd < 0) throw new Error(`/dev/${name} cannot be opened: errno ${-diskFd}`);
    this.#native.blkpg(diskFd, BLKPG_DEL_PARTITION, number, 0n, 0n);
    const added = this.#native.blkpg(diskFd, BLKPG_ADD_PARTITION, number, BigInt(disk.usedBytes), BigInt(size));
    if (added < 0) {
      this.#native.close(diskFd);
      throw new Error(`partition ${number} of /dev/${name} cannot be made: errno ${-added}`);
    }
    this.#partitions.push({ diskFd, number });
    disk.usedBytes += needed;
    disk.partitions = number;
    // A disk whose name ends in a digit puts a p before the partition's (block/genhd.c, disk_name).
    const path = `/dev/${name}${/\d$/.test(name) ? 'p' : ''}${number}`;
    paths[index] = path;
    const fd = this.#native.open(path, O_RDWR | O_DIRECT, 0);
    if (fd < 0) throw new Error(`${path} cannot be opened: errno ${-fd}`);
    this.#checkFds[index] = fd;
    if (blank) return;
    const written = this.#native.writePattern(fd, index, size);
    if (written < 0)
      throw new Error(
        `${path} cannot be filled: errno ${-written}${written === -constants.errno.ENOSPC ? '; the guest is out of memory' : ''}`,
      );
  }
}

/** Changes that meet, as at the border of two chunks of the comparison, are one. */
function appendChange(all: DeviceChange[], next: DeviceChange): void {
  const last = all.at(-1);
  const end = last && last.offsetBytes + last.content.reduce((sum, { lengthBytes }) => sum + BigInt(lengthBytes), 0n);
  if (!last || last.device !== next.device || end !== next.offsetBytes) {
    all.push(next);
    return;
  }
  const tail = last.content.at(-1)!;
  const head = next.content[0]!;
  if (continues(tail, head)) {
    tail.lengthBytes += head.lengthBytes;
    if (tail.source.kind === 'other' && head.source.kind === 'other') tail.source.hex += head.source.hex;
    last.content.push(...next.content.slice(1));
  } else {
    last.content.push(...next.content);
  }
}

function continues({ lengthBytes, source: a }: ByteRun, { source: b }: ByteRun): boolean {
  if (!('offsetBytes' in a)) return a.kind === b.kind;
  if (!('offsetBytes' in b) || a.offsetBytes + BigInt(lengthBytes) !== b.offsetBytes) return false;
  return a.kind === 'device'
    ? b.kind === 'device' && a.device === b.device
    : a.kind === 'writer'
      ? b.kind === 'writer' && a.writer === b.writer
      : b.kind === 'server' && a.file === b.file;
}
