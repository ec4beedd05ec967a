/** What the kernel makes of a BEGIN reply: the first rule that it violates decides. */
import type { RevisionId } from '../../uapi/revision.ts';
import {
  beginDeviceRulesR2,
  beginDeviceRulesR3,
  beginReplyRules,
  beginValidateRulesR1,
  beginValidateRulesR2,
  beginValidateRulesR3,
} from './begin.ts';
import { isType, type BeginContext, type MapContext } from './context.ts';
import { mapRulesR1, mapRulesR2, mapRulesR3 } from './map.ts';
import { refusalOf, type Half, type Refusal, type Rule } from './rule.ts';

export interface BeginTable {
  readonly reply: readonly Rule<BeginContext>[];
  readonly map: readonly Rule<MapContext>[];
  readonly validate: readonly Rule<BeginContext>[];
  /** Halves whose RETRY_CACHE asks for a retry. */
  readonly retryHalves: readonly Half[];
  readonly devices: readonly Rule<BeginContext>[];
}

export const beginTables: Readonly<Record<RevisionId, BeginTable>> = {
  r1: { reply: beginReplyRules, map: mapRulesR1, validate: beginValidateRulesR1, retryHalves: [], devices: [] },
  r2: {
    reply: beginReplyRules,
    map: mapRulesR2,
    validate: beginValidateRulesR2,
    retryHalves: ['read'],
    devices: beginDeviceRulesR2,
  },
  r3: {
    reply: beginReplyRules,
    map: mapRulesR3,
    validate: beginValidateRulesR3,
    retryHalves: ['read', 'write'],
    devices: beginDeviceRulesR3,
  },
};

export type BeginOutcome =
  | { kind: 'refused'; refusal: Refusal }
  /** The reply sends the kernel back to its mapping cache. */
  | { kind: 'retry'; half: Half }
  /** `maybe`: refusals of which the clause does not say whether they happen here, each with the reason. */
  | { kind: 'pass'; maybe: { refusal: Refusal; reason: string }[] };

/**
 * The first violation of a reply. `table` is the revision's, unless a test asks what a kernel with other rules would
 * do. Both halves are always checked, also for reads. Source: docs/spec/rules.md#begin.
 */
export function firstViolation(
  context: BeginContext,
  table: BeginTable = beginTables[context.revision.id],
): BeginOutcome {
  const maybe: { refusal: Refusal; reason: string }[] = [];
  const refused = (rule: Rule<never>, half?: Half): BeginOutcome => ({
    kind: 'refused',
    refusal: refusalOf(rule, context.repliedErrno, half),
  });
  const find = (rules: readonly Rule<BeginContext>[]) =>
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
