/**
 * Page caches of kernels that do not zero what they have to: instead of zeros they hold what the device holds at that
 * place of the file, by the mapping that the case's server answers reads with. Requests are those of a kernel that
 * zeroes.
 */
import type { ByteSource } from '../../model/bytes.ts';
import type { Case } from '../../model/case.ts';
import type { Segment } from '../kernel/content.ts';
import { PageCache } from '../kernel/page-cache.ts';

/**
 * `grown`: what becomes part of the file is not zeroed. `grown again`: not where something was written up to once
 * before. `rest`: what lies behind EOF in a block that comes into the page cache is not zeroed.
 */
export type Leak = 'grown' | 'grown again' | 'rest';

/** Mappings end there, and zeroing of several begins anew: a file that grew to such a size is not told from that. */
const SMALLEST_BLOCK = 512n;

export class LeakyPageCache extends PageCache {
  readonly #old: (position: bigint) => ByteSource | undefined;
  readonly #leak: Leak;
  readonly #writtenTo = new Set<bigint>();

  constructor(testCase: Case, leak: Leak) {
    super();
    this.#leak = leak;
    this.#old = (position) => oldBytes(testCase, position);
  }

  override write(start: bigint, end: bigint, source: ByteSource): void {
    const isAgain = this.#writtenTo.has(start) && start % SMALLEST_BLOCK !== 0n;
    this.#writtenTo.add(end);
    super.write(
      start,
      end,
      this.#leak === 'grown' || (this.#leak === 'grown again' && isAgain) ? this.#instead(start, source) : source,
    );
  }

  override writeSegment(segment: Segment): void {
    this.#writtenTo.add(segment.end);
    super.writeSegment(segment);
  }

  override fillRest(start: bigint, end: bigint): void {
    if (this.#leak === 'rest') this.fill(start, end, this.#instead(start, { kind: 'zero' }));
    else super.fillRest(start, end);
  }

  #instead(start: bigint, source: ByteSource): ByteSource {
    return source.kind === 'zero' ? (this.#old(start) ?? source) : source;
  }
}

/**
 * What the device holds at a position of the case's first file; undefined where reads of it are not answered by MAPPED.
 */
function oldBytes({ script }: Case, position: bigint): ByteSource | undefined {
  const line = script.find(
    ({ on, opflagsSet, file = 0, posFrom = 0n, posTo = position + 1n }) =>
      on === 'IOMAP_BEGIN' && opflagsSet === undefined && file === 0 && posFrom <= position && position < posTo,
  );
  if (line?.reply.kind !== 'mappings') return undefined;
  const { type, dev, addr, offset, length } = line.reply.read;
  if (type !== 'MAPPED' || typeof dev !== 'object' || position < offset || position >= offset + length)
    return undefined;
  return { kind: 'device', device: dev.device, offsetBytes: addr + position - offset };
}
