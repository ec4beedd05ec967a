/**
 * Writeback of dirty pages: BEGIN for each dirty range, I/O to what it maps, IOEND (behaviour, "END and IOEND"). It may come at any time while
 * something is dirty, in any order and portions; fsync, close and their like leave nothing behind. What a folio is, when a mapping is good
 * for the next range too, and which ranges share an IOEND is the kernel's own business (fs/iomap/buffered-io.c, fs/iomap/ioend.c).
 */
import type { Exchange } from '../../harness/model/observation.ts';
import { isType } from '../rules/context.ts';
import { answered, EIO, fromCache, max, min, type Accepted } from './begin.ts';
import { Unspecified, type Driver, type ExpectedRequest } from './driver.ts';
import type { StepExpectation } from './expectation.ts';
import { holding, removed, union, within, type Range, type Ranges } from './ranges.ts';
import { failureIoend, needsIoend, writebackIoend } from './writeback-ioend.ts';
import { resolve, store, type Lost, type Piece } from './writeback-state.ts';
import { PAGE_SIZE } from './page-size.ts';
import { refuse, type FileState, type World } from './world.ts';

/** A driver that takes writeback in where the kernel does it between the requests of other operations. */
export function interleaved(world: World): Driver {
  const { wire } = world;
  return {
    request: (expected) => { takeWriteback(world); return wire.request(expected); },
    maybe: (expected, plain, step) => { takeWriteback(world); return wire.maybe(expected, plain, step); },
    peek: (step) => wire.peek(step),
    loose: (expected, step) => wire.loose(expected, step),
    choose: (count) => wire.choose(count),
  };
}

/** Takes the writeback that the kernel did here of its own accord. */
export function takeWriteback(world: World): void {
  for (const file of world.files) {
    const { wb } = file;
    if (file.cache.dirty.length === 0 && wb.isIdle) continue;
    while (traffic(world, file, false));
  }
}

/** What is dirty in the range goes to its place; the kernel may write more, and report it later. */
export function flushRange(world: World, file: FileState, range: Range): void {
  takeWriteback(world);
  if (within(file.cache.dirty, range).length > 0) flush(world, file, range);
}

/** Before direct I/O to the range: what is dirty there has reached its place. What was lost is reported by fsync, and perhaps here. */
export function flushedRange(world: World, file: FileState, range: Range): StepExpectation | undefined {
  const before = file.wb.errors.length;
  takeWriteback(world);
  const { wb, cache } = file;
  if (within([...cache.dirty, ...wb.pieces], range).length > 0) flush(world, file, range);
  // What else was asked about may be there, too: it shares folios with the range, or blocks where EOF is.
  for (const piece of wb.pieces) store(world, piece, false);
  return file.wb.errors.length > before && world.driver.choose(2) === 0 ? { kind: 'fails', rule: file.wb.errorRule } : undefined;
}

/** Everything dirty in `range` goes to its place, or its loss is an error of the file. Default: the whole file. */
export function flush(world: World, file: FileState, range?: Range): void {
  const { wb, cache } = file;
  if (cache.dirty.length === 0 && wb.isIdle) return;
  sendCached(world, file);
  while (traffic(world, file, true, range));
  settle(world, file, range && wb.current ? claimedUntil(world, file, range) : undefined);
  // What is left is owed: these requests were not made.
  const owed = range ? within(cache.dirty, range)[0] : cache.dirty[0];
  if (owed) ask(world, file, undefined);
  const { ioend } = world.enosys;
  if (wb.lost[0] && !ioend) failureIoend(world, file, wb.lost[0]);
  wb.lost = [];
  wb.lax = [];
  if (wb.failed) {
    // An operation that failed need not wait for the rest, and what waited for its turn may have been given up.
    wb.pieces = wb.pieces.map((piece) => ({ ...piece, open: true }));
    wb.failed = false;
    if (ioend) settleRest(world, file);
    return;
  }
  const isMine = ({ start, end }: Range): boolean => !range || (end > range.start && start < range.end);
  const unreported = wb.pieces.findIndex((piece) => isMine(piece) && !ioend && !piece.open && (piece.fails || needsIoend(world, file, [piece])));
  if (unreported >= 0) writebackIoend(world, file, wb.pieces.slice(unreported), undefined);
  settleRest(world, file, isMine);
}

