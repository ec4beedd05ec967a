/** The clauses that reports print, from the oracles' tables. */
import { beginReplyRules } from '../../oracles/rules/begin.ts';
import { configTables } from '../../oracles/rules/config.ts';
import { beginTables } from '../../oracles/rules/first-violation.ts';
import { ioctlTables } from '../../oracles/rules/ioctls.ts';
import { errnos, type Rule } from '../../oracles/rules/rule.ts';
import type { RuleText, RuleTexts } from '../../reports/rule-text.ts';
import type { RevisionId } from '../uapi/revision.ts';

const errnoNames = new Map<number, string>(Object.entries(errnos).map(([name, value]) => [value, name]));

/** The rule texts of a revision; empty for a revision that this version does not know. */
export function ruleTexts(revision: string): RuleTexts {
  const begin = beginTables[revision as RevisionId];
  if (begin === undefined) return new Map();
  const all = [
    ...beginReplyRules, ...begin.map, ...begin.validate, ...begin.devices, ...configTables[revision as RevisionId],
    ...Object.values(ioctlTables).flat(),
  ] as readonly Rule<never>[];
  return new Map(all.map((rule) => [rule.id, textOf(rule)]));
}

function textOf({ id, text, errno, conditions, source }: Rule<never>): RuleText {
  return {
    id, clause: text, source,
    errno: errno === 'reply' ? 'the errno of the reply' : `${errnoNames.get(errno) ?? 'errno'} (${errno})`,
    ...(conditions && { condition: conditions.join(', then ') }),
  };
}
