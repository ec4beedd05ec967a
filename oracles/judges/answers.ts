/** Judges what write() on /dev/fuse made of each answer: malformed ones are refused, others are not. */
import type { Observation } from '../../model/observation.ts';
import type { Deviation } from '../deviation.ts';
import type { Revision } from '../../uapi/revision.ts';
import { errnoName } from '../../uapi/errno.ts';
import { writeResult } from '../kernel/answer.ts';
import { errnoFacts } from '../kernel/errno-facts.ts';

const show = (errno: number): string => (errno === 0 ? 'write() takes it' : `write() fails with ${errnoName(errno)}`);

export function judgeAnswers(seen: Observation, revision: Revision): Deviation[] {
  // Behind the end of the connection nobody waits for any answer.
  const end = seen.transcript.find((exchange) => exchange.ended)?.seq ?? Infinity;
  return seen.transcript.flatMap(({ name, request, reply, writeErrno, seq, raw, step }): Deviation[] => {
    if (!reply || raw || writeErrno === undefined || seq > end) return [];
    const right = writeResult(revision, name, request, reply);
    if (right === undefined || right === writeErrno) return [];
    return [
      {
        rule: 'answer/written',
        aspect: 'result',
        expected: `${name}: ${show(right)}`,
        seen: show(writeErrno),
        ...(step !== undefined && { step }),
        facts: errnoFacts([right], writeErrno),
      },
    ];
  });
}
