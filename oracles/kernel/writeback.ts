/**
 * Writeback of dirty pages: BEGIN for each dirty range, I/O to what it maps, IOEND
 * (docs/spec/behaviour.md#end-and-ioend). It may come at any time while something is dirty, in any order and portions
 * and in several passes; fsync, close and their like leave nothing behind. What a folio is, how far a mapping is used,
 * and which ranges share an IOEND is the kernel's own business (fs/iomap/buffered-io.c, fs/iomap/ioend.c): what was
 * dirty and had a mapping is taken to be where the mapping says once it must be there, and to be there or not as long
 * as it need not.
 */
import type { Exchange } from '../../model/observation.ts';
import type { Driver } from './driver.ts';
import type { StepExpectation } from './expectation.ts';
import { holding, outside, union, within, type Range } from './ranges.ts';
import { addressOf, failureIoend, needsIoend, settleRest, writebackIoend } from './writeback-ioend.ts';
import { blocksOf, claim, giveUp, offerCached, sendCached, usesOldFirst } from './writeback-offers.ts';
import { ask } from './writeback-begin.ts';
import type { Offer, Piece } from './writeback-state.ts';
import { store } from './writeback-fate.ts';
import { timesRefused } from './times.ts';
import type { FileState, World } from './world.ts';

const WHOLE: Range = { start: 0n, end: 1n << 65n };

/** A driver that takes writeback in where the kernel does it between the requests of other operations. */
export function interleaved(world: World): Driver {
  const { wire } = world;
  return {
    simulated: wire.simulated,
    request: (expected) => {
      takeWriteback(world);
      return wire.request(expected);
    },
    maybe: (expected, plain, step) => {
      takeWriteback(world);
      return wire.maybe(expected, plain, step);
    },
    peek: (step) => {
      takeWriteback(world);
      return wire.peek(step);
    },
    owed: (expected, step) => {
      takeWriteback(world);
      return wire.owed(expected, step);
    },
    nextBut: (step, passed) => wire.nextBut(step, passed),
    loose: (expected, step) => wire.loose(expected, step),
    come: (name, file, step) => wire.come(name, file, step),
    choose: (count) => wire.choose(count),
  };
}

/** Takes the writeback that the kernel did here of its own accord. */
export function takeWriteback(world: World): void {
  for (const file of world.files) {
    const { wb } = file;
    if (file.cache.dirty.length === 0 && wb.isIdle) continue;
    offerCached(world, file);
    while (traffic(world, file));
  }
}

/**
 * What is dirty in the range, or on its way, has reached its place; the kernel may write more, and report it later.
 * What was lost is an error of the file, which fsync reports; returned where the operation that needs the range in its
 * place tells of it, too, as it may of what was lost before and nobody has heard of.
 */
export function flushed(world: World, file: FileState, range: Range): StepExpectation | undefined {
  const before = file.wb.errors.length;
  takeWriteback(world);
  const { wb, cache } = file;
  if (within([...cache.dirty, ...wb.pieces, ...wb.lax], range).length > 0) flush(world, file, range);
  // What else was asked about may be there, too: it shares folios with the range, or blocks where EOF is.
  for (const piece of wb.pieces) if (!piece.owesIoend) store(world, piece, false);
  if (wb.errors.length === before) return tellsOfLoss(world, file);
  return world.driver.choose(2) === 0 ? { kind: 'fails', rule: wb.errorRule } : undefined;
}

/**
 * Something was lost, or the server refused to hear of the file's times, and no fsync has said so yet: whoever has to
 * write back may tell of it.
 */
export const hasUntold = (world: World, file: FileState): boolean =>
  file.wb.errors.length > 0 || timesRefused(world, file) !== undefined;

/** The outcome of a call that tells of what others lost; undefined: it does not. */
export const tellsOfLoss = (world: World, file: FileState): StepExpectation | undefined =>
  hasUntold(world, file) && world.driver.choose(2) === 1 ? { kind: 'fails', rule: file.wb.errorRule } : undefined;

/**
 * The range is about to leave the page cache unwritten, while the file has its old size: what had a mapping may have
 * been written before. `discarded` is called when it is gone: what waited for IOEND is over then, and a folio that
 * reaches over the border, which stays in part, may stay dirty.
 */
export function discard(world: World, file: FileState, range: Range): { discarded: () => void } {
  const { wb, cache } = file;
  offerCached(world, file);
  const dirty = within(cache.dirty, range);
  claim(world, file, range, { open: true });
  // A block that stays in part is where it was.
  const block = world.facts.blockSizeBytes;
  const whole = {
    start: range.start + ((block - (range.start % block)) % block),
    end: range.end - (range.end % block),
  };
  if (whole.start < whole.end) wb.offers = cutOff(wb.offers, whole);
  const isMine = (piece: Piece): boolean => piece.open && piece.end > range.start && piece.start < range.end;
  // By the size that the disk has so far.
  wb.pieces = wb.pieces.map((piece) =>
    isMine(piece) && !world.enosys.ioend && needsIoend(world, file, [piece]) ? { ...piece, owesIoend: true } : piece,
  );
  return {
    discarded: () => {
      takeWriteback(world);
      // Without its IOEND it was not sent.
      wb.pieces = wb.pieces.filter((piece) => !isMine(piece) || !piece.owesIoend);
      settleRest(world, file, isMine);
      wb.lax = union(wb.lax, outside(dirty, cache.dirty));
    },
  };
}

