/** What one file has of writeback: what was sent where, what failed, what fsync still has to report. */
import type { Accepted } from './accepted.ts';
import type { Segment } from './content.ts';
import type { Mark } from './mapping-cache.ts';
import type { Range, Ranges } from './ranges.ts';
import type { ClauseId } from '../rules/rule-id.ts';

/** A range that was sent to its place, without the bytes behind EOF. */
export interface Piece extends Range {
  mapping: Accepted;
  /** What was in the page cache, bytes behind EOF in its last block included. */
  bytes: readonly Segment[];
  /** Past the device's end: certainly not written. */
  fails: boolean;
  /** The kernel asked for this very range; otherwise the mapping of an earlier one was good for it. */
  asked: boolean;
  /**
   * It may have been given up with something that failed, or left the page cache before: whether it was sent is open
   * until IOEND says so.
   */
  open: boolean;
  /** The sizes that the disk may have had by the kernel's knowledge when it was sent. Bytes. */
  onDisk: readonly bigint[];
  /** An IOEND is due if it was sent. */
  owesIoend?: boolean;
}

/** A range that has no place: its data is lost. */
export interface Lost extends Range {
  /** Undefined: any. */
  errno: number | undefined;
  rule: ClauseId;
}

/**
 * A mapping that writeback has: the answer to a BEGIN, or a record of the mapping cache. Which folios from `start` to
 * `end` go by it, and when, is the kernel's own business; nobody sees it before an IOEND, or when nothing may be dirty
 * any more.
 */
export interface Offer extends Range {
  mapping: Accepted;
  cached: boolean;
  /** State of the file's mappings when it was made. */
  mark: Mark;
  /**
   * What the page cache counted by then, and when mappings changed, so that it serves nothing that was written later.
   */
  madeAt: number;
  diedAt?: number;
}

export class Writeback {
  /** What may be asked for or not: the rest of folios that failed, or that were cut. */
  lax: Ranges = [];
  /** Since the last flush, oldest first. */
  offers: readonly Offer[] = [];
  pieces: readonly Piece[] = [];
  /** Failures that IOEND has not reported yet. */
  lost: readonly Lost[] = [];
  /** Errors that no fsync has reported yet; undefined: some error. */
  errors: (number | undefined)[] = [];
  /** Errors of what was given up with them, which the fsync that reported them may have been too early for. */
  late: number[] = [];
  /** Errors that fsync has reported; close may tell of them once more. */
  told: (number | undefined)[] = [];
  /** Errors that one open file was told of, and the others (OpenFile) that were not: each may be told once, too. */
  unheard: { errors: readonly (number | undefined)[]; by: Set<object> } = { errors: [], by: new Set() };
  errorRule: ClauseId = 'writeback/error';
  /** What was lost, and through whom, as long as no fsync has reported it. For people. */
  losses: string[] = [];
  /** Something failed since the last flush: the rest may have been given up with it. */
  failed = false;
  /**
   * How much had been made dirty (PageCache.soils) when all of it was last certain to be at its place; what came since
   * may still be on its way.
   */
  flushedSoils = 0;
  timesChanged = false;
  timesReported = false;
  /** How many of the server's refusals to hear of them were told to a caller. */
  timesTold = 0;
  /** How many answers to reports of them were looked at for the size in them. */
  sizesHeard = 0;

  get isIdle(): boolean {
    return this.pieces.length === 0 && this.lost.length === 0 && this.lax.length === 0;
  }
}
