/** Judges stored observations again by the rules of this version. */
import { judge } from '../../../oracles/judge.ts';
import { saysThatChannelLacks } from '../../../oracles/judges/channels.ts';
import { messageOf } from '../../../model/errors.ts';
import type { Verdict } from '../../../model/verdict.ts';
import { withCrashes } from '../crash-deviation.ts';
import { checkShape } from '../observation-shape.ts';
import type { Numbers } from '../../../uapi/numbers.ts';
import type { RevisionId } from '../../../uapi/revision.ts';
import type { JudgeableItem, Place, StoredRecord } from './record.ts';

export type JudgedItem =
  | { kind: 'judged'; place: Place; verdict: Verdict; /** As the record has it. */ recorded?: Verdict['kind'] }
  | Extract<JudgeableItem, { kind: 'nothing' | 'unreadable' }>;

export interface JudgeBy {
  /** Default: the case's own. */
  revision?: RevisionId | undefined;
  /** Of the kernel's uAPI; default: those that the results say, else those of the revision. */
  numbers?: Numbers | undefined;
}

/** Never throws. */
export function judgeStored(item: JudgeableItem, by: JudgeBy = {}): JudgedItem {
  if (item.kind === 'incident')
    return {
      kind: 'judged',
      place: item.place,
      verdict: { kind: 'deviates', deviations: item.deviations },
      ...(item.recorded !== undefined && { recorded: item.recorded }),
    };
  if (item.kind !== 'record') return item;
  const { place, observation, recorded } = item;
  const value = by.revision === undefined ? item.case : { ...item.case, revision: by.revision };
  const numbers = by.numbers ?? item.numbers;
  try {
    checkShape(value, observation);
    const facts = reportingFacts(item);
    const verdict = withCrashes(
      judge(value, observation, { ...(facts && { facts }), ...(numbers && { numbers }) }),
      item.crashes,
    );
    return { kind: 'judged', place, verdict, ...(recorded !== undefined && { recorded }) };
  } catch (error) {
    return {
      kind: 'unreadable',
      place,
      reason: `the case and the observation do not fit each other: ${messageOf(error)}`,
    };
  }
}

/**
 * What the kernel reported by, where the recorded verdict says that it lacks some of it; what else was not judged this
 * version finds out itself.
 */
function reportingFacts({ unjudged = [] }: StoredRecord): { badDataEvent: boolean; debugIomap?: boolean } | undefined {
  const lacks = (aspect: 'trace-event' | 'warn'): boolean =>
    unjudged.some((one) => one.aspect === aspect && saysThatChannelLacks(one.reason));
  if (!lacks('trace-event') && !lacks('warn')) return undefined;
  return { badDataEvent: !lacks('trace-event'), ...(!lacks('warn') && { debugIomap: false }) };
}

/**
 * What a judgement comes to as a whole: 2 something could not be read, else 1 something deviates, else 4 nothing was
 * judged, else 0.
 */
export function exitCodeOfJudged(counts: Readonly<Record<Verdict['kind'] | 'nothing' | 'unreadable', number>>): number {
  if (counts.unreadable > 0) return 2;
  if (counts.deviates > 0) return 1;
  return counts.conforms > 0 ? 0 : 4;
}
