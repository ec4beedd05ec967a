/** Results of table cases as observations. */
import { parseTrace } from '../../../model/bad-data-trace.ts';
import { splitRuns } from '../../../model/bytes.ts';
import type { Case, Step } from '../../../model/case.ts';
import { GarbageError, type Budget } from '../../../model/codec.ts';
import { inoOf, nodeidOf } from '../../../model/nodes.ts';
import type { KernelEvent, MountResult, Observation, StepResult } from '../../../model/observation.ts';
import type { TableResult, TableStepResult } from '../../../model/table-result.ts';
import type { Revision } from '../../../uapi/revision.ts';
import { unpackObservation } from '../unpack.ts';

/** `log`: what the guest read out of the kernel's log. `revision`: as of `unpackObservation`. */
export function tableObservation(
  value: Case,
  result: TableResult,
  mount: MountResult,
  log: readonly KernelEvent[],
  revision: Revision,
  budget?: Budget,
): Observation {
  if (result.steps.length !== value.workload.length)
    throw new GarbageError('the result of a case has steps that the case has not, or lacks some');
  const nodeids = value.geometry.files.map((_, file) => nodeidOf(result.serial, file));
  return unpackObservation(
    {
      mount,
      steps: value.workload.map((step, index) => stepResult(step, result.steps[index]!)),
      transcript: result.transcript,
      written: result.written,
      stepBounds: [result.firstSeq, ...result.steps.map(({ begun }) => begun)],
      events: [...parseTrace(result.trace), ...log],
      deviceChanges: result.changes,
      nodeids,
      inodes: nodeids.map(inoOf),
    },
    revision,
    budget,
  );
}

function stepResult(step: Step, { ret, errno, runs, extra, sizeBytes, extents }: TableStepResult): StepResult {
  const out: StepResult = { ret, errno };
  switch (step.call) {
    case 'pread':
    case 'mmapRead': {
      const got = Math.max(Number(ret), 0);
      // Decoded as one: a few bytes behind the returned ones say nothing of themselves, but they may continue those.
      const [data, tail] = splitRuns(runs, got);
      if (ret >= 0n) out.data = data;
      if (got < step.lengthBytes) out.tail = tail;
      return out;
    }
    case 'fiemap':
      return { ...out, fiemapMapped: extra, fiemap: extents };
    case 'fstat':
      return ret < 0n ? out : { ...out, sizeBytes, blksizeBytes: extra };
    default:
      return out;
  }
}
