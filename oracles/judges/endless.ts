/** Judges a kernel that asks without end. */
import type { Observation } from '../../model/observation.ts';
import type { Deviation } from '../deviation.ts';
import { operationsOf } from '../../uapi/fuse-operations.ts';
import type { Revision } from '../../uapi/revision.ts';

/** Its connection was cut and what it asked is kept in part: nothing else of the case can be judged. */
export function judgeEndless({ endless }: Observation, revision: Revision): Deviation[] {
  if (!endless) return [];
  const { opcode, same, step } = endless;
  const name = operationsOf(revision).get(opcode)?.name ?? `op ${opcode}`;
  return [
    {
      rule: 'kernel/endless-requests',
      aspect: 'request',
      expected: 'requests come to an end',
      seen: same
        ? `the same ${name} over and over, although it was answered`
        : `${name} without end, each time another one`,
      ...(step !== undefined && { step }),
    },
  ];
}
