/** What writeback does without asking: it uses the mappings that it has, as far as they reach. */
import { isWriteType, isType } from '../rules/context.ts';
import { fromCache } from './take-mapping.ts';
import { Unspecified } from './driver.ts';
import { outside, removed, union, within, type Range, type Ranges } from './ranges.ts';
import { settleUnreported } from './writeback-ioend.ts';
import type { Offer, Piece } from './writeback-state.ts';
import { cut, lose, resolve } from './writeback-fate.ts';
import type { FileState, World } from './world.ts';
import { max, min } from '../../uapi/units.ts';
import type { Accepted } from './accepted.ts';

export const offer = ({ mappings, cache }: FileState, mapping: Accepted, from: bigint, cached: boolean): Offer => ({
  start: from,
  end: mapping.acted.offset + mapping.acted.length,
  mapping,
  cached,
  mark: mappings.mark,
  madeAt: cache.soils,
});

/** Notes which mappings changed, and what the mapping cache has for dirty ranges by now. */
export function offerCached(world: World, file: FileState): void {
  const { wb, cache, mappings } = file;
  wb.offers = wb.offers.map((one) => {
    const change = mappings.since(one.mark);
    // What is still in the mapping cache is offered anew.
    return one.diedAt === undefined && (change === 'changed' || (one.cached && change !== 'same'))
      ? { ...one, diedAt: cache.soils }
      : one;
  });
  if (!mappings.exists) return;
  for (const dirty of union(cache.dirty, wb.lax)) {
    for (let pos = dirty.start; pos < dirty.end;) {
      const mapping = inCache(world, file, pos, dirty.end);
      const until = mapping ? pos + mapping.length : nextCached(world, file, pos, dirty.end);
      if (
        mapping &&
        !wb.offers.some((one) => one.cached && one.diedAt === undefined && one.start <= pos && one.end >= until)
      )
        wb.offers = [...wb.offers, { ...offer(file, mapping, pos, true), end: until }];
      pos = until;
    }
  }
}

/** What the mapping cache has for writeback at `pos`, if nothing can go wrong with it. */
function inCache(world: World, { mappings }: FileState, pos: bigint, end: bigint): Accepted | undefined {
  const { revision } = world;
  const opflags = revision.opFlags.WRITEBACK;
  const hit = mappings.lookup(revision, pos, isWriteType({ revision, opflags }));
  const acted = hit && (isType(world, hit.write, 'PURE_OVERWRITE') ? hit.read : hit.write);
  const device = acted && world.facts.devices.get(acted.dev);
  if (!device || !isType(world, acted, 'MAPPED', 'UNWRITTEN')) return undefined;
  return {
    kind: 'accepted',
    opflags,
    pos,
    length: min(end, acted.offset + acted.length) - pos,
    acted,
    device,
    rule: 'cache/hit',
  };
}

interface Claim {
  /** It went there or not. */
  open?: boolean;
  /** An IOEND says so, whatever was written to it since. */
  reported?: boolean;
  /** Only by mappings that are no more. */
  dead?: boolean;
}

/** What is dirty in the range and had a mapping went by it. */
export function claim(
  world: World,
  file: FileState,
  range: Range,
  { open = false, reported = false, dead = false }: Claim = {},
): void {
  const { wb, cache } = file;
  const whole = blocksOf(world, range);
  const offers = wb.offers.filter((one) => !dead || one.diedAt !== undefined);
  // Where an older mapping says another place, the data may be there.
  const order = !dead && conflict(file, offers, whole) && world.driver.choose(2) === 1 ? offers : [...offers].reverse();
  let again: Ranges = [];
  for (const one of order) {
    for (const part of served(file, one, outside(within(wb.lax, whole), cache.dirty)))
      send(world, file, part, one.mapping, { asked: false, open: true });
    // What is on its way and dirty again was not sent once more before its own IOEND.
    const parts = served(file, one, within(cache.dirty, whole));
    const sent = wb.pieces.filter((piece) => !piece.open);
    for (const part of reported ? outside(parts, sent) : parts) {
      if (reported) again = union(again, within(cache.soiledSince(one.madeAt), part));
      send(world, file, part, one.mapping, { asked: false, open });
    }
  }
  // What was written later than the mapping came may have been so before it went by it, or is dirty again.
  wb.lax = union(wb.lax, again);
}

/** The parts of `ranges` that may have gone by the mapping. */
const served = ({ cache }: FileState, one: Offer, ranges: Ranges): Ranges =>
  outside(within(ranges, one), one.diedAt === undefined ? [] : cache.soiledSince(one.diedAt));

const placeOf = ({ mapping: { acted } }: Offer): string => `${acted.dev} ${acted.addr - acted.offset}`;

/** Whether something dirty in the range may be at one of two places. */
const conflict = (file: FileState, offers: readonly Offer[], range: Range): boolean => {
  const parts = offers.map((one) => served(file, one, within(file.cache.dirty, range)));
  return offers.some((one, index) =>
    offers.some(
      (other, before) =>
        before < index &&
        placeOf(one) !== placeOf(other) &&
        parts[index]!.some((part) => within(parts[before]!, part).length > 0),
    ),
  );
};

