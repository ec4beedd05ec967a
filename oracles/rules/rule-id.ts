/** The names of all rules, from their tables: what has to know each of them is checked when it is compiled. */
import type { LackedRule, Revision } from '../../uapi/revision.ts';
import type { BeginRuleId } from './begin.ts';
import type { BehaviourId } from './behaviours.ts';
import type { ConfigRuleId } from './config.ts';
import type { InlineRuleId } from './inline.ts';
import type { IoctlRuleId } from './ioctls.ts';
import type { MapRuleId } from './map.ts';
import type { NotificationRuleId } from './notifications.ts';

type InTables = MapRuleId | BeginRuleId | InlineRuleId | NotificationRuleId | ConfigRuleId | IoctlRuleId;
/** A revision that lacks a rule that no table has is an error here. */
type InTable<Id extends InTables> = Id;

export type RuleId = InTables | InTable<LackedRule>;

/** What an expectation, a deviation and a cell of the plan are about: a rule, or what must happen besides. */
export type ClauseId = RuleId | BehaviourId;

/** Whether the revision has a rule that others of its group are older or younger than. */
export const hasRule = ({ lacksRules }: Revision, id: RuleId): boolean => !lacksRules.has(id);