/** What is dirty behind the range goes along with it as far as its last folio reaches, which is the kernel's own business. */
function claimedUntil(world: World, { cache }: FileState, { end }: Range): bigint | undefined {
  const page = BigInt(PAGE_SIZE);
  const last = cache.dirty.at(-1)?.end ?? 0n;
  const ends: bigint[] = [];
  for (let at = end + ((page - (end % page)) % page); at < last; at += page) ends.push(at);
  return ends.length > 0 ? [...ends, undefined][world.driver.choose(ends.length + 1)] : undefined;
}

/** What became of pieces of which nothing more will be heard. Default: all. */
export function settleRest(world: World, file: FileState, which: (piece: Piece) => boolean = () => true): void {
  const { wb } = file;
  for (const piece of wb.pieces.filter(which)) resolve(world, file, piece, piece.fails ? 'failed' : piece.open ? 'open' : 'written');
  wb.pieces = wb.pieces.filter((piece) => !which(piece));
}

/** What went to its place without anything to report is done: what the file becomes afterwards does not make it pass the size on the disk. */
export function settleUnreported(world: World, file: FileState, range?: Range): void {
  const { wb } = file;
  for (const piece of wb.pieces.filter((one) => !one.open && !one.fails && !needsIoend(world, file, [one]))) {
    if (range && (piece.start >= range.end || piece.end <= range.start)) continue;
    wb.pieces = wb.pieces.filter((one) => one !== piece);
    resolve(world, file, piece, 'written');
  }
}

/** One request of writeback, where the next one is that, or where `plain` would make one. */
function traffic(world: World, file: FileState, plain: boolean, range?: Range): boolean {
  const { wb, cache } = file;
  const seen = world.wire.peek(world.step);
  if (!seen) return plain && plainTraffic(world, file, range);
  if (seen.file !== undefined && seen.file !== file.index) return false;
  const field = (name: string): bigint => BigInt((seen.request[name] ?? 0) as bigint | number);
  if (seen.name === 'IOMAP_BEGIN' && (Number(field('opflags')) & world.revision.opFlags.WRITEBACK) !== 0) {
    const open = cache.dirty.length > 0 || wb.lax.length > 0 || wb.pieces.some((piece) => !piece.asked) || wb.current !== undefined;
    return open && ask(world, file, seen);
  }
  if (seen.name !== 'IOMAP_IOEND') return false;
  const { WRITEBACK } = world.revision.ioendFlags;
  const flags = Number(field('flags'));
  if (flags === 0 && wb.lost.length > 0) {
    const lost = wb.lost.find((range) => range.start <= field('pos') && field('pos') < range.end) ?? wb.lost[0]!;
    failureIoend(world, file, lost);
    return true;
  }
  if ((flags & WRITEBACK!) === 0) return false;
  const reported = { start: field('pos'), end: field('pos') + field('written') };
  claim(world, file, reported.end);
  // It is about more than was written so far: what else it is about comes first.
  if (!plain && removedAll(union(union(cache.dirty, wb.lax), wb.pieces), reported).length > 0) return false;
  if (!holding(wb.pieces, reported.start)) sendCached(world, file);
  if (wb.pieces.length === 0) return false;
  writebackIoend(world, file, wb.pieces, seen);
  return true;
}

/** The parts of a range that are not in `of`. */
const removedAll = (of: Ranges, range: Range): Ranges => of.reduce<Ranges>((left, one) => removed(left, one), [range]);

