/**
 * Whether a guest kept what there was room for. A run of source `unknown` is judged by nobody: it is believed only
 * where so much was told of the bytes before it that no more could be, or where the request that held them was not
 * kept.
 */
import type { ByteRun } from '../../model/bytes.ts';
import { GarbageError } from '../../model/codec.ts';
import { mostChanges, mostRunsOfBuffer, mostRunsOfChanges, mostSpelledBytes } from '../../model/kept-bytes.ts';
import type { Observation } from '../../model/observation.ts';

/** Runs that meet at a border of two buffers are told as one. */
const joined = 8;

/** One changed stretch may have been read in several buffers. */
const mostRunsOfChange = 8 * mostRunsOfBuffer;

/** Throws GarbageError where bytes were left out, or spelled out in part, without need. */
export function checkKept({ steps, transcript, deviceChanges }: Observation): void {
  steps.forEach(({ data = [], tail = [] }, step) => {
    checkRuns([...data, ...tail], `read in step ${step}`);
  });
  for (const { name, request, cutBytes } of transcript) {
    const data = request['data'] as ByteRun[] | undefined;
    if (!data) continue;
    const behind = data.at(-1);
    const isCut = behind?.source.kind === 'unknown' && behind.lengthBytes === cutBytes;
    checkRuns(isCut ? data.slice(0, -1) : data, `sent with ${name}`);
  }
  let runs = 0;
  for (const [index, { device, content }] of deviceChanges.entries()) {
    const isFull = index >= mostChanges || runs + mostRunsOfChange > mostRunsOfChanges;
    if (!isFull || content.length !== 1) checkRuns(content, `changed on device ${device}`);
    runs += content.length;
  }
}

function checkRuns(all: readonly ByteRun[], where: string): void {
  let runs = 0,
    spelled = 0;
  for (const { lengthBytes, source } of all) {
    if (source.kind === 'unknown') {
      if (spelled < mostSpelledBytes && runs < mostRunsOfBuffer - joined)
        throw new GarbageError(`it kept nothing of ${lengthBytes} bytes that were ${where}`);
      // One change of a device may have been read in several buffers.
      [runs, spelled] = [0, 0];
      continue;
    }
    runs += 1;
    if (source.kind !== 'other') continue;
    if (source.hex.length !== 2 * lengthBytes)
      throw new GarbageError(`it kept ${source.hex.length / 2} of ${lengthBytes} bytes that were ${where}`);
    spelled += lengthBytes;
  }
}
