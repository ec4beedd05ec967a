/** What the kernel makes of a BEGIN reply: the first rule that it violates decides. */
import {
  beginDeviceRulesOf,
  beginReplyRulesOf,
  beginValidateRulesOf,
  type BeginDeviceRuleId,
  type BeginReplyRuleId,
  type BeginRuleId,
  type BeginValidateRuleId,
} from './begin.ts';
import { isType, type BeginContext, type MapContext } from './context.ts';
import { mapRulesOf, type MapRuleId } from './map.ts';
import { perRevision } from '../../uapi/per-revision.ts';
import { refusalOf, type Half, type Refusal, type Rule } from './rule.ts';

export interface BeginTable {
  readonly reply: readonly Rule<BeginContext, BeginReplyRuleId>[];
  readonly map: readonly Rule<MapContext, MapRuleId>[];
  readonly validate: readonly Rule<BeginContext, BeginValidateRuleId>[];
  /** Halves whose RETRY_CACHE asks for a retry. */
  readonly retryHalves: readonly Half[];
  readonly devices: readonly Rule<BeginContext, BeginDeviceRuleId>[];
}

export const beginTableOf = perRevision((revision): BeginTable => ({
  reply: beginReplyRulesOf(revision),
  map: mapRulesOf(revision),
  validate: beginValidateRulesOf(revision),
  retryHalves: revision.retryHalves,
  devices: beginDeviceRulesOf(revision),
}));

type BeginRefusal = Refusal<MapRuleId | BeginRuleId>;
export type BeginOutcome =
  | { kind: 'refused'; refusal: BeginRefusal }
  /** The reply sends the kernel back to its mapping cache. */
  | { kind: 'retry'; half: Half }
  /** `maybe`: refusals of which the clause does not say whether they happen here, each with the reason. */
  | { kind: 'pass'; maybe: { refusal: BeginRefusal; reason: string }[] };

/**
 * The first violation of a reply. `table` is the revision's, unless a test asks what a kernel with other rules would
 * do. Both halves are always checked, also for reads. Source: docs/spec/rules.md#begin.
 */
export function firstViolation(
  context: BeginContext,
  table: BeginTable = beginTableOf(context.revision),
): BeginOutcome {
  const maybe: { refusal: BeginRefusal; reason: string }[] = [];
  const refused = (rule: Rule<never, MapRuleId | BeginRuleId>, half?: Half): BeginOutcome => ({
    kind: 'refused',
    refusal: refusalOf(rule, context.repliedErrno, half),
  });
  const find = (rules: readonly Rule<BeginContext, BeginRuleId>[]) =>
    rules.find((rule) => {
      if (!rule.applies(context)) return false;
      const reason = rule.unclear?.(context);
      if (reason) maybe.push({ refusal: refusalOf(rule, context.repliedErrno, rule.halves?.[0]), reason });
      return rule.violated(context);
    });

  const reply = find(table.reply);
  if (reply) return refused(reply);
  for (const half of ['read', 'write'] as const) {
    const mapContext: MapContext = { ...context, half, mapping: context[half]! };
    const rule = table.map.find(
      (row) => row.halves!.includes(half) && row.applies(mapContext) && row.violated(mapContext),
    );
    if (rule) return refused(rule, half);
  }
  const validated = find(table.validate);
  if (validated) return refused(validated, validated.halves?.[0]);
  const retry = table.retryHalves.find((half) => isType(context, context[half], 'RETRY_CACHE'));
  if (retry) return { kind: 'retry', half: retry };
  const device = find(table.devices);
  if (device) return refused(device, device.halves?.[0]);
  return { kind: 'pass', maybe };
}
