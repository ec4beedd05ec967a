import { expect, test } from '@playwright/test';
import { paths } from '../generators/setting.ts';
import { configRulesOf } from '../oracles/rules/config.ts';
import { beginTableOf } from '../oracles/rules/first-violation.ts';
import { inlineRules } from '../oracles/rules/inline.ts';
import { ioctlTables } from '../oracles/rules/ioctls.ts';
import {
  devInvalRulesOf,
  invalInodeRules,
  invalRangeRules,
  upsertHalfRules,
  upsertInodeRules,
} from '../oracles/rules/notifications.ts';
import { hasRule } from '../oracles/rules/rule-id.ts';
import { revisions, type IoctlName, type RevisionId } from '../uapi/revision.ts';
import { borders } from './cell.ts';
import { conformancePlan, type PlanCell } from './plan.ts';

/** A rule of a table, with the halves it judges and the paths on which something leads to it. */
interface Row {
  id: string;
  halves?: readonly ('read' | 'write')[] | undefined;
  paths: readonly string[];
}

const NOTIFIED = ['notify', 'while-asked'] as const;

/** Every rule that a revision's tables have. */
function rowsOf(id: RevisionId): Row[] {
  const revision = revisions[id];
  const { reply, map, validate, devices } = beginTableOf(revision);
  const asked = [...paths, 'atomic-write', 'swapon'];
  const notified =
    revision.notifications.IOMAP_UPSERT_MAPPINGS === undefined
      ? []
      : [
          ...map.map((rule) => ({ id: rule.id, halves: rule.halves, paths: NOTIFIED })),
          ...upsertHalfRules.map((rule) => ({ id: rule.id, halves: ['read', 'write'] as const, paths: NOTIFIED })),
          ...invalRangeRules.map((rule) => ({ id: rule.id, halves: ['read', 'write'] as const, paths: NOTIFIED })),
          ...[...upsertInodeRules, ...invalInodeRules, ...devInvalRulesOf(revision)].map((rule) => ({
            id: rule.id,
            paths: NOTIFIED,
          })),
        ];
  return [
    ...[...reply, ...map, ...validate, ...devices].map((rule) => ({ id: rule.id, halves: rule.halves, paths: asked })),
    ...notified,
    ...(revision.inlineLimit === 'unsaid'
      ? []
      : [...new Set(inlineRules.map((rule) => rule.id))].map((rule) => ({ id: rule, paths }))),
    ...configRulesOf(revision).map((rule) => ({ id: rule.id, paths: ['mount'] })),
    ...Object.entries(ioctlTables)
      .filter(([ioctl]) => revision.ioctls[ioctl as IoctlName] !== undefined)
      .flatMap(([, rules]) => rules)
      .filter((rule) => hasRule(revision, rule.id))
      .map((rule) => ({ id: rule.id, paths: ['ioctl'] })),
  ];
}

/** Pairs of rule and path, and sides of the border, that have neither cases nor a reason. */
function missing(plan: readonly PlanCell[], rows: readonly Row[]): string[] {
  const have = new Set(plan.map(({ rule, half, path, border }) => [rule, half ?? '', path, border ?? ''].join(' ')));
  const has = (rule: string, half: string | undefined, path: string, border: string): boolean =>
    [half ?? '', ''].some((one) => [border, ''].some((side) => have.has([rule, one, path, side].join(' '))));
  return rows.flatMap((row) =>
    (row.halves ?? [undefined]).flatMap((half) =>
      row.paths.flatMap((path) =>
        borders
          .filter((border) => !has(row.id, half, path, border))
          .map((border) => `${row.id}${half ? `@${half}` : ''} ${path} ${border}`),
      ),
    ),
  );
}

for (const id of ['r1', 'r2', 'r3'] as const) {
  test(`every rule of the tables of ${id} has cases or a reason on every path that leads to it, on both sides of its border`, () => {
    expect(missing(conformancePlan(revisions[id]), rowsOf(id))).toEqual([]);
  });
}

test('a rule without cells would be noticed, and so would a path and a side of the border', () => {
  const plan = conformancePlan(revisions.r3);
  const rows = rowsOf('r3');
  const noticed = (leftOut: (cell: PlanCell) => boolean): string[] =>
    missing(
      plan.filter((cell) => !leftOut(cell)),
      rows,
    );
  expect(noticed(({ rule }) => rule === 'inline/fits-block')).toHaveLength(paths.length * 2);
  expect(noticed(({ rule, path }) => rule === 'devinval/size' && path === 'notify')).toEqual([
    'devinval/size notify violating',
    'devinval/size notify legal',
  ]);
  expect(
    noticed(
      ({ rule, path, half, border }) =>
        rule === 'map/flags-known' && path === 'fiemap' && half === 'write' && border === 'legal',
    ),
  ).toEqual(['map/flags-known@write fiemap legal']);
});

test('reasons name what rules or revisions say, not what is left to do', () => {
  const reasons = (['r1', 'r2', 'r3'] as const).flatMap((id) =>
    conformancePlan(revisions[id]).flatMap(({ impossible }) => (impossible === undefined ? [] : [impossible])),
  );
  expect([...new Set(reasons)].filter((reason) => /no generator|not done|todo|yet/i.test(reason))).toEqual([]);
});
