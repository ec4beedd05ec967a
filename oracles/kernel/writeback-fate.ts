/** What becomes of data that writeback sends, or cannot send: it is on its device, lost, or open. */
import { errnos } from '../../uapi/errno.ts';
import { min } from '../../uapi/units.ts';
import { clip } from './content.ts';
import { union } from './ranges.ts';
import type { FileState, World } from './world.ts';
import type { Lost, Piece } from './writeback-state.ts';

/**
 * The data has no place: it is lost, and with it perhaps what else its folio holds. A kernel may give all of it up, or
 * keep it dirty and try again.
 */
export function lose({ wb, cache }: FileState, lost: Lost): true {
  wb.lost = [...wb.lost, lost];
  wb.errors.push(lost.errno);
  wb.errorRule = lost.rule;
  wb.losses.push(
    `the server gave no place to what was written to [0x${lost.start.toString(16)}, 0x${lost.end.toString(16)}) of the file (${lost.rule})`,
  );
  wb.failed = true;
  cache.clean(lost);
  wb.lax = union(union(wb.lax, [lost]), cache.dirty);
  for (const range of cache.dirty) cache.clean(range);
  return true;
}

/** What became of a piece: its bytes are on the device, or not, or it is open. */
export function resolve(world: World, file: FileState, piece: Piece, fate: 'written' | 'failed' | 'open'): void {
  const {
    mapping: { device },
  } = piece;
  const { wb } = file;
  if (fate === 'failed') {
    wb.errors.push(errnos.EIO);
    wb.errorRule = piece.fails ? 'type/past-device-end' : wb.errorRule;
    wb.lax = union(wb.lax, [{ start: piece.start, end: piece.bytes.at(-1)?.end ?? piece.end }]);
    wb.losses.push(
      `the device did not take what was written to [0x${piece.start.toString(16)}, 0x${piece.end.toString(16)}) of the file`,
    );
  }
  if (!device) return;
  file.mappings.mayChange();
  // What was written is not what the server would answer now; of what failed nothing is said.
  if (file.mappings.exists && (fate === 'written' || world.driver.choose(2) === 0))
    file.mappings.changed(piece.start, piece.end, world.facts.blockSizeBytes);
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
  const stop = to === piece.end ? (piece.bytes.at(-1)?.end ?? to) : to;
  return { ...piece, start: from, end: to, bytes: clip(piece.bytes, from, stop) };
}
