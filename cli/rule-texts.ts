/** The clauses that reports print, from the oracles' tables. */
import { behaviours, isBehaviour } from '../oracles/rules/behaviours.ts';
import { describeRule, rulesOf, type RuleDescription } from '../oracles/rules/describe.ts';
import { errnos } from '../uapi/errno.ts';
import type { RuleText, RuleTexts } from '../reports/rule-text.ts';
import { isRevisionId, revisions } from '../uapi/revision.ts';

const errnoNames = new Map<number, string>(Object.entries(errnos).map(([name, value]) => [value, name]));

/** The rule and behaviour texts of a revision; empty for a revision that this version does not know. */
export function ruleTexts(revision: string): RuleTexts {
  if (!isRevisionId(revision)) return new Map();
  const ids = [...rulesOf(revisions[revision]).map(({ id }) => id), ...Object.keys(behaviours)];
  return new Map(ids.map((id) => [id, textOf(describeRule(id)!)]));
}

function textOf({ id, text, errno, conditions, source }: RuleDescription): RuleText {
  return {
    id,
    clause: text,
    source,
    ...(isBehaviour(id) && { behaviour: true }),
    ...(errno !== undefined && {
      errno: errno === 'reply' ? 'the errno of the reply' : `${errnoNames.get(errno) ?? 'errno'} (${errno})`,
    }),
    ...(conditions && { condition: conditions.join(', then ') }),
  };
}
