/** BEGIN of writeback: for what it may be sent, and what becomes of the range by its answer. */
import type { Exchange } from '../../model/observation.ts';
import { isType } from '../rules/context.ts';
import { answered } from './begin.ts';
import { Unspecified, type ExpectedRequest } from './driver.ts';
import { holding, removed, union, within, type Range } from './ranges.ts';
import { offer, send, sendCached } from './writeback-offers.ts';
import { cut, lose } from './writeback-fate.ts';
import { refuse, type FileState, type World } from './world.ts';
import { min } from '../../uapi/units.ts';
import { errnos } from '../../uapi/errno.ts';

const WHOLE: Range = { start: 0n, end: 1n << 65n };

/** BEGIN for a dirty range. `seen`: the kernel's; undefined: for `owed`. `plain`: the kernel may have left it out. */
export function ask(
  world: World,
  file: FileState,
  seen: Exchange | undefined,
  { owed, plain = false }: { owed?: Range; plain?: boolean } = {},
): boolean {
  const { wb, cache } = file;
  const { opFlags } = world.revision;
  const position = seen && BigInt(seen.request['pos'] as bigint);
  const unasked = wb.pieces
    .filter((piece) => !piece.asked)
    .map(({ start, bytes }) => ({ start, end: bytes.at(-1)?.end ?? start }));
  const block = world.facts.blockSizeBytes;
  const size = file.growsTo ?? file.sizeBytes;
  const open = within(union(union(cache.dirty, wb.lax), unasked), {
    start: 0n,
    end: size + ((block - (size % block)) % block),
  });
  const found = position === undefined ? undefined : holding(open, position);
  const range = found ?? owed ?? cache.dirty[0] ?? open[0];
  if (!range) return false;
  const first = found ? position! : range.start;
  const expected: ExpectedRequest = {
    name: 'IOMAP_BEGIN',
    file: file.index,
    rule: 'request/writeback',
    fields: {
      opflags: { value: opFlags.WRITEBACK },
      reserved: { value: 0 },
      attrIno: { value: file.ino },
      pos: {
        value: first,
        text: `0x${first.toString(16)} (a dirty block below EOF)`,
        accepts: (at) => BigInt(at) === first && first % block === 0n,
      },
      count: {
        value: range.end - first,
        text: `1 to ${range.end - first} (inside the dirty range)`,
        accepts: (count) => BigInt(count) > 0n && BigInt(count) <= range.end - first,
      },
    },
  };
  const { mark } = file.mappings;
  const exchange = plain ? world.wire.maybe(expected, true, world.step) : world.wire.request(expected);
  if (!exchange) return false;
  const pos = BigInt(exchange.request['pos'] as bigint);
  const end = pos + BigInt(exchange.request['count'] as bigint);
  // What was thought to have gone there without being asked for did not, as far as it is asked for now.
  wb.pieces = wb.pieces.flatMap((piece) => {
    if (piece.asked || piece.start < pos || piece.start >= end) return [piece];
    return piece.end > end ? [cut(piece, end, piece.end)] : [];
  });
  const answer = answered(world, file, exchange, opFlags.WRITEBACK, pos, end);
  const change = file.mappings.since(mark);
  if (answer.kind === 'retry' && answer.interrupted)
    throw new Unspecified('whether writeback minds signals is not laid down');
  // The answer may be used as it came, or writeback sees that mappings changed meanwhile and starts over.
  if (answer.kind === 'retry' || (answer.kind === 'accepted' && change === 'changed' && world.driver.choose(2) === 1)) {
    sendCached(world, file, WHOLE);
    return true;
  }
  if (answer.kind === 'failed') return lose(file, { start: pos, end, errno: answer.errno, rule: answer.rule });
  if (isType(world, answer.acted, 'INLINE')) {
    refuse(world, { rule: 'inline/no-writeback', errno: errnos.EIO, viaBadData: true });
    return lose(file, { start: pos, end, errno: errnos.EIO, rule: 'inline/no-writeback' });
  }
  if (isType(world, answer.acted, 'HOLE', 'DELALLOC'))
    return lose(file, { start: pos, end, errno: errnos.EIO, rule: answer.rule });
  if (answer.mayFail && world.driver.choose(2) === 1)
    return lose(file, { start: pos, end, errno: undefined, rule: answer.rule });
  const until = min(end, pos + answer.length);
  send(world, file, { start: pos, end: until }, answer, { asked: true, open: false });
  wb.lax = removed(wb.lax, { start: pos, end: until });
  // Only what comes from the cache goes stale; whether an answer serves more than it was asked for when mappings
  // changed is the kernel's choice.
  if (change === 'changed' && world.driver.choose(2) === 0) sendCached(world, file, WHOLE);
  else wb.offers = [...wb.offers, offer(file, answer, pos, false)];
  return true;
}
