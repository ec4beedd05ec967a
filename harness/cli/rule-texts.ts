/** The clauses that reports print, from the oracles' tables. */
import type { RuleTexts } from '../../reports/rule-text.ts';

/** The rule texts of a revision; empty for a revision that this version does not know. */
export function ruleTexts(_revision: string): RuleTexts {
  return new Map();
}