/** What a kernel does next that asks for what it needs and no more. */
function plainTraffic(world: World, file: FileState, range: Range | undefined): boolean {
  const { wb, cache } = file;
  const { ioend } = world.enosys;
  if (wb.lost[0] && !ioend) return failureIoend(world, file, wb.lost[0], true);
  if (ioend) wb.lost = [];
  if (range) claim(world, file, range.end);
  else settle(world, file);
  if ((range ? within(cache.dirty, range) : cache.dirty).length > 0) return ask(world, file, undefined, true);
  if (ioend) return false;
  const due = wb.pieces.filter((piece) => !piece.open && (piece.fails || needsIoend(world, file, [piece])));
  return due.length > 0 && writebackIoend(world, file, wb.pieces.slice(wb.pieces.indexOf(due[0]!)), undefined, true);
}

/** BEGIN for a dirty range. `seen`: the kernel's; undefined: the first that is due. `plain`: the kernel may have left it out. */
function ask(world: World, file: FileState, seen: Exchange | undefined, plain = false): boolean {
  const { wb, cache } = file;
  const { opFlags } = world.revision;
  const position = seen && BigInt(seen.request['pos'] as bigint);
  // What the newest mapping was not asked for stays to be asked for when the kernel goes back.
  if (position !== undefined) claim(world, file, position);
  const unclaimed = wb.pieces.filter((piece) => !piece.asked).map(({ start, bytes }) => ({ start, end: bytes.at(-1)?.end ?? start }));
  const open = union(union(cache.dirty, wb.lax), unclaimed);
  const range = (position !== undefined && holding(open, position)) || cache.dirty[0] || open[0];
  if (!range) return false;
  const first = position !== undefined && holding(open, position) ? position : range.start;
  const expected: ExpectedRequest = {
    name: 'IOMAP_BEGIN', file: file.index, rule: 'request/writeback',
    fields: {
      opflags: { value: opFlags.WRITEBACK }, reserved: { value: 0 }, attrIno: { value: file.ino },
      pos: { value: first, text: `0x${first.toString(16)} (a dirty block below EOF)`, accepts: (at) => BigInt(at) === first && first % world.facts.blockSizeBytes === 0n },
      count: {
        value: range.end - first, text: `1 to ${range.end - first} (inside the dirty range)`, accepts: (count) => BigInt(count) > 0n && BigInt(count) <= range.end - first,
      },
    },
  };
  const { mark } = file.mappings;
  const exchange = plain ? world.wire.maybe(expected, true, world.step) : world.wire.request(expected);
  if (!exchange) return false;
  const pos = BigInt(exchange.request['pos'] as bigint);
  const end = pos + BigInt(exchange.request['count'] as bigint);
  wb.pieces = wb.pieces.filter((piece) => piece.asked || piece.start < pos || piece.start >= end);
  const answer = answered(world, file, exchange, opFlags.WRITEBACK, pos, end);
  wb.current = undefined;
  const change = file.mappings.since(mark);
  if (answer.kind === 'retry' && answer.interrupted) throw new Unspecified('whether writeback minds signals is not laid down');
  // The answer may be used once, or writeback sees that mappings changed meanwhile and starts over.
  if (answer.kind === 'retry' || (answer.kind === 'accepted' && change === 'changed' && world.driver.choose(2) === 1)) {
    sendCached(world, file);
    return true;
  }
  if (answer.kind === 'failed') return lose(file, { start: pos, end, errno: answer.errno, rule: answer.rule });
  if (isType(world, answer.acted, 'INLINE')) {
    refuse(world, { rule: 'inline/no-writeback', errno: EIO, viaBadData: true });
    return lose(file, { start: pos, end, errno: EIO, rule: 'inline/no-writeback' });
  }
  if (isType(world, answer.acted, 'HOLE', 'DELALLOC')) return lose(file, { start: pos, end, errno: EIO, rule: answer.rule });
  if (answer.mayFail && world.driver.choose(2) === 1) return lose(file, { start: pos, end, errno: undefined, rule: answer.rule });
  send(world, file, { start: pos, end: min(end, pos + answer.length) }, answer, { asked: true, open: false });
  // What changed is not used again.
  if (change !== 'changed') wb.current = { mapping: answer, from: pos };
  if (change === 'changed') sendCached(world, file);
  return true;
}

