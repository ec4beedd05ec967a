/**
 * The mappings that the server has pushed into the kernel for one file. Source: docs/spec/behaviour.md#mapping-cache.
 * Positions in bytes.
 */
import type { ByteRange } from '../../model/notification.ts';
import { INVAL_TO_EOF, NULL_ADDR, type Revision } from '../../uapi/revision.ts';
import { isType, type WireMapping } from '../rules/context.ts';
import type { Driver } from './driver.ts';

/**
 * No record needs less memory than its six fields; none is thought to need more than the least size that the cache can
 * be given.
 */
const LEAST_RECORD_BYTES = 32n;
const MOST_RECORD_BYTES = 256n;
const END = 1n << 64n;

const endOf = (record: WireMapping): bigint => record.offset + record.length;

/** The part of a record from `start` to `end`. */
function part(record: WireMapping, start: bigint, end: bigint): WireMapping {
  const addr = record.addr === NULL_ADDR ? NULL_ADDR : record.addr + (start - record.offset);
  return { ...record, offset: start, length: end - start, addr };
}

function continues(record: WireMapping, next: WireMapping): boolean {
  if (
    endOf(record) !== next.offset ||
    record.type !== next.type ||
    record.flags !== next.flags ||
    record.dev !== next.dev
  )
    return false;
  return record.addr === NULL_ADDR ? next.addr === NULL_ADDR : record.addr + record.length === next.addr;
}

/** What the cache has to know of its connection. */
export interface CacheLimits {
  readonly revision: Revision;
  /** Bytes that a fork may take. */
  readonly cacheMaxBytes: bigint;
  readonly driver: Pick<Driver, 'choose'>;
}

class Fork {
  records: readonly WireMapping[] = [];

  at(pos: bigint): WireMapping | undefined {
    return this.records.find((record) => record.offset <= pos && pos < endOf(record));
  }

  remove(start: bigint, end: bigint): void {
    this.records = this.records.flatMap((record) => {
      if (endOf(record) <= start || record.offset >= end) return [record];
      return [
        ...(record.offset < start ? [part(record, record.offset, start)] : []),
        ...(endOf(record) > end ? [part(record, end, endOf(record))] : []),
      ];
    });
  }

  add(limits: CacheLimits, mapping: WireMapping): void {
    const count = BigInt(this.records.length);
    const limit = limits.cacheMaxBytes;
    // What a record takes is the kernel's own business; only far from the limit is it certain whether this fork is past
    // it.
    const past =
      count * LEAST_RECORD_BYTES > limit || (count * MOST_RECORD_BYTES > limit && limits.driver.choose(2) === 1);
    if (past) this.records = [];
    this.remove(mapping.offset, endOf(mapping));
    const before = this.records.filter((record) => record.offset < mapping.offset);
    const behind = this.records.filter((record) => record.offset > mapping.offset);
    this.records = [...before, mapping, ...behind];
    const merged: WireMapping[] = [];
    for (const record of this.records) {
      const last = merged.at(-1);
      const joins =
        last !== undefined &&
        (last === mapping || record === mapping || endOf(last) === endOf(mapping)) &&
        continues(last, record) &&
        // A boundary is where a mapping must not be joined to the one before it; the rules name no exception.
        ((record.flags & limits.revision.mappingFlags.BOUNDARY!) === 0 || limits.driver.choose(2) === 1);
      if (joins) merged[merged.length - 1] = { ...last, length: last.length + record.length };
      else merged.push(record);
    }
    this.records = merged;
  }
}

export interface CachedMappings {
  read: WireMapping;
  write: WireMapping;
}

/** A state of a file's mappings: what certainly changed them so far, and what may have. */
export interface Mark {
  readonly changes: number;
  readonly perhaps: number;
}

export class MappingCache {
  #mark: Mark = { changes: 0, perhaps: 0 };

