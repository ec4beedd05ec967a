/**
 * The devices of a `serve` run: a script sees them as files, and they keep what they hold when the script is served
 * again.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import type { Device, DeviceOptions } from '../api.ts';
import type { Native } from '../../native/index.ts';
import { DeviceSet } from '../cases/devices.ts';

/** What the host sent for device n of the script, complete before the server starts. */
export type Attachment =
  /** A file in the guest that holds the device's content; it is used up. */
  { kind: 'file'; path: string; sizeBytes: number } | { kind: 'blank'; sizeBytes: number };

const blockBytes = 4096;
const chunkBytes = 1 << 20;
const SEEK_DATA = 3,
  SEEK_HOLE = 4,
  O_RDWR = 2;
const FALLOC_KEEP_SIZE = 1,
  FALLOC_PUNCH_HOLE = 2;

export class ServedDevices {
  readonly #native: Native;
  readonly #attachments: readonly Attachment[];
  readonly #set: DeviceSet;
  readonly #devices: Device[] = [];
  readonly #serverFds: number[] = [];
  readonly #buffer: Buffer;

  constructor(native: Native, attachments: readonly Attachment[]) {
    this.#native = native;
    this.#attachments = attachments;
    this.#set = new DeviceSet(native);
    const buffer = native.alignedBuffer(chunkBytes, blockBytes);
    if (!buffer) throw new Error('the guest is out of memory: give it more with --memory');
    this.#buffer = buffer;
  }

  get all(): readonly Device[] {
    return this.#devices;
  }

  /** Device `index`: the one there is, the one that the host attached, or one like `fallback`. */
  get(index: number, fallback?: DeviceOptions): Device {
    const there = this.#devices[index];
    if (there) return there;
    if (index > this.#devices.length && index >= this.#attachments.length)
      throw new Error(`device ${index} was asked for before device ${this.#devices.length}`);
    for (let next = this.#devices.length; next <= index; next++)
      this.#make(next, next === index ? fallback : undefined);
    return this.#devices[index]!;
  }

  /** Those of the host that no script asked for yet. */
  makeRest(): void {
    for (let next = this.#devices.length; next < this.#attachments.length; next++) this.#make(next, undefined);
  }

  /** The descriptor to register; the same at every mount. */
  serverFd(index: number, access: 'rw' | 'ro' | 'wo'): number {
    return (this.#serverFds[index] ??= this.#set.open(index, access));
  }

  remove(): void {
    for (const fd of this.#serverFds) if (fd >= 0) this.#native.close(fd);
    this.#set.remove();
  }

  #make(index: number, fallback: DeviceOptions | undefined): void {
    const attached = this.#attachments[index];
    if (!attached && !fallback)
      throw new Error(
        `the script needs device ${index}, and there is none: start it with --device FILE or --device SIZE`,
      );
    const sizeBytes = attached?.sizeBytes ?? fallback!.sizeBytes;
    const content = attached ? undefined : fallback!.content;
    this.#set.add(sizeBytes, { blank: attached !== undefined || fallback!.blank === true || content !== undefined });
    const device: Device = {
      sizeBytes,
      attached: attached !== undefined,
      read: (offset, length) => this.#read(index, sizeBytes, Number(offset), length),
      write: (offset, bytes) => {
        this.#write(index, sizeBytes, Number(offset), bytes);
      },
    };
    this.#devices[index] = device;
    if (content !== undefined) device.write(0, Buffer.from(content).subarray(0, sizeBytes));
    if (attached?.kind === 'file') this.#copyIn(attached.path, device);
  }

  /** Gives the file's memory back piece by piece: both copies together might not fit into the guest. */
  #copyIn(path: string, device: Device): void {
    const fd = this.#native.open(path, O_RDWR, 0);
    const from = openSync(path, 'r');
    const size = statSync(path).size;
    const chunk = Buffer.alloc(chunkBytes);
    for (let at = 0; at < size;) {
      const data = this.#native.lseek(fd, BigInt(at), SEEK_DATA);
      if (data < 0n) break;
      const end = Math.min(Number(this.#native.lseek(fd, data, SEEK_HOLE)), Number(data) + chunkBytes);
      const length = readSync(from, chunk, 0, end - Number(data), Number(data));
      device.write(data, chunk.subarray(0, length));
      this.#native.fallocate(fd, FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE, data, BigInt(length));
      at = Number(data) + length;
    }
    closeSync(from);
    this.#native.close(fd);
  }

  #check(index: number, sizeBytes: number, offset: number, length: number): void {
    if (offset < 0 || length < 0 || offset + length > sizeBytes)
      throw new RangeError(`bytes ${offset} to ${offset + length} are not on device ${index}, which has ${sizeBytes}`);
  }

  #read(index: number, sizeBytes: number, offset: number, length: number): Buffer {
    this.#check(index, sizeBytes, offset, length);
    const out = Buffer.allocUnsafe(length);
    for (let done = 0; done < length;) {
      const at = offset + done;
      const skip = at % blockBytes;
      const count = Math.min(length - done, chunkBytes - skip);
      this.#transfer('preadv2', index, sizeBytes, at - skip, skip + count);
      this.#buffer.copy(out, done, skip, skip + count);
      done += count;
    }
    return out;
  }

  #write(index: number, sizeBytes: number, offset: number, bytes: Uint8Array): void {
    this.#check(index, sizeBytes, offset, bytes.length);
    for (let done = 0; done < bytes.length;) {
      const at = offset + done;
      const skip = at % blockBytes;
      const count = Math.min(bytes.length - done, chunkBytes - skip);
      // O_DIRECT writes whole blocks: what surrounds these bytes is read first.
      if (skip !== 0 || count % blockBytes !== 0) this.#transfer('preadv2', index, sizeBytes, at - skip, skip + count);
      this.#buffer.set(bytes.subarray(done, done + count), skip);
      this.#transfer('pwritev2', index, sizeBytes, at - skip, skip + count);
      done += count;
    }
  }

  /** Whole blocks between the buffer and the device, which may end within one. */
  #transfer(call: 'preadv2' | 'pwritev2', index: number, sizeBytes: number, at: number, length: number): void {
    const whole = Math.min(Math.ceil(length / blockBytes) * blockBytes, sizeBytes - at);
    const ret = this.#native[call](this.#set.fdOf(index), this.#buffer, 0, whole, BigInt(at), 0);
    if (ret === whole) return;
    throw new Error(
      `device ${index} cannot be ${call === 'preadv2' ? 'read' : 'written'} at ${at}: ${ret < 0 ? `errno ${-ret}` : `only ${ret} of ${whole} bytes`}` +
        (ret === -constants.errno.ENOSPC || ret === -constants.errno.ENOMEM
          ? '; the guest is out of memory, give it more with --memory'
          : ''),
    );
  }
}
