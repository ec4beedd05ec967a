/**
 * Calls that change the size of a file: what of it is the old one while they run, what the new one, and what holds
 * afterwards.
 */
import type { StepExpectation } from './expectation.ts';
import type { SizeAnswer } from './set-size.ts';
import { takeWriteback, tellsOfLoss } from './writeback.ts';
import { settleUnreported } from './writeback-ioend.ts';
import type { FileState, World } from './world.ts';

/**
 * Runs a call that makes the file `size` bytes large. While it runs, IOEND goes by the old size on the disk or by the
 * new one. `call` says when the server took note of the size (`took`, more than once for the same answer is fine);
 * without that the file keeps its size.
 */
export function resizing(
  world: World,
  file: FileState,
  size: bigint,
  call: (took: (answer: SizeAnswer) => void) => StepExpectation,
): StepExpectation {
  const { sizeBytes: old, onDisk, growsTo } = file;
  const before = onDisk.candidates;
  let taken: SizeAnswer | undefined;
  onDisk.heard();
  if (size > old) file.growsTo = size;
  // The plain kernel goes by the old one.
  if (!world.driver.simulated) onDisk.mayBecome(size);
  const outcome =
    failsByWriteback(world, file) ??
    call((answer) => {
      taken ??= changeSize(world, file, size, answer);
    });
  takeWriteback(world);
  file.growsTo = growsTo;
  if (!taken) {
    onDisk.stays(before);
    return outcome;
  }
  // What went to its place without anything to report is done, before a smaller size makes it pass that of the disk.
  if (size < old) settleUnreported(world, file);
  const answered = 'answeredBytes' in taken ? taken.answeredBytes : size;
  // One that did not count when the file became larger stays where the file is cut behind it.
  if (size <= old) onDisk.isCut(size, answered);
  else onDisk.set(size, ...onDisk.candidates, answered);
  return outcome;
}

/**
 * Where the kernel writes back first, what is lost by that, or was before and nobody has heard of, may be the end of
 * the call.
 */
function failsByWriteback(world: World, file: FileState): StepExpectation | undefined {
  takeWriteback(world);
  return tellsOfLoss(world, file);
}

/** The file has the new size. The kernel may believe the one in the server's answer instead. */
function changeSize(world: World, file: FileState, size: bigint, answer: SizeAnswer): SizeAnswer {
  const answered = 'answeredBytes' in answer ? answer.answeredBytes : size;
  file.sizeBytes = answered !== size && world.driver.choose(2) === 1 ? answered : size;
  return answer;
}
