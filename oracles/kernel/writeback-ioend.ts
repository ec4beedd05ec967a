/** IOEND of writeback: when it must be sent, with what, and what its answer does. */
import type { Exchange } from '../../model/observation.ts';
import { NULL_ADDR, type IoendFlagName } from '../../uapi/revision.ts';
import { isType } from '../rules/context.ts';
import type { ExpectedField, ExpectedRequest } from './driver.ts';
import { acknowledged } from './ioend.ts';
import { removed, union, type Range } from './ranges.ts';
import type { Lost, Piece } from './writeback-state.ts';
import { cut, resolve } from './writeback-fate.ts';
import type { FileState, World } from './world.ts';
import { ceil, max, min } from '../../uapi/units.ts';
import { errnos } from '../../uapi/errno.ts';

const exact = (value: bigint | number): ExpectedField => ({ value });
const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** The request in fact, if the kernel made it; `plain`: it may leave it out, otherwise that it did is noted. */
function exchangeOf(world: World, expected: ExpectedRequest, plain: boolean): Exchange | undefined {
  return plain ? world.wire.maybe(expected, true, world.step) : world.wire.owed(expected, world.step);
}

/** Folios have sizes from a page to PMD_SIZE, and lie at multiples of them. */
const FOLIO_SHIFTS = Array.from({ length: 10 }, (_, index) => BigInt(12 + index));
const endsFolio = (pos: bigint, end: bigint): boolean =>
  FOLIO_SHIFTS.some((shift) => ((pos >> shift) + 1n) << shift === end);

/**
 * A folio that writeback could not map: flags 0 or APPEND, the error, new_addr all ones, dev 0, up to EOF or up to the
 * folio's end.
 */
export function failureIoend(world: World, file: FileState, lost: Lost, plain = false): boolean {
  const { wb } = file;
  const { APPEND = 0 } = world.revision.ioendFlags;
  const seen = world.wire.peek(world.step);
  const at = BigInt((seen?.request['pos'] ?? lost.start) as bigint);
  const reach = at + BigInt((seen?.request['written'] ?? 0n) as bigint);
  const block = world.facts.blockSizeBytes;
  // While the size changes EOF is the old one or the new one.
  const isEof = (end: bigint): boolean => end === file.sizeBytes || end === file.growsTo;
  const mayAppend = file.onDisk.isPassedBy(max(reach, lost.end)) !== 'no';
  const expected: ExpectedRequest = {
    name: 'IOMAP_IOEND',
    file: file.index,
    rule: 'request/writeback-ioend',
    fields: {
      flags: mayAppend
        ? {
            value: 0,
            text: `0x0 or 0x${APPEND.toString(16)} (APPEND)`,
            accepts: (flags) => flags === 0 || flags === APPEND,
          }
        : exact(0),
      attrIno: exact(file.ino),
      newAddr: exact(NULL_ADDR),
      dev: exact(0),
      pad: exact(0),
      error:
        lost.errno === undefined
          ? { value: -errnos.EIO, text: 'a negative errno', accepts: (error) => Number(error) < 0 }
          : exact(-lost.errno),
      pos: {
        value: lost.start,
        text: `${hex(lost.start)} (a block of the range that has no place)`,
        accepts: (pos) => BigInt(pos) >= lost.start && BigInt(pos) < lost.end && BigInt(pos) % block === 0n,
      },
      written: {
        // None of it was written, which is a way to say it, too.
        value: 0n,
        text: `0, or up to ${hex(lost.end)}, EOF or the end of the folio`,
        accepts: (written) => {
          const end = at + BigInt(written);
          return (end <= lost.end && end % block === 0n) || isEof(end) || endsFolio(at, end);
        },
      },
    },
  };
  const exchange = exchangeOf(world, expected, plain);
  if (!exchange && plain) return false;
  wb.lost = wb.lost.filter((other) => other !== lost);
  if (exchange) noteAnswer(world, file, exchange);
  return true;
}

/**
 * Bits that make IOEND necessary for bytes that were written; `mayAppend`: the kernel may find that they pass the size
 * on the disk, or not.
 */
