/** Whether an observation can be one of its case at all: what a guest left out must not pass for what it saw. */
import type { ByteRun } from '../../model/bytes.ts';
import { waitsForEver } from '../../model/case-traits.ts';
import type { Case, Step } from '../../model/case.ts';
import { GarbageError } from '../../model/codec.ts';
import type { Observation, StepResult, TranscriptCut } from '../../model/observation.ts';

/** Throws GarbageError that says what is missing, or what cannot be. */
export function checkShape(of: Case, { mount, steps, deviceChanges, inodes, cut }: Observation): void {
  const { devices, files } = of.geometry;
  const ran = mount.errno !== 0 ? 0 : cut?.why === 'frozen' ? cut.step : of.workload.length;
  if (cut && !canEnd(of, cut, steps)) throw new GarbageError(`an observation ends at step ${cut.step}, where its case cannot`);
  if (steps.length !== ran) throw new GarbageError(`an observation has ${steps.length} steps, its case ${ran}`);
  if (inodes.length !== files.length) throw new GarbageError('an observation has other files than its case');
  if (mount.devices.length > devices.length) throw new GarbageError('an observation has more devices than its case');
  for (const { device } of deviceChanges) if (device >= devices.length) throw new GarbageError(`an observation tells of device ${device}, which its case has not`);
  steps.forEach((seen, index) => { checkStep(of.workload[index]!, seen, index); });
}

/** Exchanges are missing from there on, or none are and the case itself cannot go on. */
const canEnd = (of: Case, { step, exchanges, why }: TranscriptCut, steps: readonly StepResult[]): boolean =>
  step <= of.workload.length && (why === 'frozen' ? exchanges === 0 && waitsForEver(of, step, steps) : exchanges > 0);

function checkStep(step: Step, seen: StepResult, index: number): void {
  const { ret, errno } = seen;
  if (ret < -1n || (ret < 0n) !== (errno !== 0)) throw new GarbageError(`step ${index} returned ${ret} with errno ${errno}`);
  const lacks = (what: string): GarbageError => new GarbageError(`the result of step ${index} (${step.call}) lacks ${what}`);
  switch (step.call) {
    case 'pread':
    case 'mmapRead': {
      // A kernel may well claim more bytes than it was asked for; there is no more room for them than that.
      const got = Math.min(Math.max(Number(ret), 0), step.lengthBytes);
      if (ret >= 0n && (seen.data === undefined || lengthOf(seen.data) !== got)) throw lacks('the bytes that were read');
      if (got < step.lengthBytes && (seen.tail === undefined || lengthOf(seen.tail) !== step.lengthBytes - got)) throw lacks('the bytes behind those that were read');
      break;
    }
    case 'fiemap': if (ret >= 0n && (seen.fiemap === undefined || seen.fiemapMapped === undefined)) throw lacks('its extents'); break;
    case 'fstat': if (ret >= 0n && (seen.sizeBytes === undefined || seen.blksizeBytes === undefined)) throw lacks('the size'); break;
    default: break;
  }
}

const lengthOf = (runs: readonly ByteRun[]): number => runs.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
