/** Rules and behaviours in words, for reports and documentation. */
import { revisions, type RevisionId } from '../../uapi/revision.ts';
import { beginTables } from './first-violation.ts';
import { behaviours } from './behaviours.ts';
import { configTables } from './config.ts';
import { inlineRules } from './inline.ts';
import { ioctlTables } from './ioctls.ts';
import {
  devInvalTables,
  invalInodeRules,
  invalRangeRules,
  upsertHalfRules,
  upsertInodeRules,
} from './notifications.ts';
import type { Rule } from './rule.ts';

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
export function rulesOf(id: RevisionId): Rule<never>[] {
  const begin = beginTables[id];
  const later: readonly Rule<never>[] =
    revisions[id].opcodes.IOMAP_CONFIG === undefined
      ? []
      : [
          ...configTables[id],
          ...inlineRules,
          ...upsertInodeRules,
          ...upsertHalfRules,
          ...invalInodeRules,
          ...invalRangeRules,
          ...devInvalTables[id],
          ...Object.entries(ioctlTables).flatMap(([ioctl, rules]) =>
            revisions[id].ioctls[ioctl as keyof typeof ioctlTables] === undefined ? [] : rules,
          ),
        ];
  return [...begin.reply, ...begin.map, ...begin.validate, ...begin.devices, ...later];
}

/** A rule or behaviour by its id; undefined for an id that no table has. r3's words are used where revisions differ. */
export function describeRule(id: string): RuleDescription | undefined {
  const found = (['r3', 'r2', 'r1'] as const)
    .map((revision) => rulesOf(revision).find((rule) => rule.id === id))
    .find((rule) => rule !== undefined);
  if (found) {
    const { text, source, errno, conditions, func } = found;
    return { id, text, source, errno, ...(conditions && { conditions }), ...(func !== undefined && { func }) };
  }
  const behaviour = behaviours[id];
  return behaviour && { id, ...behaviour };
}