/** Whether what is dirty in the range went by mappings that are no more, where the mapping cache has others by now. */
export function usesOldFirst(world: World, file: FileState, range: Range): boolean {
  return file.mappings.exists && conflict(file, file.wb.offers, blocksOf(world, range)) && world.driver.choose(2) === 1;
}

/** The range in whole blocks. */
export const blocksOf = ({ facts: { blockSizeBytes: block } }: World, { start, end }: Range): Range => ({
  start: start - (start % block),
  end: end + ((block - (end % block)) % block),
});

/**
 * What the mapping cache has a place for is sent there without a request. Nobody sees when; that it was is known by the
 * next flush, or by an IOEND.
 */
export function sendCached(world: World, file: FileState, range: Range): void {
  const { cache, mappings } = file;
  if (!mappings.exists) return;
  const from = ({ start, end }: Range): void => {
    for (let pos = start; pos < end;) {
      const hit = fromCache(world, file, world.revision.opFlags.WRITEBACK, pos, end);
      if (hit?.kind === 'failed') {
        lose(file, { start: pos, end, errno: hit.errno, rule: hit.rule });
        return;
      }
      if (hit && isType(world, hit.acted, 'INLINE'))
        throw new Unspecified('writeback to cached inline mappings is not modelled');
      if (hit) send(world, file, { start: pos, end: pos + hit.length }, hit, { asked: false, open: false });
      pos = hit ? pos + hit.length : nextCached(world, file, pos, end);
    }
  };
  for (const dirty of within(cache.dirty, blocksOf(world, range))) from(dirty);
}

/**
 * Where the kernel asks next although the mapping cache could serve it, dirty data may have gone by cached mappings
 * meanwhile, without a request: what was written is in the mapping cache no more.
 */
export function wroteUnseen(world: World, file: FileState): void {
  const { cache, mappings } = file;
  if (!mappings.exists || cache.dirty.length === 0) return;
  const seen = world.driver.peek(world.step);
  if (seen?.name !== 'IOMAP_BEGIN' || (seen.file ?? file.index) !== file.index) return;
  const isCached = ({ start, end }: Range): boolean => {
    for (let pos = start; pos < end; pos = nextCached(world, file, pos, end))
      if (inCache(world, file, pos, end)) return true;
    return false;
  };
  if (!cache.dirty.some(isCached) || world.driver.choose(2) === 0) return;
  sendCached(world, file, { start: 0n, end: 1n << 64n });
  settleUnreported(world, file);
}

/** The next block that the cache may have something for. */
function nextCached(world: World, file: FileState, pos: bigint, end: bigint): bigint {
  const starts = file.mappings.readable.map(({ offset }) => offset).filter((offset) => offset > pos && offset < end);
  const block = world.facts.blockSizeBytes;
  const next = pos - (pos % block) + block;
  return file.mappings.hasWriteFork ? next : starts.reduce((least, offset) => (offset < least ? offset : least), end);
}

/** What was open in the range and said nothing until it was sent anew was not sent. */
export function giveUp(world: World, file: FileState, range: Range): void {
  const { wb } = file;
  wb.pieces = wb.pieces.flatMap((piece) => {
    if (!piece.open || within([piece], range).length === 0) return [piece];
    // Where nothing is reported it may have been.
    if (world.enosys.ioend && !piece.fails) resolve(world, file, cut(piece, range.start, range.end), 'open');
    return outside([piece], [range]).map(({ start, end }) => cut(piece, start, end));
  });
}

/** The range's bytes are on their way to where the mapping says. */
export function send(
  world: World,
  file: FileState,
  range: Range,
  mapping: Accepted,
  how: Pick<Piece, 'asked' | 'open'>,
): void {
  const { wb, cache } = file;
  const end = min(range.end, sizeFor(world, file, range));
  // A folio is under writeback once at a time.
  settleUnreported(world, file, range, { open: true });
  if (!how.open) giveUp(world, file, range);
  cache.clean(range);
  wb.lax = removed(wb.lax, range);
  if (range.start >= end) return;
  // Behind EOF there are zeros, whatever the page cache holds.
  if (end < range.end) cache.mayWrite(end, range.end, { kind: 'zero' });
  const { acted, device } = mapping;
  const limit = device ? acted.offset + max(device.sizeBytes - acted.addr, 0n) : 0n;
  const border = min(max(limit, range.start), end);
  const parts =
    range.end <= limit
      ? [{ start: range.start, end, fails: false }]
      : [
          { start: range.start, end: border, fails: false },
          { start: border, end, fails: true },
        ].filter((part) => part.start < part.end);
  const pieces = parts.map((part, index): Piece => ({
    ...part,
    ...how,
    mapping,
    onDisk: file.onDisk.candidates,
    bytes: cache.read(part.start, index === parts.length - 1 ? range.end : part.end),
  }));
  wb.pieces = [...wb.pieces, ...pieces].sort((a, b) => (a.start < b.start ? -1 : 1));
}

/**
 * Where the file ends for writeback. Whether a file that grows has its new size while the bytes between are zeroed is
 * not laid down.
 */
function sizeFor(world: World, { sizeBytes, growsTo }: FileState, { start, end }: Range): bigint {
  if (growsTo === undefined || end <= sizeBytes) return sizeBytes;
  return start >= sizeBytes || world.driver.choose(2) === 1 ? growsTo : sizeBytes;
}
