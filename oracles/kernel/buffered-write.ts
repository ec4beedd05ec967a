/**
 * Writes through the page cache: a BEGIN for each stretch, whose read half fills up the blocks that are written in
 * part. Data is on no device before writeback. Contract of the library: fs/iomap/buffered-io.c.
 */
import { isType } from '../rules/context.ts';
import { errnos } from '../../uapi/errno.ts';
import { begin, isStale } from './begin.ts';
import { fillUp, isOdd, type Filled } from './block-fill.ts';
import { end, sendsEnd } from './end.ts';
import type { StepExpectation } from './expectation.ts';
import { readInlineSource, writeInlineCached } from './inline.ts';
import { extendTo } from './zeroing.ts';
import { synced } from './sync.ts';
import type { FileState, World } from './world.ts';
import { bytesOf, type Write } from './written.ts';
import { PAGE, min } from '../../uapi/units.ts';
import type { Accepted } from './accepted.ts';
import type { ClauseId } from '../rules/rule-id.ts';

export function bufferedWrite(world: World, file: FileState, write: Write): StepExpectation {
  const { offset } = write;
  if (offset >= world.facts.maxBytes) return { kind: 'fails', rule: 'write/past-maxbytes', errnos: [errnos.EFBIG] };
  const stopAt = min(offset + BigInt(write.lengthBytes), world.facts.maxBytes);

  const { failure, undo } = extendTo(world, file, offset);
  if (failure) return { kind: 'fails', ...failure };
  let pos = offset;
  let rule: ClauseId = 'write/result';
  let failures: number[] | undefined;
  while (pos < stopAt && !failures) {
    const mapping = begin(world, file, world.revision.opFlags.WRITE, pos, stopAt);
    rule = mapping.rule;
    if (mapping.kind === 'failed') {
      failures = [mapping.errno];
      break;
    }
    const taken = take(world, file, write, mapping);
    rule = taken.rule ?? rule;
    if (taken.fails) failures = taken.fails;
    pos += taken.advanced;
    const ended =
      taken.mayLeaveOutEnd && !sendsEnd(world, file)
        ? 0
        : end(world, file, mapping, taken.advanced, false, taken.sizeChanged);
    // END's errno ends the operation as a short write, or is swallowed once there was progress.
    if (ended !== 0 && (pos === offset || world.driver.choose(2) === 0))
      failures = failures?.length === 0 ? [] : [...(failures ?? []), ended];
  }
  if (pos > offset) {
    file.wb.timesChanged = true;
    return synced(world, file, write, { kind: 'succeeds', rule, ret: pos - offset });
  }
  undo();
  return { kind: 'fails', rule, ...(failures && failures.length > 0 && { errnos: failures }) };
}

interface Taken {
  advanced: bigint;
  /** Errnos; empty: any. */
  fails?: number[];
  sizeChanged: boolean;
  rule?: ClauseId;
  /** The inline data could not be fetched: END is for none of the mapping, or for the half that has a place. */
  mayLeaveOutEnd?: boolean;
}

/**
 * Takes the bytes that the mapping covers into the page cache; none of them when it is stale: then it is asked for
 * again.
 */
function take(world: World, file: FileState, write: Write, mapping: Accepted): Taken {
  const { acted, source = acted, pos, length, rule } = mapping;
  if (isType(world, acted, 'INLINE')) return takeInline(world, file, write, mapping);
  if ((mapping.mayFail ?? isOdd(world, source)) && world.driver.choose(2) === 1)
    return { advanced: 0n, fails: [], sizeChanged: false, rule };
  const block = world.facts.blockSizeBytes;
  const [first, last] = [pos - (pos % block), pos + length + ((block - ((pos + length) % block)) % block)];
  if (isType(world, source, 'INLINE')) {
    const failed = readInlineSource(
      world,
      file,
      mapping,
      file.cache.misses(first, pos) || file.cache.misses(pos + length, min(last, file.sizeBytes)),
    );
    if (failed)
      return { advanced: 0n, fails: [failed.errno], sizeChanged: false, rule: failed.rule, mayLeaveOutEnd: true };
  }
  if (isStale(world, file, mapping)) return { advanced: 0n, sizeChanged: false };
  const fromSource = (start: bigint, end: bigint): Filled =>
    isType(world, source, 'INLINE') ? 'filled' : fillUp(world, file, mapping, start, end, last);
  const [head, tail] = [fromSource(first, pos), fromSource(pos + length, last)];
  const advanced = advancedTo(world, pos, length, head, tail);
  const until = pos + advanced;
  if (advanced === 0n) return { advanced, fails: [errnos.EIO], sizeChanged: false, rule: 'type/past-device-end' };
  for (const segment of bytesOf(write, pos, until)) file.cache.writeSegment(segment);
  file.cache.soil({ start: pos, end: until }, block);
  const sizeChanged = until > file.sizeBytes;
  if (sizeChanged) file.sizeBytes = until;
  return advanced === length
    ? { advanced, sizeChanged }
    : { advanced, fails: [errnos.EIO], sizeChanged, rule: 'type/past-device-end' };
}

function takeInline(world: World, file: FileState, write: Write, mapping: Accepted): Taken {
  const written = writeInlineCached(world, file, mapping, (start, end) => bytesOf(write, start, end), false);
  if (written === 'stale') return { advanced: 0n, sizeChanged: false };
  if (typeof written !== 'bigint')
    return { advanced: 0n, fails: [written.errno], sizeChanged: false, rule: written.rule };
  const until = mapping.pos + written;
  const sizeChanged = until > file.sizeBytes;
  if (sizeChanged) file.sizeBytes = until;
  return written === mapping.length
    ? { advanced: written, sizeChanged }
    : { advanced: written, fails: [], sizeChanged };
}

/** How far a write gets of which some block may not be readable: folios before it count. */
function advancedTo(world: World, pos: bigint, length: bigint, head: Filled, tail: Filled): bigint {
  if (head === 'filled' && tail === 'filled') return length;
  const reached: bigint[] = head !== 'fails' && tail !== 'fails' ? [length] : [];
  if (head !== 'fails') {
    const borders: bigint[] = [];
    for (let border = pos - (pos % PAGE) + PAGE; border < pos + length; border += PAGE) borders.unshift(border - pos);
    reached.push(...borders);
  }
  reached.push(0n);
  return reached[world.driver.choose(reached.length)]!;
}
