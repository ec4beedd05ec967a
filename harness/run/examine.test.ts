import { expect, test } from '@playwright/test';
import type { Case } from '../../model/case.ts';
import type { Deviation } from '../../model/verdict.ts';
import { begin, hole, makeCase, mapped, mappings, openDirect } from '../../reproducers/testing/samples.ts';
import { examine } from './examine.ts';
import { SimulatedGuests, simulatedFacts as facts, tableWithout } from './testing/simulated-guests.ts';

const read = (offset: bigint) => ({ call: 'pread' as const, fd: 0, offset, lengthBytes: 4096 });
/**
 * The second read is answered by a mapping whose length is no multiple of the block size; the first one is nobody's
 * business.
 */
const wrong = makeCase(
  [openDirect, read(0n), read(8192n), { call: 'close', fd: 0 }],
  [
    begin(mappings(mapped({ length: 4096n })), { times: 1 }),
    begin(mappings(mapped({ offset: 8192n, length: 6144n, flags: ['SHARED'] }))),
    begin(mappings(hole())),
  ],
);
const deviations: Deviation[] = [{ rule: 'map/length-aligned', aspect: 'trace-event', expected: '', seen: '' }];
const shows = (_: Case, others: readonly Deviation[]): boolean =>
  others.some(({ rule, aspect }) => rule === 'map/length-aligned' && aspect === 'trace-event');
const lacking = tableWithout('map/length-aligned');

test('should leave of a finding only what it takes, with what was seen of that', async () => {
  const examined = await examine(
    new SimulatedGuests({ table: lacking }),
    { case: wrong, deviations },
    { facts, shows, fresh: new SimulatedGuests({ table: lacking }), limitMs: 60_000 },
  );
  expect(examined.minimised.end).toBe('minimal');
  expect(examined.case.workload).toEqual([openDirect, read(8192n)]);
  expect(examined.case.script).toHaveLength(1);
  expect(examined.case.script[0]!.reply).toMatchObject({ read: { flags: [], length: 6144n } });
  expect(examined.outcome?.kind).toBe('observed');
  expect(examined.deviations.every(({ seen }) => seen !== '')).toBe(true);
  expect(examined.reliability).toEqual({ shown: 5, of: 5 });
});

test('should tell a finding that comes and goes from one that always shows', async () => {
  // Every other guest follows the rules.
  let leases = 0;
  const [steady, fickle] = [new SimulatedGuests({ table: lacking }), new SimulatedGuests()];
  const fresh = { lease: () => (++leases % 2 === 1 ? steady : fickle).lease(), release: () => Promise.resolve() };
  const { reliability, deviations: seen } = await examine(
    new SimulatedGuests({ table: lacking }),
    { case: wrong, deviations },
    { facts, shows, fresh, times: 4, limitMs: 60_000 },
  );
  expect(reliability).toEqual({ shown: 2, of: 4 });
  expect(shows(wrong, seen)).toBe(true);
});

test('should keep the case as it was when there is no time, and say so', async () => {
  const stop = new AbortController();
  stop.abort();
  const {
    minimised,
    reliability,
    case: same,
  } = await examine(
    new SimulatedGuests(),
    { case: wrong, deviations },
    { facts, shows, fresh: new SimulatedGuests(), limitMs: 60_000, signal: stop.signal },
  );
  expect(minimised).toEqual({ steps: 0, tried: 0, end: 'interrupted' });
  expect(reliability).toBeUndefined();
  expect(same).toBe(wrong);
});
