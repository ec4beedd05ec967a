import { expect, test } from '@playwright/test';
import type { Case } from '../../model/case.ts';
import { FindingSet } from '../../model/finding/set.ts';
import { caseSize } from '../../model/finding/size.ts';
import type { Deviation } from '../../model/verdict.ts';
import { begin, hole, makeCase, mapped, mappings, openDirect } from '../../reproducers/testing/samples.ts';
import { defaultBudgetMs, Minimiser, whyNot } from './minimise.ts';
import { SimulatedGuests, simulatedFacts as facts, tableWithout } from './testing/simulated-guests.ts';

const read = (offset: bigint) => ({ call: 'pread' as const, fd: 0, offset, lengthBytes: 4096 });
const wrong = makeCase(
  [openDirect, read(0n), read(8192n), { call: 'close', fd: 0 }],
  [
    begin(mappings(mapped({ length: 4096n })), { times: 1 }),
    begin(mappings(mapped({ offset: 8192n, length: 6144n, flags: ['SHARED'] }))),
    begin(mappings(hole())),
  ],
);
const accepted: Deviation = {
  rule: 'map/length-aligned',
  aspect: 'errno',
  expected: 'EUCLEAN',
  seen: 'success',
  step: 2,
  facts: { errno: { expected: ['EUCLEAN'], seen: 'success' } },
};
const instead: Deviation = {
  rule: 'map/length-aligned',
  aspect: 'trace-event',
  expected: 'a',
  seen: 'b',
  step: 2,
  facts: { condition: { expected: 'a', seen: 'b' } },
};
const down: Deviation = {
  rule: 'kernel/healthy',
  aspect: 'kernel-log',
  expected: '',
  seen: 'the kernel panicked: simulated',
};

const setUp = (...found: [Deviation, Case][]) =>
  setUpWith(({ workload }) => workload.some(({ call }) => call === 'fsync'), ...found);
function setUpWith(panicsOn: (testCase: Case) => boolean, ...found: [Deviation, Case][]) {
  const set = new FindingSet<Case>();
  for (const [n, [deviation, value]] of found.entries())
    set.add({ n, example: value, size: caseSize(value), case: value }, [deviation]);
  const guests = new SimulatedGuests({ table: tableWithout('map/length-aligned'), panicsOn });
  const done: { key: string; end: string; calls: string[] }[] = [];
  const minimiser = new Minimiser<Case>({
    source: guests,
    fresh: guests,
    facts,
    signal: new AbortController().signal,
    startOf: (value) => ({ case: value }),
    latest: (id) => set.get(id),
    onDone: ({ key }, { minimised, case: { workload } }) => {
      done.push({ key, end: minimised.end, calls: workload.map(({ call }) => call) });
    },
  });
  minimiser.add(set.all());
  return { set, minimiser, done, guests };
}
const panics = makeCase(
  [openDirect, read(0n), { call: 'fsync', fd: 0 }, read(4096n), read(8192n), { call: 'close', fd: 0 }],
  [begin(mappings(hole()))],
);

test('should make what took the kernel down small before what was accepted, and both', async () => {
  const { minimiser, done } = setUp([accepted, wrong], [down, panics]);
  await minimiser.finish(1, 60_000);
  expect(done).toEqual([
    { key: 'kernel | the kernel panicked: simulated', end: 'minimal', calls: ['open', 'fsync'] },
    { key: 'map/length-aligned | accepted', end: 'minimal', calls: ['open', 'pread'] },
  ]);
  expect(minimiser.left).toEqual([]);
});

test('should tell of a kernel that goes down by a smaller form of another finding, with the case, unless a case of the run showed the same', async () => {
  // Without its fsync it panics; nothing of the run does.
  const alone = makeCase([openDirect, read(8192n), { call: 'fsync', fd: 0 }, { call: 'close', fd: 0 }], wrong.script);
  const panicsOn = ({ workload }: Case): boolean => workload.every(({ call }) => call !== 'fsync');
  const { minimiser, guests } = setUpWith(panicsOn, [accepted, alone]);
  await minimiser.finish(1, 60_000);
  expect(guests.incidents).toMatchObject([
    {
      reason: expect.stringContaining('the kernel panicked: simulated') as unknown,
      when: expect.stringContaining('in a smaller form of a case of finding') as unknown,
      shownBy: { reliability: { shown: 2, of: 2 } },
    },
  ]);
  expect(panicsOn(guests.incidents[0]!.shownBy!.case)).toBe(true);
  const known = setUpWith(panicsOn, [accepted, alone], [down, panics]);
  await known.minimiser.finish(1, 60_000);
  expect(known.guests.incidents).toEqual([]);
});

test('should tell of a kernel that went down once by a smaller form that passes then, as flaky', async () => {
  const alone = makeCase([openDirect, read(8192n), { call: 'fsync', fd: 0 }, { call: 'close', fd: 0 }], wrong.script);
  let times = 0;
  const { minimiser, guests, done } = setUpWith(
    ({ workload }) => workload.every(({ call }) => call !== 'fsync') && (times += 1) === 1,
    [accepted, alone],
  );
  await minimiser.finish(1, 60_000);
  expect(done).toHaveLength(1);
  expect(guests.incidents).toMatchObject([
    {
      reason: 'the kernel panicked: simulated (1 of 2 tries)',
      log: ['a simulated console'],
      shownBy: { reliability: { shown: 1, of: 2 } },
    },
  ]);
});

test('should leave what there is no time for, and say why', async () => {
  const { minimiser, done } = setUp([accepted, wrong], [down, panics]);
  await minimiser.finish(2, 0);
  expect([done, minimiser.left.length]).toEqual([[], 2]);
  expect(whyNot(new AbortController().signal, 90_000)).toBe('the time for it was over (90 s; --minimise gives more)');
  expect(whyNot(AbortSignal.abort(), 90_000)).toBe('the run was interrupted');
});

test('should not make small what has become a part of another finding meanwhile', async () => {
  const { set, minimiser, done } = setUp([instead, wrong]);
  set.add({ n: 7, example: wrong, size: caseSize(wrong), case: wrong }, [accepted]);
  minimiser.add(set.all());
  await minimiser.finish(1, 60_000);
  expect(done.map(({ key }) => key)).toEqual(['map/length-aligned | accepted']);
});

test('should have more time where there are more findings, up to a bound', () => {
  expect([1, 20, 1000].map(defaultBudgetMs)).toEqual([90_000, 660_000, 1_200_000]);
});
