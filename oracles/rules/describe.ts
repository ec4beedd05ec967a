/** Rules and behaviours in words, for reports and documentation. */
import { revisionIds, revisions, type Revision } from '../../uapi/revision.ts';
import { beginTableOf } from './first-violation.ts';
import { behaviours, isBehaviour } from './behaviours.ts';
import { configRulesOf } from './config.ts';
import { inlineRules } from './inline.ts';
import { ioctlTables } from './ioctls.ts';
import {
  devInvalRulesOf,
  invalInodeRules,
  invalRangeRules,
  upsertHalfRules,
  upsertInodeRules,
} from './notifications.ts';
import type { Rule } from './rule.ts';
import type { RuleId } from './rule-id.ts';

export interface RuleDescription {
  id: string;
  /** The clause: what is refused, or what must happen. */
  text: string;
  source: string;
  /** Errno of the refusal; absent for behaviours. */
  errno?: number | 'reply';
  conditions?: readonly string[];
  func?: string;
}

/** Every rule that a revision has, in order of evaluation within its group; rules with two clauses come twice. */
export function rulesOf(revision: Revision): Rule<never, RuleId>[] {
  const begin = beginTableOf(revision);
  const later: readonly Rule<never, RuleId>[] =
    revision.opcodes.IOMAP_CONFIG === undefined
      ? []
      : [
          ...configRulesOf(revision),
          ...inlineRules,
          ...upsertInodeRules,
          ...upsertHalfRules,
          ...invalInodeRules,
          ...invalRangeRules,
          ...devInvalRulesOf(revision),
          ...Object.entries(ioctlTables).flatMap(([ioctl, rules]) =>
            revision.ioctls[ioctl as keyof typeof ioctlTables] === undefined ? [] : rules,
          ),
        ];
  return [...begin.reply, ...begin.map, ...begin.validate, ...begin.devices, ...later];
}

/**
 * A rule or behaviour by its id; undefined for an id that no table has. The youngest revision's words are used where
 * revisions differ.
 */
export function describeRule(id: string): RuleDescription | undefined {
  const found = revisionIds
    .toReversed()
    .map((revision) => rulesOf(revisions[revision]).find((rule) => rule.id === id))
    .find((rule) => rule !== undefined);
  if (found) {
    const { text, source, errno, conditions, func } = found;
    return { id, text, source, errno, ...(conditions && { conditions }), ...(func !== undefined && { func }) };
  }
  return isBehaviour(id) ? { id, ...behaviours[id] } : undefined;
}