function bitsOf(world: World, file: FileState, pieces: readonly Piece[]): { bits: number; mayAppend: boolean } {
  const { ioendFlags, mappingFlags } = world.revision;
  const bit = (name: IoendFlagName) => ioendFlags[name]!;
  const [first] = pieces;
  if (!first) return { bits: 0, mayAppend: false };
  const { acted } = first.mapping;
  const last = pieces.at(-1)!;
  const passes = file.onDisk.isPassedBy(last.end, world.wire.simulated ? undefined : last.onDisk);
  const bits =
    ((acted.flags & mappingFlags.SHARED!) !== 0 ? bit('SHARED') : 0) |
    (isType(world, acted, 'UNWRITTEN') ? bit('UNWRITTEN') : 0);
  return { bits: bits | (passes === 'yes' ? bit('APPEND') : 0), mayAppend: passes === 'maybe' };
}

export const needsIoend = (world: World, file: FileState, pieces: readonly Piece[]): boolean =>
  bitsOf(world, file, pieces).bits !== 0;

/** Where the byte of the file at `pos` goes. */
export const addressOf = ({ mapping: { acted } }: Piece, pos: bigint): bigint => acted.addr + (pos - acted.offset);

/** Whether `next` can share an IOEND with `last`: behind it in the file and on the device, with equal bits. */
function continues(world: World, last: Piece, next: Piece): boolean {
  const shared = world.revision.mappingFlags.SHARED!;
  const [a, b] = [last.mapping.acted, next.mapping.acted];
  return (
    next.start === last.end &&
    a.dev === b.dev &&
    addressOf(next, next.start) === addressOf(last, last.end) &&
    a.type === b.type &&
    (a.flags & shared) === (b.flags & shared)
  );
}

/** Pieces one behind the other that hold [pos, ...). */
function runFrom(world: World, pieces: readonly Piece[], pos: bigint): Piece[] {
  const first = pieces.find((piece) => piece.start <= pos && pos < piece.end) ?? pieces[0];
  const run: Piece[] = first ? [first] : [];
  for (const piece of pieces) {
    if (run.length > 0 && piece !== first && continues(world, run.at(-1)!, piece)) run.push(piece);
  }
  return run;
}