/** The data has no place: it is lost, and with it perhaps what else its folio holds. */
function lose(file: FileState, lost: Lost): true {
  const { wb, cache } = file;
  wb.lost = [...wb.lost, lost];
  wb.errors.push(lost.errno);
  wb.errorRule = lost.rule;
  wb.failed = true;
  cache.clean(lost);
  wb.lax = union(removed(wb.lax, lost), cache.dirty);
  for (const range of cache.dirty) cache.clean(range);
  return true;
}

/** The newest mapping was good for the dirty ranges from where it was asked for up to `until`, as far as it reaches. */
function claim(world: World, file: FileState, until: bigint): void {
  const { wb, cache } = file;
  if (!wb.current) return;
  const { mapping, from } = wb.current;
  const block = world.facts.blockSizeBytes;
  const reach = { start: from, end: min(until + ((block - (until % block)) % block), mapping.acted.offset + mapping.acted.length) };
  if (reach.end <= reach.start) return;
  for (const range of within(cache.dirty, reach)) send(world, file, range, mapping, { asked: false, open: false });
  for (const range of within(wb.lax, reach)) send(world, file, range, mapping, { asked: false, open: true });
}

/** What the mapping cache has a place for is sent there without a request. Nobody sees when; that it was is known by the next flush, or by an IOEND. */
function sendCached(world: World, file: FileState): void {
  const { cache, mappings } = file;
  if (!mappings.exists) return;
  const from = (range: Range): void => {
    for (let pos = range.start; pos < range.end;) {
      const hit = fromCache(world, file, world.revision.opFlags.WRITEBACK, pos, range.end);
      if (hit?.kind === 'failed') {
        lose(file, { start: pos, end: range.end, errno: hit.errno, rule: hit.rule });
        return;
      }
      if (hit && isType(world, hit.acted, 'INLINE')) throw new Unspecified('writeback to cached inline mappings is not modelled');
      if (hit) send(world, file, { start: pos, end: pos + hit.length }, hit, { asked: false, open: false });
      pos = hit ? pos + hit.length : nextCached(world, file, pos, range.end);
    }
  };
  for (const range of [...cache.dirty]) from(range);
}

/** The next block that the cache may have something for. */
function nextCached(world: World, file: FileState, pos: bigint, end: bigint): bigint {
  const starts = file.mappings.readable.map(({ offset }) => offset).filter((offset) => offset > pos && offset < end);
  const block = world.facts.blockSizeBytes;
  const next = pos - (pos % block) + block;
  return file.mappings.hasWriteFork ? next : starts.reduce((least, offset) => (offset < least ? offset : least), end);
}

function settle(world: World, file: FileState, until = 1n << 64n): void {
  claim(world, file, until);
  file.wb.current = undefined;
}

function send(world: World, file: FileState, range: Range, mapping: Accepted, how: Pick<Piece, 'asked' | 'open'>): void {
  const { wb, cache } = file;
  const end = min(range.end, file.sizeBytes);
  // A folio is under writeback once at a time.
  settleUnreported(world, file, range);
  cache.clean(range);
  wb.lax = removed(wb.lax, range);
  if (range.start >= end) return;
  // Behind EOF there are zeros, whatever the page cache holds.
  if (end < range.end) cache.mayWrite(end, range.end, { kind: 'zero' });
  const { acted, device } = mapping;
  const limit = device ? acted.offset + max(device.sizeBytes - acted.addr, 0n) : 0n;
  const border = min(max(limit, range.start), end);
  const parts = range.end <= limit ? [{ start: range.start, end, fails: false }]
    : [{ start: range.start, end: border, fails: false }, { start: border, end, fails: true }].filter((part) => part.start < part.end);
  const pieces = parts.map((part, index): Piece => ({
    ...part, ...how, mapping, bytes: cache.read(part.start, index === parts.length - 1 ? range.end : part.end),
  }));
  wb.pieces = [...wb.pieces, ...pieces].sort((a, b) => (a.start < b.start ? -1 : 1));
}
