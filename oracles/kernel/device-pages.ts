/**
 * The page cache of a device, as far as the rules determine it: what the file system moves does not pass through it, so
 * that it goes stale until the server has it dropped. Which pages are kept is the kernel's own business; what was
 * dropped comes from the device again. Positions in bytes.
 */
import type { ByteSource } from '../../model/bytes.ts';
import { Content, type Segment } from './content.ts';

const absent: ByteSource = { kind: 'poison' };

export class DevicePages {
  readonly #pages = new Content(() => absent);

  /**
   * What a buffered read of [start, end) may return. It fills the pages that it needs and, by readahead, perhaps any
   * other.
   */
  read(device: Content, start: bigint, end: bigint, sizeBytes: bigint): Segment[] {
    for (const segment of device.read(0n, sizeBytes))
      for (const source of segment.sources) this.#pages.mayPut(segment.start, segment.end, source);
    return this.#pages
      .read(start, end)
      .map((segment) => ({ ...segment, sources: segment.sources.filter(({ kind }) => kind !== absent.kind) }));
  }

  /** [start, end) is not in the cache any more. */
  drop(start: bigint, end: bigint): void {
    this.#pages.put(start, end, absent);
  }
}
