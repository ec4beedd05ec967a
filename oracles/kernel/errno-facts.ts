/** What an errno deviates from, for programs. */
import type { Exchange } from '../../model/observation.ts';
import type { DeviationFacts } from '../../model/verdict.ts';
import { errnoName } from '../../uapi/errno.ts';

const nameOf = (errno: number): string => (errno === 0 ? 'success' : errnoName(errno));

/**
 * `expected`: errnos that are right, 0 for success, `any` for any failure; `seen`: 0 for success. `transcript`: the
 * requests of the case, since an errno that the server answered with is of its choice.
 */
export function errnoFacts(
  expected: readonly number[] | 'any',
  seen: number,
  transcript: readonly Exchange[] = [],
): DeviationFacts {
  const answered = new Set(transcript.flatMap(({ reply }) => (reply && reply.error < 0 ? [-reply.error] : [])));
  const from = {
    ...(expected !== 'any' && expected.some((errno) => answered.has(errno)) && { expected: true as const }),
    ...(answered.has(seen) && { seen: true as const }),
  };
  return {
    errno: { expected: expected === 'any' ? ['failure'] : expected.map(nameOf), seen: nameOf(seen) },
    ...(Object.keys(from).length > 0 && { answered: from }),
  };
}
