/**
 * Which deviations of a case are findings. One fault shows in several ways: what was not refused goes on to requests
 * and bytes, a write to a wrong place is read back wrong. What follows from another deviation of the same case is told
 * with it, and is no finding of its own.
 */
import type { Deviation } from '../verdict.ts';
import { identityOf, type Identity } from './id.ts';

export interface Cause extends Identity {
  /** The deviation that says what is wrong. */
  deviation: Deviation;
  /** Others of the case with the same cause, or that follow from it. */
  follows: Deviation[];
}

/** What may explain the others comes first. */
const RANKS = ['refusal', 'kernel', 'errno', 'request', 'field', 'value', 'device-bytes', 'bytes-read'] as const;
type Rank = (typeof RANKS)[number];

function rankOf({ aspect, facts, rule }: Deviation): Rank {
  switch (aspect) {
    case 'trace-event':
    case 'warn':
      return 'refusal';
    case 'kernel-log':
      return 'kernel';
    case 'device-bytes':
    case 'bytes-read':
      return aspect;
    case 'request':
      return facts?.differs === 'fields' || facts?.differs === 'data' ? 'field' : 'request';
    // What succeeds and must not was let through, as what was not refused.
    case 'errno':
      return facts?.errno?.seen === 'success' ? 'refusal' : 'errno';
    case 'size':
      return 'value';
    case 'result':
      return rule === 'answer/written' ? 'errno' : 'value';
  }
}

/** Values that a syscall returns and nothing else depends on. */
const INERT: ReadonlySet<string | undefined> = new Set([
  'times',
  'bytes out',
  'flags out',
  'line of the report',
  'number of extents',
]);

/** What is written elsewhere is missing where it belongs. */
const isMisplaced = ({ facts }: Deviation): boolean =>
  facts?.bytes?.seen === 'other place' ||
  (facts?.bytes?.seen === 'writer' && facts.bytes.expected.includes('unchanged'));

const isAnswerTo = (answer: Deviation, { step, facts, aspect }: Deviation): boolean =>
  answer.rule === 'answer/written' &&
  aspect === 'request' &&
  answer.step === step &&
  answer.expected.startsWith(`${facts?.request ?? ''}:`);

/** Whether `later` follows from `cause`; never both ways round. */
function explains(cause: Deviation, later: Deviation): boolean {
  const [rank, other] = [rankOf(cause), rankOf(later)];
  // A request with a wrong field is a fault of that request: the server's answer does not depend on it. How long the
  // answer may be does.
  if (isAnswerTo(cause, later)) return false;
  if (isAnswerTo(later, cause)) return true;
  if (rank === 'field' || (rank === 'value' && INERT.has(cause.facts?.value))) return false;
  // What the kernel complains of is told apart by its text, and hides behind nothing: whoever knows of the one need not
  // know of the other.
  if (other === 'kernel') return false;
  if (rank === 'kernel') return other !== 'field' && other !== 'refusal';
  // What the devices hold in the end was written in some step before.
  if (rank === 'device-bytes')
    return (
      other === 'bytes-read' ||
      (other === 'device-bytes' && isMisplaced(cause) && later.facts?.bytes?.seen === 'unchanged')
    );
  // Without a step on one side nothing says which came first.
  if (cause.step === undefined || later.step === undefined || cause.step === later.step)
    return RANKS.indexOf(rank) < RANKS.indexOf(other);
  return cause.step < later.step;
}

/** One cause for each thing that is wrong in the case, none that follows from another. */
export function causesOf(deviations: readonly Deviation[]): Cause[] {
  const groups = sameRule(deviations);
  const heads = groups.map(([head]) => head!);
  const first = causesAmong(heads);
  const causes = new Map<string, Cause>();
  const rest: Deviation[] = [];
  for (const [head, ...others] of groups) {
    if (!first.has(head!)) {
      rest.push(head!, ...others);
      continue;
    }
    const { id, key, general } = identityOf(head!);
    const known = causes.get(key);
    if (known) known.follows.push(head!, ...others);
    else causes.set(key, { id, key, general, deviation: head!, follows: others });
  }
  for (const one of rest) {
    const direct = [...causes.values()].filter((cause) => explains(cause.deviation, one));
    // What follows through another one is told with the first cause.
    for (const cause of direct.length > 0 ? direct : [...causes.values()].slice(0, 1)) cause.follows.push(one);
  }
  return [...causes.values()];
}

/**
 * Those of `heads` that all others follow from, directly or through others. Explanations may go round in a circle (by
 * rank from one to the next, by step back again): a deviation always has a cause, so the first of such a circle is one.
 */
function causesAmong(heads: readonly Deviation[]): ReadonlySet<Deviation> {
  const order = (one: Deviation): number => RANKS.indexOf(rankOf(one));
  const causes = new Set(heads.filter((head) => !heads.some((other) => other !== head && explains(other, head))));
  const told = new Set<Deviation>();
  const tell = (one: Deviation): void => {
    if (told.has(one)) return;
    told.add(one);
    for (const later of heads) if (later !== one && explains(one, later)) tell(later);
  };
  causes.forEach(tell);
  for (const head of [...heads].sort((a, b) => order(a) - order(b))) {
    if (told.has(head)) continue;
    causes.add(head);
    tell(head);
  }
  return causes;
}

/** Whether deviations show what a finding is about; one that became a part of a wider finding counts, too. */
export const showsFinding = (id: string, deviations: readonly Deviation[]): boolean =>
  causesOf(deviations).some((cause) => [cause, ...cause.general].some((one) => one.id === id));

/** What is wrong in a case as one text: equal where the same findings show. */
export const findingsKey = (deviations: readonly Deviation[]): string =>
  causesOf(deviations)
    .map(({ key }) => key)
    .sort()
    .join(', ');

/**
 * The channels of a refusal speak of one cause: what is reported instead says most, then the errno, then that nothing
 * is reported.
 */
function sameRule(deviations: readonly Deviation[]): Deviation[][] {
  const groups: Deviation[][] = [];
  const refusals = new Map<string, Deviation[]>();
  for (const one of deviations) {
    const { aspect, rule } = one;
    if (aspect !== 'trace-event' && aspect !== 'warn' && aspect !== 'errno') {
      groups.push([one]);
      continue;
    }
    const known = refusals.get(rule);
    if (known) known.push(one);
    else {
      const group = [one];
      refusals.set(rule, group);
      groups.push(group);
    }
  }
  for (const group of refusals.values()) group.sort((a, b) => tells(a) - tells(b));
  return groups;
}

const tells = ({ aspect, facts }: Deviation): number =>
  aspect === 'errno' ? 1 : facts?.condition?.seen === undefined ? 2 : 0;