  /** The inode has a cache: the server has pushed something. */
  exists = false;
  readonly #read = new Fork();
  /** Absent at first: every write is a pure overwrite. */
  #write: Fork | undefined;

  /** Stores what validation let pass. */
  upsert(limits: CacheLimits, read: WireMapping, write: WireMapping): void {
    const stores = (mapping: WireMapping) => !isType(limits, mapping, 'NOCACHE');
    // Whether an upsert that stores nothing makes a cache is not laid down.
    this.exists ||= stores(read) || stores(write) || limits.driver.choose(2) === 0;
    this.#changes(stores(read) || stores(write));
    if (stores(read)) this.#read.add(limits, read);
    if (!stores(write) || (!this.#write && isType(limits, write, 'PURE_OVERWRITE'))) return;
    this.#write ??= new Fork();
    this.#write.add(limits, write);
  }

  /** Length 0: nothing; all ones: to EOF, which is everything behind. */
  invalidate(ranges: { read: ByteRange; write: ByteRange }): void {
    const before = [this.#read.records, this.#write?.records];
    this.#remove(ranges);
    this.#changes(
      before.some((records, half) => bytesOf(records) !== bytesOf((half === 0 ? this.#read : this.#write)?.records)),
    );
  }

  /** The sequence number that mappings carry. Whether what changes nothing bumps it is not laid down. */
  get mark(): Mark {
    return this.#mark;
  }

  /** What became of the mappings since `mark`. */
  since({ changes, perhaps }: Mark): 'same' | 'perhaps changed' | 'changed' {
    return this.#mark.changes !== changes ? 'changed' : this.#mark.perhaps !== perhaps ? 'perhaps changed' : 'same';
  }

  #changes(certainly: boolean): void {
    const { changes, perhaps } = this.#mark;
    this.#mark = certainly ? { changes: changes + 1, perhaps } : { changes, perhaps: perhaps + 1 };
  }

  /** Something that the kernel itself may take for a change. */
  mayChange(): void {
    this.#changes(false);
  }

  #remove({ read, write }: { read: ByteRange; write: ByteRange }): void {
    remove(this.#read, read);
    if (this.#write) remove(this.#write, write);
  }

  /**
   * The kernel's own invalidation: [start, end) in both forks; blocks that it touches go as a whole. `end` undefined:
   * to EOF. When others see it is open.
   */
  changed(start: bigint, end: bigint | undefined, block: bigint): void {
    const first = start - (start % block);
    const range =
      end === undefined
        ? { offset: first, length: INVAL_TO_EOF }
        : { offset: first, length: end - first + ((block - (end % block)) % block) };
    if (end === undefined || end > start) this.#remove({ read: range, write: range });
    this.mayChange();
  }

  /**
   * The records that serve an operation at `pos`. Write-type lookups need both forks to hit; an absent write fork does,
   * as a pure overwrite of the read record.
   */
  lookup(revision: Revision, pos: bigint, write: boolean): CachedMappings | undefined {
    const read = this.#read.at(pos);
    if (!read) return undefined;
    const overwrite = {
      offset: read.offset,
      length: read.length,
      addr: NULL_ADDR,
      type: revision.mappingTypes.PURE_OVERWRITE!,
      flags: 0,
      dev: 0,
    };
    if (!write || !this.#write) return { read, write: overwrite };
    const found = this.#write.at(pos);
    return found && { read, write: found };
  }

  get hasWriteFork(): boolean {
    return this.#write !== undefined;
  }

  /** Records to read from, in order. */
  get readable(): readonly WireMapping[] {
    return this.#read.records;
  }
}

const bytesOf = (records: readonly WireMapping[] = []): bigint => records.reduce((sum, { length }) => sum + length, 0n);

const remove = (fork: Fork, { offset, length }: ByteRange): void => {
  if (length === 0n) return;
  const end = offset + length;
  fork.remove(offset, length === INVAL_TO_EOF || end > END ? END : end);
};
