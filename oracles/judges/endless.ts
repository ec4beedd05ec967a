/** Judges a kernel that asks without end. */
import type { Case } from '../../harness/model/case.ts';
import type { Observation } from '../../harness/model/observation.ts';
import type { Deviation } from '../../harness/model/verdict.ts';
import { operationsOf } from '../../harness/uapi/fuse-operations.ts';
import { revisions } from '../../harness/uapi/revision.ts';

/** Its connection was cut and what it asked is kept in part: nothing else of the case can be judged. */
export function judgeEndless(of: Case, { endless }: Observation): Deviation[] {
  if (!endless) return [];
  const { opcode, same, step } = endless;
  const name = operationsOf(revisions[of.revision]).get(opcode)?.name ?? `op ${opcode}`;
  return [{
    rule: 'kernel/endless-requests', aspect: 'request', expected: 'requests come to an end',
    seen: same ? `the same ${name} over and over, although it was answered` : `${name} without end, each time another one`,
    ...(step !== undefined && { step }),
  }];
}
