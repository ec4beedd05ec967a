import { expect, test } from '@playwright/test';
import { ruleLabel } from '../../../model/rule-label.ts';
import { geometriesOf } from '../../../generators/fuzz-geometry.ts';
import { campaignPaths } from '../../../generators/setting.ts';
import { judge } from '../../../oracles/judge.ts';
import { runIdeal } from '../../../oracles/testing/ideal-kernel.ts';
import { decodeCase, encodeCase } from '../../../model/case.ts';
import { caseHash } from '../../../model/hash.ts';
import { revisions, type RevisionId } from '../../../uapi/revision.ts';
import { conformancePlan } from '../../../plan/plan.ts';
import { FuzzCases, caseOfSeed } from './cases.ts';
import { refusalsOf } from './distribution.ts';
import { describeSlot, type Slot } from './slots.ts';

const of = (seed: number, revision: RevisionId = 'r3') => ({ seed, revision, version: 'test' });

/** A rule on a path for each violating cell of the plan that has cases, on every path that the plan has. */
const reachable = (revision: RevisionId) => [
  ...new Set(
    conformancePlan(revisions[revision]).flatMap((cell) =>
      cell.cases && cell.reaches !== undefined && cell.border === 'violating' ? [`${cell.reaches} ${cell.path}`] : [],
    ),
  ),
];

for (const seed of [1, 2, -3, 0x7fff_ffff]) {
  test(`should hit every rule on every path that reaches it, long before case 20,000 (seed ${seed})`, () => {
    test.setTimeout(240_000);
    const cases = new FuzzCases(of(seed));
    const missing = new Set(reachable('r3'));
    expect(missing.size).toBeGreaterThan(400);
    let index = 0;
    for (; missing.size > 0 && index < 20_000; index += 1) {
      for (const place of refusalsOf(cases.at(index).case, cases.slotAt(index))) missing.delete(place);
    }
    expect([...missing], `after ${index} cases`).toEqual([]);
  });
}

test('should make cases that a kernel which follows the rules passes', () => {
  test.setTimeout(120_000);
  const wrong: object[] = [];
  let unspecified = 0;
  for (const revision of ['r3', 'r2', 'r1'] as const) {
    const cases = new FuzzCases(of(9, revision));
    for (let index = 0; index < 500; index += 1) {
      const node = cases.at(index);
      try {
        const verdict = judge(node.case, runIdeal(node.case));
        if (verdict.kind !== 'conforms') wrong.push({ revision, index, note: node.note, verdict });
      } catch (error) {
        if (!(error instanceof Error) || !error.message.startsWith('unspecified')) throw error;
        unspecified += 1;
      }
    }
  }
  expect(wrong).toEqual([]);
  // Such cases tell nothing: few are the price of wrong fields that nobody chose.
  expect(unspecified).toBeLessThan(15);
});

test('should keep the shares of its table', () => {
  const cases = new FuzzCases(of(4));
  const { round } = cases.table;
  const counts = new Map<string, number>();
  for (let index = 0; index < 3 * round; index += 1) {
    const slot = cases.slotAt(index);
    const key = slot.kind === 'own-mount' ? slot.kind : `${slot.kind} ${describeSlot(slot).path}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  for (const path of campaignPaths) {
    expect(counts.get(`valid ${path}`)).toBe(3 * 16);
    expect(counts.get(`wild ${path}`)).toBe(3 * 16);
  }
  expect(counts.get('sequence direct-sequence')).toBe(3 * 64);
  expect(counts.get('sequence buffered-sequence')).toBe(3 * 64);
  expect(counts.get('sequence growing-sequence')).toBe(3 * 64);
  expect(counts.get('notified notified')).toBe(3 * 32);
  expect(counts.get('own-mount')).toBe(3 * 96);
  // They go round: however a seed falls, each has had its turn by then.
  const { ownMounts, slots } = cases.table;
  expect((Math.ceil(ownMounts.length / (round - slots.length)) + 1) * round).toBeLessThan(20_000);
  // Each cell of the plan that nothing else is about, once a round.
  const others = [...counts].filter(([key]) => key.startsWith('planned ')).reduce((sum, [, count]) => sum + count, 0);
  expect(others).toBe(3 * cases.table.slots.filter(({ kind }) => kind === 'planned').length);
  expect(others).toBeGreaterThan(3 * 400);
});

test('should mostly make exactly one thing wrong, and nothing in a fixed share', () => {
  const cases = new FuzzCases(of(5));
  const { round } = cases.table;
  let aimed = 0;
  let hit = 0;
  for (let index = 0; index < round; index += 1) {
    const slot = cases.slotAt(index);
    const reached = slot.kind === 'own-mount' ? [] : refusalsOf(cases.at(index).case, slot);
    if (slot.kind === 'valid') expect(reached, `case ${index}`).toEqual([]);
    if (slot.kind !== 'aimed') continue;
    aimed += 1;
    if (reached.join() === `${ruleLabel(slot.aim)} ${slot.path}`) hit += 1;
  }
  expect(hit / aimed).toBeGreaterThan(0.75);
});

test('should make the same case for a seed and number, whatever was made before', () => {
  const inOrder = new FuzzCases(of(6));
  const forward = [400, 401, 402, 900].map((index) => caseHash(inOrder.at(index).case));
  const backward = [900, 402, 401, 400].map((index) => caseHash(new FuzzCases(of(6)).at(index).case)).reverse();
  expect(backward).toEqual(forward);
  expect(caseHash(caseOfSeed(of(6), '402'))).toBe(forward[2]);
  expect(caseHash(new FuzzCases(of(7)).at(402).case)).not.toBe(forward[2]);
});

test('should make cases that survive their JSON form and say where they come from', () => {
  const cases = new FuzzCases(of(8));
  for (let index = 0; index < 400; index += 1) {
    const { case: value } = cases.at(index);
    expect(decodeCase(JSON.parse(JSON.stringify(encodeCase(value))))).toEqual(value);
    expect(value.provenance).toEqual({ origin: 'fuzz', seed: 8, path: String(index), version: 'test' });
  }
});

test('should share a few mounts among many cases, and get round to all of them', () => {
  const key = (value: unknown) =>
    JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part));
  const cases = new FuzzCases(of(10));
  const mountsOf = (...kinds: Slot['kind'][]) =>
    new Set(
      Array.from({ length: 512 }, (_, index) => index)
        .filter((index) => kinds.includes(cases.slotAt(index).kind))
        .map((index) => {
          const { files: _files, ...mount } = cases.at(index).case.geometry;
          return key(mount);
        }),
    );
  expect(mountsOf('aimed', 'valid', 'wild').size).toBeLessThanOrEqual(4);
  expect(mountsOf('planned').size).toBeLessThanOrEqual(40);
  const all = Array.from({ length: 400 }, (_, stretch) => geometriesOf(10, stretch)).flat();
  expect(new Set(all.map(({ blockSize }) => blockSize)).size).toBe(4);
  expect(new Set(all.map(({ maxBytes }) => maxBytes)).size).toBe(9);
  expect(new Set(all.map(({ devices }) => key(devices))).size).toBe(5);
  expect(new Set(all.map(({ mount }) => mount)).size).toBe(2);
});

test('should say that a path leads nowhere', () => {
  expect(() => caseOfSeed(of(6), '402:99999')).toThrow(/does not shrink to a form number 99999/);
  expect(() => caseOfSeed(of(6), undefined)).toThrow(/the seed of a whole campaign/);
});
