/**
 * Zeroing a range of a file that becomes part of it, or of a block that is cut: BEGIN with ZERO, repeated. Contract of the library:
 * fs/iomap/buffered-io.c, iomap_zero_range, which leaves alone what reads as zeros already and zeroes the rest in the page cache.
 */
import { isType } from '../rules/context.ts';
import { errnos } from '../rules/rule.ts';
import { begin } from './begin.ts';
import { Unspecified } from './driver.ts';
import { end as endOf } from './end.ts';
import type { FileState, World } from './world.ts';

/** Why a range could not be zeroed. Errnos; undefined: any. */
export interface ZeroFailure {
  rule: string;
  errnos?: readonly number[];
}

/** Zeroes [start, end) of the file. */
export function zeroRange(world: World, file: FileState, start: bigint, end: bigint): ZeroFailure | undefined {
  let pos = start;
  while (pos < end) {
    const mapping = begin(world, file, world.revision.opFlags.ZERO, pos, end);
    if (mapping.kind === 'failed') {
      if (mapping.replied && mapping.errno === errnos.ENOSYS) throw new Unspecified('the rules name no fallback for zeroing without BEGIN');
      return { rule: mapping.rule, errnos: [mapping.errno] };
    }
    if (mapping.mayFail && world.driver.choose(2) === 1) {
      if (world.driver.choose(2) === 0) endOf(world, file, mapping, 0n);
      return { rule: mapping.rule };
    }
    // What there is to be zeroed is what the range reads as, whichever half is written to.
    const zeros = [mapping.source ?? mapping.acted, mapping.acted].every((half) => isType(world, half, 'HOLE', 'UNWRITTEN'));
    if (!zeros || !file.cache.isEmpty) throw new Unspecified('zeroing in the page cache is not modelled');
    const ended = endOf(world, file, mapping, mapping.length);
    // fs/iomap/iter.c goes on after progress; the rules say that END's errno ends the operation.
    if (ended !== 0 && world.driver.choose(2) === 0) return { rule: 'request/end', errnos: [ended] };
    pos += mapping.length;
  }
  return undefined;
}

/**
 * A write from `offset` on makes the file reach that far first. `undo`: when that write fails afterwards, whether the file keeps its
 * zeroes is not laid down.
 */
export function extendTo(world: World, file: FileState, offset: bigint): { failure?: ZeroFailure; undo: () => void } {
  const old = file.sizeBytes;
  const undo = (): void => { if (offset > old && world.driver.choose(2) === 1) file.sizeBytes = old; };
  if (offset <= old) return { undo };
  const failure = zeroRange(world, file, old, offset);
  if (failure) return { failure, undo };
  file.sizeBytes = offset;
  return { undo };
}
