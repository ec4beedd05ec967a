/** Cases of which something was not judged, in words. */
import { isAboutChannel, type PartlyJudged } from '../model/partly-judged.ts';
import type { RunSummary } from '../model/run-summary.ts';
import type { StoredCase } from './run.ts';
import { plural } from './text.ts';

/** `3 cases were not judged in part, because 2 records of the trace were lost (and the like)`. */
export const partlyJudgedText = ({ reason, cases }: PartlyJudged): string =>
  `${plural(cases.length, 'case')} ${cases.length === 1 ? 'was' : 'were'} not judged in part, because ${reason}${cases.length > 1 ? ' (and the like)' : ''}`;

/** What no case of the run could be judged by, where no notice says it in better words. */
export const lackingChannelTexts = ({ unjudged = [], notices }: RunSummary): string[] =>
  notices.some(isAboutChannel) ? [] : unjudged.map(({ aspect, reason }) => `not judged: the ${aspect}: ${reason}`);

/** Of some cases, for what is said of them together: `2 cases not judged in part, because ...`; undefined: of none. */
export function inPartText(cases: readonly StoredCase[]): string | undefined {
  const some = cases.filter(({ unjudged }) => unjudged !== undefined);
  return some.length === 0
    ? undefined
    : `${plural(some.length, 'case')} not judged in part, because ${some[0]!.unjudged}`;
}
