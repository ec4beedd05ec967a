/** What one file has of writeback: what was sent where, what failed, what fsync still has to report. */
import { EIO, type Accepted } from './begin.ts';
import { clip, type Segment } from './content.ts';
import type { Mark } from './mapping-cache.ts';
import { removed, union, type Range, type Ranges } from './ranges.ts';
import type { FileState, World } from './world.ts';
import { min } from '../../uapi/units.ts';

/** A range that was sent to its place, without the bytes behind EOF. */
export interface Piece extends Range {
  mapping: Accepted;
  /** What was in the page cache, bytes behind EOF in its last block included. */
  bytes: readonly Segment[];
  /** Past the device's end: certainly not written. */
  fails: boolean;
  /** The kernel asked for this very range; otherwise the mapping of an earlier one was good for it. */
  asked: boolean;
  /** It may have been given up with something that failed, or left the page cache before: whether it was sent is open until IOEND says so. */
  open: boolean;
  /** An IOEND is due if it was sent. */
  owesIoend?: boolean;
}

/** A range that has no place: its data is lost. */
export interface Lost extends Range {
  /** Undefined: any. */
  errno: number | undefined;
  rule: string;
}

/**
 * A mapping that writeback has: the answer to a BEGIN, or a record of the mapping cache. Which folios from `start` to `end` go by it, and
 * when, is the kernel's own business; nobody sees it before an IOEND, or when nothing may be dirty any more.
 */
export interface Offer extends Range {
  mapping: Accepted;
  cached: boolean;
  /** State of the file's mappings when it was made. */
  mark: Mark;
  /** What the page cache counted by then, and when mappings changed, so that it serves nothing that was written later. */
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
  errorRule = 'writeback/error';
  /** What was lost, and through whom, as long as no fsync has reported it. For people. */
  losses: string[] = [];
  /** Something failed since the last flush: the rest may have been given up with it. */
  failed = false;
  timesChanged = false;
  timesReported = false;

  get isIdle(): boolean {
    return this.pieces.length === 0 && this.lost.length === 0 && this.lax.length === 0;
  }
}

/** The data has no place: it is lost, and with it perhaps what else its folio holds. */
export function lose({ wb, cache }: FileState, lost: Lost): true {
  wb.lost = [...wb.lost, lost];
  wb.errors.push(lost.errno);
  wb.errorRule = lost.rule;
  wb.losses.push(`the server gave no place to what was written to [0x${lost.start.toString(16)}, 0x${lost.end.toString(16)}) of the file (${lost.rule})`);
  wb.failed = true;
  cache.clean(lost);
  wb.lax = union(removed(wb.lax, lost), cache.dirty);
  for (const range of cache.dirty) cache.clean(range);
  return true;
}

/** What became of a piece: its bytes are on the device, or not, or it is open. */
export function resolve(world: World, file: FileState, piece: Piece, fate: 'written' | 'failed' | 'open'): void {
  const { mapping: { device } } = piece;
  const { wb } = file;
  if (fate === 'failed') {
    wb.errors.push(EIO);
    wb.errorRule = piece.fails ? 'type/past-device-end' : wb.errorRule;
    wb.losses.push(`the device did not take what was written to [0x${piece.start.toString(16)}, 0x${piece.end.toString(16)}) of the file`);
  }
  if (!device) return;
  file.mappings.mayChange();
  // What was written is not what the server would answer now; of what failed nothing is said.
  if (file.mappings.exists && (fate === 'written' || world.driver.choose(2) === 0)) file.mappings.changed(piece.start, piece.end, world.facts.blockSizeBytes);
  store(world, piece, fate === 'written');
}

/** The piece's bytes are on its device, or may be. */
export function store(world: World, { mapping: { acted, device }, bytes, end: last }: Piece, certain: boolean): void {
  if (!device) return;
  const content = world.contents[device.index]!;
  for (const { start, end, sources } of bytes) {
    const at = acted.addr + (start - acted.offset);
    const stop = min(at + (end - start), device.sizeBytes);
    // The block's rest behind EOF is zeroed, or left alone.
    if (at < stop) content.putSegment({ start: at, end: stop, sources }, certain && start < last);
  }
}

/** The part of a piece in [start, end). */
export function cut(piece: Piece, start: bigint, end: bigint): Piece {
  const [from, to] = [start > piece.start ? start : piece.start, min(end, piece.end)];
  // The block's rest behind EOF belongs to the last part.
  const stop = to === piece.end ? piece.bytes.at(-1)?.end ?? to : to;
  return { ...piece, start: from, end: to, bytes: clip(piece.bytes, from, stop) };
}
