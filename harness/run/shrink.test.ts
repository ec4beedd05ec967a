import { expect, test } from '@playwright/test';
import type { Deviation } from '../../model/verdict.ts';
import { caseHash } from '../../model/hash.ts';
import { verdictOf } from './conformance.ts';
import { execute } from './execute.ts';
import { FuzzCases, caseOfSeed, type CaseNode } from './fuzz/cases.ts';
import { causesOf, showsFinding } from '../../model/finding/cause.ts';
import { caseSize } from '../../model/finding/size.ts';
import { examine } from './examine.ts';
import { shrink } from './shrink.ts';
import { SimulatedGuests, simulatedFacts, tableWithout } from './testing/simulated-guests.ts';

const of = { seed: 11, revision: 'r3', version: 'test' } as const;
const facts = simulatedFacts;

/** The largest of the first `count` cases that deviate, since small ones leave little to do. */
async function largestDeviating(
  guests: SimulatedGuests,
  rule: string,
  count = 700,
): Promise<{ node: CaseNode; deviations: Deviation[] }> {
  const cases = new FuzzCases(of);
  const nodes = Array.from({ length: count }, (_, index) => index)
    .filter((index) => {
      const slot = cases.slotAt(index);
      return slot.kind === 'aimed' && slot.aim.rule === rule;
    })
    .map((index) => cases.at(index));
  const found: { node: CaseNode; deviations: Deviation[] }[] = [];
  for await (const { index, outcome } of execute(
    guests,
    nodes.map((node) => node.case),
  )) {
    const verdict = verdictOf({ cell: { id: '', rule: '', path: '' }, case: nodes[index]!.case }, outcome, facts);
    if (verdict.kind === 'deviates') found.push({ node: nodes[index]!, deviations: verdict.deviations });
  }
  expect(found.length).toBeGreaterThan(0);
  return found.sort((a, b) => caseSize(b.node.case) - caseSize(a.node.case))[0]!;
}

/** What a smaller form must show: what the first cause of the whole one is. */
function sameAs({ deviations }: { deviations: readonly Deviation[] }): (others: readonly Deviation[]) => boolean {
  const { id } = causesOf(deviations)[0]!;
  return (others) => showsFinding(id, others);
}

const wrongLength = ({ node }: { node: CaseNode }): number =>
  node.case.script.filter(
    ({ reply }) =>
      reply.kind === 'mappings' &&
      [reply.read, reply.write].some(({ length }) => length % 512n !== 0n || length === 0n),
  ).length;

test('should minimise a case to one operation with one wrong field, and show the same deviation', async () => {
  const guests = new SimulatedGuests({ table: tableWithout('map/length-aligned') });
  const start = await largestDeviating(guests, 'map/length-aligned');
  const shrunk = await shrink(guests, start, { facts, shows: sameAs(start) });
  expect(shrunk.end).toBe('minimal');
  expect(sameAs(start)(shrunk.deviations)).toBe(true);
  const { workload, geometry } = shrunk.node.case;
  expect(workload).toHaveLength(3);
  expect(geometry.files).toHaveLength(1);
  // The reply in question and the rest; nothing is served before it.
  expect(shrunk.node.case.script).toHaveLength(2);
  expect(wrongLength(shrunk)).toBeLessThanOrEqual(1);
  expect(caseSize(shrunk.node.case)).toBeLessThan(caseSize(start.node.case));
});

test('should name the minimised case by seed and path', async () => {
  const guests = new SimulatedGuests({ table: tableWithout('begin/read-covers-pos') });
  const start = await largestDeviating(guests, 'begin/read-covers-pos');
  const { node, steps } = await shrink(guests, start, { facts, shows: sameAs(start) });
  expect(steps).toBeGreaterThan(0);
  expect(caseHash(caseOfSeed(of, node.path))).toBe(caseHash(node.case));
});

test('should minimise a case that takes the kernel down', async () => {
  const guests = new SimulatedGuests({ panicsOn: ({ workload }) => workload.some(({ call }) => call === 'fiemap') });
  const cases = new FuzzCases(of);
  const large = Array.from({ length: 300 }, (_, index) => cases.at(index))
    .filter(({ case: { workload } }) => workload.some(({ call }) => call === 'fiemap'))
    .sort((a, b) => caseSize(b.case) - caseSize(a.case))[0]!;
  expect(large.case.workload.length).toBeGreaterThan(3);
  const deviations: Deviation[] = [{ rule: 'kernel/healthy', aspect: 'kernel-log', expected: '', seen: '' }];
  const shrunk = await shrink(
    guests,
    { node: large, deviations },
    { facts, shows: (others) => others.some(({ rule }) => rule === 'kernel/healthy') },
  );
  expect(shrunk.end).toBe('minimal');
  // Shrinking drops all further operations or none; part by part the rest goes too.
  const {
    case: smallest,
    minimised,
    reliability,
  } = await examine(
    guests,
    { case: shrunk.node.case, deviations },
    {
      facts,
      fresh: guests,
      limitMs: 60_000,
      shows: (_, others) => others.some(({ rule }) => rule === 'kernel/healthy'),
    },
  );
  expect(smallest.workload.map(({ call }) => call)).toEqual(['open', 'fiemap']);
  expect(smallest.script).toEqual([]);
  expect(smallest.provenance?.origin).toContain(', reduced');
  expect({ end: minimised.end, reliability }).toEqual({ end: 'minimal', reliability: { shown: 5, of: 5 } });
  expect(guests.statistics.lost).toBeGreaterThan(0);
});

test('should not take another deviation for the one it minimises', async () => {
  // Every form of the case deviates, but only by its result.
  const guests = new SimulatedGuests({ table: tableWithout('map/length-aligned') });
  const start = await largestDeviating(guests, 'map/length-aligned');
  const shrunk = await shrink(guests, start, {
    facts,
    shows: (others) => others.some(({ rule }) => rule === 'kernel/healthy'),
  });
  expect(shrunk).toMatchObject({ steps: 0, end: 'minimal' });
  expect(shrunk.node).toBe(start.node);
});

test('should say how far it got when it is interrupted', async () => {
  const stop = new AbortController();
  let ran = 0;
  const guests = new SimulatedGuests({ table: tableWithout('map/length-aligned') }, () => {
    if (++ran === 20) stop.abort();
  });
  const start = await largestDeviating(
    new SimulatedGuests({ table: tableWithout('map/length-aligned') }),
    'map/length-aligned',
  );
  const shrunk = await shrink(guests, start, { facts, shows: sameAs(start), signal: stop.signal });
  expect(shrunk.end).toBe('interrupted');
  expect(shrunk.tried).toBeLessThan(60);
  expect(shrunk.deviations.length).toBeGreaterThan(0);
});
