/** Judges a kernel that asks without end. */
import type { Case } from '../../model/case.ts';
import type { Exchange, Observation } from '../../model/observation.ts';
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

/** So many of the requests that were kept show what goes on without end; others came before it. */
const LAST = 16;

/**
 * Whether the server changes the mappings of that file with each answer to that request, so that the kernel has to ask
 * again, and again (docs/spec/behaviour.md#mapping-cache): how often it does so before it gives up is not laid down.
 */
export function isProvoked({ script }: Case, { endless, transcript }: Observation): boolean {
  if (!endless) return false;
  const asked = transcript
    .filter(({ opcode, step }) => opcode === endless.opcode && step === endless.step)
    .slice(-LAST);
  const changesMappings = ({ file, notified }: Exchange): boolean =>
    notified !== undefined &&
    (script[notified.line]?.before ?? []).some(
      (one, index) =>
        notified.errnos[index] === 0 &&
        (one.kind === 'upsert' || one.kind === 'inval') &&
        'file' in one.node &&
        one.node.file === file,
    );
  return asked.length > 1 && asked.every(changesMappings);
}