/** IOEND for bytes that were sent to their place. `seen`: the kernel's; undefined: the one that is due. */
export function writebackIoend(
  world: World,
  file: FileState,
  pieces: readonly Piece[],
  seen: Exchange | undefined,
  plain = false,
): boolean {
  const { wb } = file;
  const { ioendFlags, mappingFlags } = world.revision;
  const field = (name: string): bigint => BigInt((seen!.request[name] ?? 0) as bigint | number);
  const run = runFrom(world, pieces, seen ? field('pos') : pieces[0]!.start);
  const [first] = run as [Piece];
  const start = seen && field('pos') >= first.start && field('pos') < first.end ? field('pos') : first.start;
  const reach = run.at(-1)!.end;
  const end = seen ? min(start + field('written'), reach) : reach;
  const covered = run.filter((piece) => piece.start < end && piece.end > start);
  const { bits, mayAppend } = bitsOf(
    world,
    file,
    covered.map((piece) => ({ ...piece, end: min(piece.end, end) })),
  );
  const failing = covered.some((piece) => piece.fails);
  // Where part of the pass failed, what was not submitted yet may be given up with it.
  const open = wb.failed || covered.some((piece) => piece.open || piece.mapping.mayFail !== undefined);
  const failed = failing || (open && seen !== undefined && Number(field('error')) < 0);
  const due = ioendFlags.WRITEBACK! | bits;
  const boundary = covered.some(({ mapping: { acted } }) => (acted.flags & mappingFlags.BOUNDARY!) !== 0)
    ? ioendFlags.BOUNDARY!
    : 0;
  const optional = boundary | (mayAppend ? ioendFlags.APPEND! : 0);
  const telling = ioendFlags.SHARED! | ioendFlags.UNWRITTEN! | ioendFlags.APPEND!;
  const exchange = exchangeOf(
    world,
    {
      name: 'IOMAP_IOEND',
      file: file.index,
      rule: 'request/writeback-ioend',
      fields: {
        flags: failed
          ? {
              value: due,
              text: 'WRITEBACK',
              accepts: (flags) =>
                (Number(flags) & ioendFlags.WRITEBACK!) !== 0 &&
                (Number(flags) & ~(due | optional | ioendFlags.APPEND!)) === 0,
            }
          : {
              value: due,
              text: bits === 0 ? 'no IOEND: there is nothing to report' : `0x${due.toString(16)}`,
              accepts: (flags) => (Number(flags) & telling) !== 0 && (Number(flags) & ~optional) === (due & ~optional),
            },
        error: failed
          ? {
              value: -errnos.EIO,
              text: failing ? '-EIO' : 'a negative errno',
              accepts: (error) => (failing ? Number(error) === -errnos.EIO : Number(error) < 0),
            }
          : exact(0),
        attrIno: exact(file.ino),
        dev: exact(first.mapping.acted.dev),
        newAddr: exact(addressOf(first, start)),
        pad: exact(0),
        pos: exact(start),
        written: {
          value: reach - start,
          text: `1 to ${reach - start} (inside what was written)`,
          accepts: (written) => BigInt(written) > 0n && BigInt(written) <= reach - start,
        },
      },
    },
    plain,
  );
  if (!exchange && plain) return false;
  const until = exchange ? min(start + BigInt(exchange.request['written'] as bigint), reach) : end;
  if (!failed)
    file.onDisk.shown(
      until,
      ((exchange ? Number(exchange.request['flags']) : bits) & ioendFlags.APPEND!) !== 0,
      covered.at(-1)?.onDisk,
    );
  for (const piece of covered) {
    const part = cut(piece, start, until);
    resolve(world, file, part, failed ? (piece.fails || seen === undefined ? 'failed' : 'open') : 'written');
    if (failed && !piece.fails) (piece.open || wb.failed ? wb.late : wb.errors).push(errnos.EIO);
  }
  // Of what was open already it says nothing new: nothing that was written since is given up with that.
  if (failed && !covered.every((piece) => piece.open)) wb.failed = true;
  wb.pieces = wb.pieces.flatMap((piece) =>
    covered.includes(piece)
      ? removed([piece], { start, end: until }).map(({ start: from, end: to }) => cut(piece, from, to))
      : [piece],
  );
  if (exchange && noteAnswer(world, file, exchange) !== 0)
    wb.lax = union(wb.lax, [{ start, end: ceil(until, world.facts.blockSizeBytes) }]);
  return true;
}

/** What became of pieces of which nothing more will be heard. Default: all. */
export function settleRest(world: World, file: FileState, which: (piece: Piece) => boolean = () => true): void {
  const { wb } = file;
  for (const piece of wb.pieces.filter(which)) {
    if (!piece.open) resolve(world, file, piece, piece.fails ? 'failed' : 'written');
    else if (!piece.fails) resolve(world, file, piece, 'open');
    // Its IOEND would have said that it failed, where there are any.
    else if (world.enosys.ioend) wb.late.push(errnos.EIO);
  }
  wb.pieces = wb.pieces.filter((piece) => !which(piece));
}

/**
 * What went to its place without anything to report is done: what the file becomes afterwards does not make it pass the
 * size on the disk. `open`: so is what may have gone there, one way or the other.
 */
export function settleUnreported(world: World, file: FileState, range?: Range, { open = false } = {}): void {
  const { wb } = file;
  for (const piece of wb.pieces.filter((one) => !one.fails && (open || !one.open))) {
    const { bits, mayAppend } = bitsOf(world, file, [piece]);
    if (bits !== 0 || (piece.open && mayAppend)) continue;
    if (range && (piece.start >= range.end || piece.end <= range.start)) continue;
    wb.pieces = wb.pieces.filter((one) => one !== piece);
    resolve(world, file, piece, piece.open ? 'open' : 'written');
  }
}

/** Its errno is an error of the file, as that of the device would be. Returns it, 0 for none. */
function noteAnswer(world: World, file: FileState, exchange: Exchange): number {
  const errno = acknowledged(world, file, exchange);
  if (errno === 0) return 0;
  file.wb.errors.push(errno);
  file.wb.errorRule = 'request/writeback-ioend';
  return errno;
}
