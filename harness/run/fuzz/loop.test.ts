import { expect, test } from '@playwright/test';
import type { CaseRecord } from '../../../model/results.ts';
import { casesOf, pathsOf } from '../../../model/finding/set.ts';
import { SimulatedGuests, simulatedFacts, tableWithout, type SimulatedKernel } from '../testing/simulated-guests.ts';
import { FuzzCases } from './cases.ts';
import { FuzzLoop, type LoopEvent, type LoopOptions } from './loop.ts';
import { describeSlot } from './slots.ts';

const of = { seed: 21, revision: 'r3', version: 'test' } as const;
const never = new AbortController().signal;

async function campaign(kernel: SimulatedKernel, more: Partial<LoopOptions>, ran?: () => void) {
  const guests = new SimulatedGuests(kernel, ran);
  const loop = new FuzzLoop(guests, { cases: new FuzzCases(of), facts: simulatedFacts, signal: never, ...more });
  const events: LoopEvent[] = [];
  for await (const event of loop.run()) events.push(event);
  const records = events.flatMap((event) => (event.kind === 'case' ? [event.record] : [])).sort((a, b) => a.n - b.n);
  return { loop, guests, records, shrunk: events.flatMap((event) => (event.kind === 'shrunk' ? [event] : [])) };
}
const hashes = (records: readonly CaseRecord[]) => records.map(({ n, hash }) => `${n} ${hash}`);

test('should find nothing on a kernel that follows the rules, and keep no case in full', async () => {
  const { loop, records, guests } = await campaign({}, { runs: 700 });
  expect(records.map(({ n }) => n)).toEqual(Array.from({ length: 700 }, (_, n) => n));
  expect(records.filter(({ verdict }) => verdict.kind === 'deviates')).toEqual([]);
  expect(loop.findings.size).toBe(0);
  expect(records.filter(({ verdict, case: whole }) => verdict.kind === 'conforms' && whole !== undefined)).toEqual([]);
  expect(loop.covered.size).toBeGreaterThan(150);
  expect(guests.statistics.booted).toBe(1);
});

test('should find a missing check once, on all its paths, minimised', async () => {
  const { loop, records, shrunk } = await campaign({ table: tableWithout('map/offset-aligned') }, { runs: 700 });
  const findings = loop.findings.all();
  const [found] = findings;
  expect(findings.map(({ key }) => key)).toEqual(['map/offset-aligned | accepted']);
  expect(pathsOf(found!).length).toBeGreaterThan(6);
  expect(casesOf(found!)).toEqual(records.filter(({ verdict }) => verdict.kind === 'deviates').map(({ n }) => n));
  for (const { verdict, case: whole, observation } of records)
    expect(whole !== undefined && observation !== undefined).toBe(verdict.kind === 'deviates');
  expect(loop.examinedOf(found!)?.minimised.end).toBe('minimal');
  for (const { finding, examined } of shrunk) {
    expect(examined.minimised.end).toBe('minimal');
    expect(examined.reliability).toEqual({ shown: 5, of: 5 });
    expect(examined.case.geometry.files, finding.key).toHaveLength(1);
    // An open and the operation; the reply in question and at most two others: swap files need a header.
    expect(examined.case.workload.length, finding.key).toBeLessThanOrEqual(3);
    expect(examined.case.script.length, finding.key).toBeLessThanOrEqual(3);
  }
});

test('should make the same cases whatever the kernel, the batch and the shards', async () => {
  const whole = await campaign({}, { runs: 300, start: 100 });
  const small = await campaign(
    { table: tableWithout('map/offset-aligned') },
    { runs: 300, start: 100, execute: { batchSize: 7 }, isExpected: () => true },
  );
  expect(hashes(small.records)).toEqual(hashes(whole.records));
  expect(small.shrunk).toEqual([]);
  const shards = await Promise.all(
    [1, 2, 3].map((index) => campaign({}, { runs: 300, start: 100, shard: { index, count: 3 } })),
  );
  expect(hashes(shards.flatMap(({ records }) => records).sort((a, b) => a.n - b.n))).toEqual(hashes(whole.records));
  for (const { records } of shards) expect(records.length).toBeGreaterThan(60);
});

test('should run only what is selected', async () => {
  const { records } = await campaign(
    {},
    { runs: 30, select: (slot) => describeSlot(slot).rule === 'map/length-nonzero' && slot.kind === 'aimed' },
  );
  const cases = new FuzzCases(of);
  expect(records).toHaveLength(30);
  for (const { n } of records) expect(describeSlot(cases.slotAt(n)).rule).toBe('map/length-nonzero');
});

test('should survive a kernel that panics, blame it, and go on', async () => {
  const { loop, records, guests } = await campaign(
    { panicsOn: ({ workload }) => workload.some(({ call }) => call === 'seekHole') },
    { runs: 60 },
  );
  expect(records).toHaveLength(60);
  const deviating = records.filter(({ verdict }) => verdict.kind === 'deviates');
  expect(deviating.length).toBeGreaterThan(1);
  for (const { consoleTail } of deviating) expect(consoleTail).toContain('simulated');
  expect(loop.findings.all().map(({ severity }) => severity)).toEqual(['crash']);
  expect(guests.statistics.lost).toBeGreaterThan(2 * deviating.length - 1);
});

test('should keep what finished when it is interrupted, and take up where that ends', async () => {
  const stop = new AbortController();
  let ran = 0;
  const first = await campaign({}, { runs: 400, signal: stop.signal }, () => {
    if (++ran === 150) stop.abort();
  });
  expect(first.records.length).toBeLessThan(400);
  expect(first.records.length).toBeGreaterThan(0);
  const { resumeAt } = first.loop;
  expect(resumeAt).toBeLessThan(400);
  const rest = await campaign({}, { runs: 400 - resumeAt, start: resumeAt });
  const done = new Set([...first.records, ...rest.records].map(({ n }) => n));
  expect([...done].sort((a, b) => a - b)).toEqual(Array.from({ length: 400 }, (_, n) => n));
});

test('should stop when the time is over, and still minimise', async () => {
  const time = new AbortController();
  let ran = 0;
  const { records, shrunk, loop } = await campaign(
    { table: tableWithout('map/offset-aligned') },
    { timeUp: time.signal },
    () => {
      if (++ran === 300) time.abort();
    },
  );
  expect(records.length).toBeLessThan(512);
  expect(loop.findings.size).toBeGreaterThan(0);
  expect(shrunk.length).toBeGreaterThan(0);
  // One that became a part of another is as small as that.
  expect(loop.findings.all().filter((finding) => loop.examinedOf(finding) === undefined)).toEqual([]);
});
