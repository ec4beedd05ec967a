/**
 * Writes through the page cache: a BEGIN for each stretch, whose read half fills up the blocks that are written in part. Data is on no device
 * before writeback. Contract of the library: fs/iomap/buffered-io.c.
 */
import { isType, type WireMapping } from '../rules/context.ts';
import { errnos } from '../rules/rule.ts';
import { begin, EIO, min, SECTOR, type Accepted } from './begin.ts';
import { Unspecified } from './driver.ts';
import { end } from './end.ts';
import type { StepExpectation } from './expectation.ts';
import { extendTo } from './zeroing.ts';
import { PAGE_SIZE, type FileState, type StepOf, type World } from './world.ts';

const LOFF_MAX = (1n << 63n) - 1n;
const PAGE = BigInt(PAGE_SIZE);

export function bufferedWrite(world: World, file: FileState, step: StepOf<'pwrite'>): StepExpectation {
  const { offset } = step;
  if (offset < 0n || offset + BigInt(step.lengthBytes) > LOFF_MAX) return { kind: 'fails', rule: 'write/position', errnos: [errnos.EINVAL] };
  if (step.lengthBytes === 0) return { kind: 'succeeds', rule: 'write/empty', ret: 0n };
  if (offset >= world.facts.maxBytes) return { kind: 'fails', rule: 'write/past-maxbytes', errnos: [errnos.EFBIG] };
  const stopAt = min(offset + BigInt(step.lengthBytes), world.facts.maxBytes);

  const { failure, undo } = extendTo(world, file, offset);
  if (failure) return { kind: 'fails', ...failure };
  let pos = offset;
  let rule = 'write/result';
  let failures: number[] | undefined;
  while (pos < stopAt && !failures) {
    const mapping = begin(world, file, world.revision.opFlags.WRITE, pos, stopAt);
    rule = mapping.rule;
    if (mapping.kind === 'failed') {
      failures = [mapping.errno];
      break;
    }
    const taken = take(world, file, step, mapping);
    rule = taken.rule ?? rule;
    if (taken.fails) failures = taken.fails;
    pos += taken.advanced;
    const ended = end(world, file, mapping, taken.advanced, false, taken.sizeChanged);
    // The rules let END's errno end the operation as a short write; fs/iomap/iter.c continues after progress.
    if (ended !== 0 && (taken.advanced === 0n || world.driver.choose(2) === 0)) failures = failures?.length === 0 ? [] : [...(failures ?? []), ended];
  }
  if (pos > offset) {
    file.wb.timesChanged = true;
    return { kind: 'succeeds', rule, ret: pos - offset };
  }
  undo();
  return { kind: 'fails', rule, ...(failures && failures.length > 0 && { errnos: failures }) };
}

interface Taken {
  advanced: bigint;
  /** Errnos; empty: any. */
  fails?: number[];
  sizeChanged: boolean;
  rule?: string;
}

/** Takes the bytes that the mapping covers into the page cache. */
function take(world: World, file: FileState, step: StepOf<'pwrite'>, mapping: Accepted): Taken {
  const { acted, source = acted, pos, length, rule } = mapping;
  if (isType(world, acted, 'INLINE') || isType(world, source, 'INLINE')) throw new Unspecified('buffered writes to inline data are not modelled');
  if ((mapping.mayFail ?? odd(world, source)) && world.driver.choose(2) === 1) return { advanced: 0n, fails: [], sizeChanged: false, rule };
  const block = world.facts.blockSizeBytes;
  const [first, last] = [pos - (pos % block), pos + length + ((block - ((pos + length) % block)) % block)];
  const head = fillUp(world, file, source, first, pos, last);
  const tail = fillUp(world, file, source, pos + length, last, last);
  const advanced = advancedTo(world, pos, length, head, tail);
  const until = pos + advanced;
  if (advanced === 0n) return { advanced, fails: [EIO], sizeChanged: false, rule: 'type/past-device-end' };
  file.cache.write(pos, until, { kind: 'writer', writer: step.writer, offsetBytes: pos });
  file.cache.soil({ start: pos, end: until }, block);
  const sizeChanged = until > file.sizeBytes;
  if (sizeChanged) file.sizeBytes = until;
  return advanced === length ? { advanced, sizeChanged } : { advanced, fails: [EIO], sizeChanged, rule: 'type/past-device-end' };
}

const odd = (world: World, source: WireMapping): string | undefined =>
  (isType(world, source, 'MAPPED') && source.addr % SECTOR !== 0n ? 'the address is not aligned to a sector' : undefined);

type Filled = 'filled' | 'may fail' | 'fails';

/**
 * What stays of a block that is written in part, [start, end), comes from the read half, unless it is in the page cache already. `runEnd`: up
 * to there the kernel may read along.
 */
function fillUp(world: World, file: FileState, source: WireMapping, start: bigint, end: bigint, runEnd: bigint): Filled {
  if (start >= end) return 'filled';
  const { cache } = file;
  const cached = !cache.misses(start, end);
  const block = world.facts.blockSizeBytes;
  const zero = { kind: 'zero' } as const;
  const behindEof = start - (start % block) >= file.sizeBytes;
  if (behindEof || !isType(world, source, 'MAPPED')) {
    cache.fill(start, end, zero);
    return 'filled';
  }
  const device = world.facts.devices.get(source.dev);
  const at = source.addr + (start - source.offset);
  // Blocks that are new hold nothing that anybody wrote.
  if ((source.flags & world.revision.mappingFlags.NEW!) !== 0) cache.fill(start, end, zero);
  const size = device?.sizeBytes ?? 0n;
  if (device) {
    for (const segment of world.contents[device.index]!.read(at, min(at + (end - start), size))) {
      for (const from of segment.sources) cache.fill(segment.start - at + start, segment.end - at + start, from);
    }
  }
  if (end > file.sizeBytes) cache.fill(start > file.sizeBytes ? start : file.sizeBytes, end, zero);
  const beyond = (until: bigint): boolean => source.addr + (until - source.offset) > size;
  if (!beyond(runEnd)) return 'filled';
  return beyond(end + ((block - (end % block)) % block)) && !cached ? 'fails' : 'may fail';
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
