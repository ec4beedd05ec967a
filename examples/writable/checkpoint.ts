/**
 * What makes blocks into files, on the device: all of it at once, in one of two slots by turns, so that a write that is
 * cut off leaves the other.
 */
import { createHash } from 'node:crypto';
import type { Device, FileOptions } from 'iomapfuzz/server';
import type { Extent } from './extents.ts';

/** One name; the first of a file has what it is. */
export interface Entry {
  path: string;
  options: FileOptions;
  extents?: readonly Extent[];
}

const magic = 'iomapfuzz example: writable\n';
const headBytes = 128;
const slotShare = 32;
const smallestSlotBytes = 1 << 20;

/** How JSON has a bigint. */
const isBig = (value: unknown): value is { big: string } =>
  typeof value === 'object' && value !== null && 'big' in value;

export class Checkpoints {
  readonly #device: Device;
  readonly #slotBytes: number;
  #sequence = 0;

  constructor(device: Device) {
    this.#device = device;
    this.#slotBytes = Math.max(smallestSlotBytes, Math.floor(device.sizeBytes / slotShare / 4096) * 4096);
    if (this.reservedBytes * 2 > device.sizeBytes)
      throw new Error(`a device of ${device.sizeBytes} bytes is too small: half of it would be for the names of files`);
  }

  /** Bytes at the start of the device that are not for files. */
  get reservedBytes(): number {
    return 2 * this.#slotBytes;
  }

  /** The newest whole one; undefined: the device was never used by this file system. */
  load(): Entry[] | undefined {
    const found = [0, 1]
      .map((slot) => this.#read(slot))
      .filter((one) => one !== undefined)
      .sort((a, b) => b.sequence - a.sequence)[0];
    if (!found) return undefined;
    this.#sequence = found.sequence;
    return JSON.parse(found.text, (_key, value: unknown) => (isBig(value) ? BigInt(value.big) : value)) as Entry[];
  }

  /** False: it does not fit. */
  save(entries: readonly Entry[]): boolean {
    const text = Buffer.from(
      JSON.stringify(entries, (_key, value: unknown) => (typeof value === 'bigint' ? { big: String(value) } : value)),
    );
    if (headBytes + text.length > this.#slotBytes) return false;
    this.#sequence++;
    const head = Buffer.alloc(headBytes);
    head.write(magic);
    head.writeUInt32LE(this.#sequence, 64);
    head.writeUInt32LE(text.length, 68);
    createHash('sha256').update(head.subarray(0, 72)).update(text).digest().copy(head, 72);
    this.#device.write((this.#sequence % 2) * this.#slotBytes, Buffer.concat([head, text]));
    return true;
  }

  #read(slot: number): { sequence: number; text: string } | undefined {
    const head = this.#device.read(slot * this.#slotBytes, headBytes);
    if (head.toString('latin1', 0, magic.length) !== magic) return undefined;
    const length = head.readUInt32LE(68);
    if (headBytes + length > this.#slotBytes) return undefined;
    const text = this.#device.read(slot * this.#slotBytes + headBytes, length);
    if (!createHash('sha256').update(head.subarray(0, 72)).update(text).digest().equals(head.subarray(72, 104)))
      return undefined;
    return { sequence: head.readUInt32LE(64), text: text.toString() };
  }
}