const cutOff = (offers: readonly Offer[], range: Range): Offer[] =>
  offers.flatMap((one) => outside([one], [range]).map((part) => ({ ...one, ...part })));

/**
 * Everything dirty in the blocks of `bytes` goes to its place, or its loss is an error of the file. Default: the whole
 * file.
 */
export function flush(world: World, file: FileState, bytes = WHOLE): void {
  const { wb, cache } = file;
  const range = blocksOf(world, bytes);
  const whole = bytes === WHOLE && !wb.failed;
  if (cache.dirty.length === 0 && wb.isIdle) {
    wb.offers = cutOff(wb.offers, range);
    // Nothing is left that could have been given up with it.
    wb.failed = false;
    if (whole) wb.flushedSoils = cache.soils;
    return;
  }
  offerCached(world, file);
  if (usesOldFirst(world, file, range)) claim(world, file, range, { dead: true });
  sendCached(world, file, range);
  while (traffic(world, file, range));
  claim(world, file, range);
  wb.offers = cutOff(wb.offers, range);
  // What is left is owed: these requests were not made.
  const owed = within(cache.dirty, range)[0];
  if (owed) ask(world, file, undefined, { owed });
  const { ioend } = world.enosys;
  if (wb.lost[0] && !ioend) failureIoend(world, file, wb.lost[0]);
  wb.lost = [];
  if (wb.failed) {
    // An operation that failed need not wait for the rest, and what waited for its turn may have been given up.
    wb.pieces = wb.pieces.map((piece) => ({ ...piece, open: true }));
    wb.failed = false;
    if (ioend) settleRest(world, file);
    return;
  }
  wb.lax = outside(wb.lax, [range]);
  const isMine = ({ start, end }: Range): boolean => end > range.start && start < range.end;
  const unreported = wb.pieces.findIndex(
    (piece) => isMine(piece) && !ioend && !piece.open && (piece.fails || needsIoend(world, file, [piece])),
  );
  if (unreported >= 0) writebackIoend(world, file, wb.pieces.slice(unreported), undefined);
  settleRest(world, file, isMine);
  if (whole) wb.flushedSoils = cache.soils;
}

/**
 * One request of writeback, where the next one is that. `due`: what must be written now, so that a kernel would make
 * one.
 */
function traffic(world: World, file: FileState, due?: Range): boolean {
  const { wb, cache } = file;
  const seen = world.wire.peek(world.step);
  if (!seen) return due !== undefined && plainTraffic(world, file, due);
  if (seen.file !== undefined && seen.file !== file.index) return false;
  const field = (name: string): bigint => BigInt((seen.request[name] ?? 0) as bigint | number);
  if (seen.name === 'IOMAP_BEGIN' && (Number(field('opflags')) & world.revision.opFlags.WRITEBACK) !== 0) {
    return (
      (cache.dirty.length > 0 || wb.lax.length > 0 || wb.pieces.some((piece) => !piece.asked)) && ask(world, file, seen)
    );
  }
  if (seen.name !== 'IOMAP_IOEND') return false;
  const flags = Number(field('flags'));
  const { APPEND } = world.revision.ioendFlags;
  if ((flags === 0 || flags === APPEND) && wb.lost.length > 0) {
    const lost = wb.lost.find((range) => range.start <= field('pos') && field('pos') < range.end) ?? wb.lost[0]!;
    failureIoend(world, file, lost);
    return true;
  }
  if ((flags & world.revision.ioendFlags.WRITEBACK!) === 0) return false;
  return reported(world, file, seen, { start: field('pos'), end: field('pos') + field('written') }, due !== undefined);
}

/** IOEND says that the range is written: what is dirty there went by a mapping that writeback has. */
function reported(world: World, file: FileState, seen: Exchange, range: Range, isDue: boolean): boolean {
  const { wb, cache } = file;
  const open = wb.pieces.find((piece) => piece.open && piece.start <= range.start && range.start < piece.end);
  if (open && within(cache.dirty, open).length > 0) {
    // It is that of the open piece, or of what was written there since.
    const isThere = addressOf(open, range.start) === BigInt((seen.request['newAddr'] ?? 0n) as bigint);
    if (!isThere || world.driver.choose(2) === 1) giveUp(world, file, range);
  }
  // It is about more than was written so far: what else it is about comes first.
  claim(world, file, range, { reported: true });
  if (!isDue && outside([range], [...cache.dirty, ...wb.lax, ...wb.pieces]).length > 0) return false;
  if (!holding(wb.pieces, range.start)) sendCached(world, file, WHOLE);
  if (wb.pieces.length === 0) return false;
  writebackIoend(world, file, wb.pieces, seen);
  return true;
}

/** What a kernel does next that asks for what it needs and no more. */
function plainTraffic(world: World, file: FileState, range: Range): boolean {
  const { wb, cache } = file;
  const { ioend } = world.enosys;
  if (wb.lost[0] && !ioend) return failureIoend(world, file, wb.lost[0], true);
  if (ioend) wb.lost = [];
  claim(world, file, range);
  const owed = within(cache.dirty, range)[0];
  if (owed) return ask(world, file, undefined, { owed, plain: true });
  if (ioend) return false;
  const due = wb.pieces.find((piece) => !piece.open && (piece.fails || needsIoend(world, file, [piece])));
  return due !== undefined && writebackIoend(world, file, wb.pieces.slice(wb.pieces.indexOf(due)), undefined, true);
}
