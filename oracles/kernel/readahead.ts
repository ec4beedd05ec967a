/**
 * readahead(2) and posix_fadvise(2): the page cache is filled or emptied, and nobody is told what could not be read.
 */
import { fill } from './buffered-read.ts';
import { Unspecified } from './driver.ts';
import type { StepExpectation } from './expectation.ts';
import { errnos } from '../../uapi/errno.ts';
import { claim } from './writeback-offers.ts';
import type { OpenFile, StepOf, World } from './world.ts';
import { LOFF_MAX, PAGE, min, pageCeil, pageFloor } from '../../uapi/units.ts';

export function readAhead(
  world: World,
  { file, flags }: OpenFile,
  step: StepOf<'readahead' | 'fadvise'>,
): StepExpectation {
  const { offset } = step;
  const rule = 'read/ahead-asked';
  // mm/readahead.c, ksys_readahead; mm/fadvise.c, generic_fadvise.
  if (step.call === 'readahead' && flags.includes('wronly')) return { kind: 'fails', rule, errnos: [errnos.EBADF] };
  if (offset < 0n || offset + BigInt(step.lengthBytes) > LOFF_MAX)
    throw new Unspecified('what is made of odd ranges is not said');
  if (step.call === 'fadvise' && step.advice === 'dontneed') {
    // Of a part the kernel may keep more: folios that reach beyond it, and what is dirty, or on its way to a device,
    // when it is asked.
    const settled = file.wb.flushedSoils === file.cache.soils;
    if (offset === 0n && settled && (step.lengthBytes === 0 || BigInt(step.lengthBytes) >= pageCeil(file.sizeBytes)))
      file.cache.drop(0n, LOFF_MAX);
    // What is dirty and has a mapping may be written back by that, and leave then.
    else claim(world, file, { start: 0n, end: LOFF_MAX });
    return { kind: 'succeeds', rule, ret: 0n };
  }
  const until = pageCeil(
    step.lengthBytes === 0 ? file.sizeBytes : min(offset + BigInt(step.lengthBytes), file.sizeBytes),
  );
  const from = pageFloor(offset);
  if (from >= until) return { kind: 'succeeds', rule, ret: 0n };
  const absent = file.cache.misses(from, from + PAGE) && !file.mappings.lookup(world.revision, from, false);
  const { asked } = fill(world, file, from, until);
  // How much of it is read is the kernel's own business, that something is is not.
  if (absent && !asked)
    world.driver.request({
      name: 'IOMAP_BEGIN',
      file: file.index,
      rule,
      fields: { opflags: { value: 0 }, pos: { value: from } },
    });
  return { kind: 'succeeds', rule, ret: 0n };
}
