/** Whether an observation can be one of its case at all: what a guest left out must not pass for what it saw. */
import type { ByteRun } from '../../model/bytes.ts';
import { mostRequests, waitsForEver } from '../../model/case-traits.ts';
import type { Case, Step } from '../../model/case.ts';
import { GarbageError } from '../../model/codec.ts';
import {
  keptBytes,
  logBytes,
  recordHeaderBytes,
  recordsOf,
  type PackedObservation,
} from '../../model/exchange-record.ts';
import type { Observation, StepResult, TranscriptCut } from '../../model/observation.ts';

/** Throws GarbageError that says what is missing, or what cannot be. */
export function checkShape(testCase: Case, { mount, steps, deviceChanges, inodes, cut }: Observation): void {
  const { devices, files } = testCase.geometry;
  const ran = mount.errno !== 0 ? 0 : cut?.why === 'frozen' ? cut.step : testCase.workload.length;
  if (cut && !canEnd(testCase, cut, steps))
    throw new GarbageError(`an observation ends at step ${cut.step}, where its case cannot`);
  if (steps.length !== ran) throw new GarbageError(`an observation has ${steps.length} steps, its case ${ran}`);
  if (inodes.length !== files.length) throw new GarbageError('an observation has other files than its case');
  if (mount.devices.length > devices.length) throw new GarbageError('an observation has more devices than its case');
  for (const { device } of deviceChanges)
    if (device >= devices.length)
      throw new GarbageError(`an observation tells of device ${device}, which its case has not`);
  steps.forEach((seen, index) => {
    checkStep(testCase.workload[index]!, seen, index);
  });
}

/** Exchanges are missing from there on, or none are and the case itself cannot go on. */
function canEnd(testCase: Case, { step, exchanges, why }: TranscriptCut, steps: readonly StepResult[]): boolean {
  if (step > testCase.workload.length) return false;
  if (why === 'frozen') return exchanges === 0 && waitsForEver(testCase, step, steps);
  // Where no kernel makes so many requests one that does is in a loop, and that is a finding.
  return exchanges > 0 && !(why === 'count' && mostRequests(testCase).certain);
}

/**
 * Less than this is never left of a guest's log when something did not fit: a request, its answer, and what was sent in
 * between.
 */
const mostOfOne = 3 * (recordHeaderBytes + keptBytes);

/**
 * Throws GarbageError for a transcript that ends where nothing forced the guest to end it: what was asked there would
 * not be judged, and would pass.
 */
export function checkCut(testCase: Case, { transcript, cut }: PackedObservation): void {
  if (!cut || cut.why === 'frozen') return;
  const doubt = (what: string): GarbageError =>
    new GarbageError(`a transcript ends before exchange ${cut.seq}, and ${what}`);
  if (cut.why === 'room') {
    if (transcript.byteLength < logBytes - mostOfOne)
      throw doubt(`with ${transcript.byteLength} bytes there was room for more`);
    return;
  }
  const { most } = mostRequests(testCase);
  let served = 0;
  for (const _ of recordsOf(Buffer.from(transcript.buffer, transcript.byteOffset, transcript.byteLength))) served += 1;
  if (served < most) throw doubt(`only ${served} requests of ${most} were served`);
}

function checkStep(step: Step, seen: StepResult, index: number): void {
  const { ret, errno } = seen;
  if (ret < -1n || ret < 0n !== (errno !== 0))
    throw new GarbageError(`step ${index} returned ${ret} with errno ${errno}`);
  const lacks = (what: string): GarbageError =>
    new GarbageError(`the result of step ${index} (${step.call}) lacks ${what}`);
  switch (step.call) {
    case 'pread':
    case 'mmapRead': {
      // A kernel may well claim more bytes than it was asked for; there is no more room for them than that.
      const got = Math.min(Math.max(Number(ret), 0), step.lengthBytes);
      if (ret >= 0n && (seen.data === undefined || lengthOf(seen.data) !== got))
        throw lacks('the bytes that were read');
      if (got < step.lengthBytes && (seen.tail === undefined || lengthOf(seen.tail) !== step.lengthBytes - got))
        throw lacks('the bytes behind those that were read');
      break;
    }
    case 'fiemap':
      if (ret >= 0n && (seen.fiemap === undefined || seen.fiemapMapped === undefined)) throw lacks('its extents');
      break;
    case 'fstat':
      if (ret >= 0n && (seen.sizeBytes === undefined || seen.blksizeBytes === undefined)) throw lacks('the size');
      break;
    default:
      break;
  }
}

const lengthOf = (runs: readonly ByteRun[]): number => runs.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
