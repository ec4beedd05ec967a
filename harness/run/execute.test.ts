import { expect, test } from '@playwright/test';
import { runIdeal } from '../../oracles/testing/ideal-kernel.ts';
import { sampleCases as judgedCases } from '../../oracles/testing/sample-cases.ts';
import type { GuestMessage, HostMessage } from '../../model/channel.ts';
import { caseHash } from '../../model/hash.ts';
import type { KernelEvent } from '../../model/observation.ts';
import { verdictOf } from './conformance.ts';
import { sampleCases } from '../../reproducers/testing/samples.ts';
import { execute, type Executed, type ExecuteOptions, type Guest, type GuestSource } from './execute.ts';
import { ScriptedGuests, type Behaviour } from './testing/scripted-guests.ts';
import { simulatedFacts } from './testing/simulated-guests.ts';

/** Takes cases and never says a word. */
function hangingGuests(onSend: () => void): GuestSource & { released: string[] } {
  const guest: Guest = {
    facts: simulatedFacts,
    send: onSend,
    receive: () => new Promise<GuestMessage>(() => undefined),
    consoleTail: () => [],
    lossOf: () => ({ blame: 'kernel', reason: 'hangs', consoleTail: [] }),
  };
  const released: string[] = [];
  return {
    released,
    lease: () => Promise.resolve(guest),
    release: (_, state) => {
      released.push(state);
      return Promise.resolve();
    },
  };
}

test('should not wait for a kernel that hangs when somebody wants to stop, and throw its guest away', async () => {
  const stop = new AbortController();
  const guests = hangingGuests(() => {
    setImmediate(() => {
      stop.abort();
    });
  });
  const seen = [];
  for await (const one of execute(guests, Object.values(sampleCases).slice(0, 3), { signal: stop.signal }))
    seen.push(one);
  expect(seen).toEqual([]);
  expect(guests.released).toEqual(['poisoned']);
});

const cases = judgedCases(6, 3).map((one) => one.of);
const hashes = cases.map(caseHash);
type RunCases = Extract<HostMessage, { kind: 'run-cases' }>;

/** What an honest guest says to one case of a batch. */
const honest = (id: number, { index, case: testCase }: RunCases['cases'][number]): GuestMessage[] => [
  { kind: 'case-begins', id, index },
  { kind: 'case-done', id, index, observation: runIdeal(testCase) },
];
const allHonest = ({ id, cases: batch }: RunCases): GuestMessage[] => [
  ...batch.flatMap((one) => honest(id, one)),
  { kind: 'cases-done', id },
];

async function run(
  behaviour: Behaviour,
  options: ExecuteOptions = { tables: false },
): Promise<{ outcomes: Executed[]; guests: ScriptedGuests }> {
  const guests = new ScriptedGuests(behaviour);
  const outcomes: Executed[] = [];
  for await (const one of execute(guests, cases, options)) outcomes.push(one);
  outcomes.sort((a, b) => a.index - b.index);
  // Whatever a guest does, each case has one outcome.
  expect(outcomes.map(({ index }) => index)).toEqual(cases.map((_, index) => index));
  return { outcomes, guests };
}

/** The first guest does this, the others are honest. */
const firstGuest =
  (say: (message: RunCases) => { messages: GuestMessage[]; lost?: object }): Behaviour =>
  (guest, message) =>
    guest === 0 ? say(message as RunCases) : { messages: allHonest(message as RunCases) };

const kindsOf = (outcomes: readonly Executed[]): string[] => outcomes.map(({ outcome: { kind } }) => kind);
const allObserved = cases.map(() => 'observed');

const lies: Record<string, (message: RunCases) => GuestMessage[]> = {
  'leaves cases out': (message) => [...honest(message.id, message.cases[0]!), { kind: 'cases-done', id: message.id }],
  'answers a case twice': (message) => [
    ...honest(message.id, message.cases[0]!),
    honest(message.id, message.cases[0]!)[1]!,
  ],
  'answers a case that it did not announce': (message) => [honest(message.id, message.cases[0]!)[1]!],
  'announces a case twice': ({ id, cases: [one] }) => [honest(id, one!)[0]!, honest(id, one!)[0]!],
  'announces a case of nobody': ({ id }) => [{ kind: 'case-begins', id, index: 4711 }],
  'answers a case of nobody': ({ id, cases: [one] }) => [{ ...honest(id, one!)[1]!, index: -1 } as GuestMessage],
  'answers under another id': ({ id, cases: [one] }) => honest(id + 1, one!),
  'says that it is done under another id': ({ id }) => [{ kind: 'cases-done', id: id - 1 }],
  'gives a table that nobody asked for': ({ id }) => [
    { kind: 'table-done', id, mount: { errno: 0, devices: [] }, results: [], events: [] },
  ],
  'says hello again': () => [{ kind: 'hello', protocol: 1, facts: simulatedFacts }],
  'sends a transcript that is none': ({ id, cases: [one] }) => [
    honest(id, one!)[0]!,
    {
      ...honest(id, one!)[1]!,
      observation: {
        ...runIdeal(one!.case),
        transcript: new Uint8Array([255, 255, 255, 255, 1]),
        written: [],
        stepBounds: [],
        nodeids: [],
      },
    } as unknown as GuestMessage,
  ],
};
for (const [lie, say] of Object.entries(lies)) {
  test(`should throw a guest away that ${lie}, and run its cases again`, async () => {
    const { outcomes, guests } = await run(firstGuest((message) => ({ messages: say(message) })));
    expect(kindsOf(outcomes)).toEqual(allObserved);
    expect(outcomes.flatMap(({ outcome }) => outcome.crashes ?? [])).toEqual([]);
    expect(guests.released).toEqual(['poisoned', 'healthy']);
  });
  test(`should lose what only guests could answer each of which ${lie}`, async () => {
    const { outcomes } = await run((_, message) => ({ messages: say(message as RunCases) }));
    // What was answered in turn before the lie counts.
    const inTurn = lie === 'answers a case twice' ? cases.length : lie === 'leaves cases out' ? 2 : 0;
    expect(kindsOf(outcomes).filter((kind) => kind === 'lost').length).toBe(cases.length - inTurn);
    for (const { outcome } of outcomes)
      if (outcome.kind === 'lost')
        expect(verdictOf({ cell: { id: '', rule: '', path: '' }, case: cases[0]! }, outcome, simulatedFacts).kind).toBe(
          'lost',
        );
  });
}

test('should keep the crash of a case that passes when it runs again', async () => {
  const crash = {
    blame: 'kernel' as const,
    reason: 'the kernel panicked: first',
    consoleTail: ['BUG: first', 'Kernel panic'],
  };
  const { outcomes } = await run(
    firstGuest(({ id, cases: batch }) => ({
      messages: [...honest(id, batch[0]!), honest(id, batch[1]!)[0]!],
      lost: crash,
    })),
  );
  expect(kindsOf(outcomes)).toEqual(allObserved);
  expect(outcomes.map(({ outcome: { crashes, tries } }) => ({ crashes, tries }))).toEqual(
    cases.map((_, index) => (index === 1 ? { crashes: [crash], tries: 2 } : {})),
  );
  expect(
    verdictOf({ cell: { id: '', rule: '', path: '' }, case: cases[1]! }, outcomes[1]!.outcome, simulatedFacts),
  ).toMatchObject({
    kind: 'deviates',
    deviations: [{ rule: 'kernel/healthy', seen: 'the kernel panicked: first (1 of 2 tries)' }],
  });
});

test('should tell of a crash also when the run ends before the case runs again', async () => {
  const crash = { blame: 'kernel' as const, reason: 'the kernel panicked: first', consoleTail: ['Kernel panic'] };
  const stop = new AbortController();
  const guests = new ScriptedGuests((guest, message) => {
    const { id, cases: batch } = message as RunCases;
    if (guest > 0)
      setImmediate(() => {
        stop.abort();
      });
    return { messages: honest(id, batch[0]!).slice(0, 1), ...(guest === 0 && { lost: crash }) };
  });
  for await (const one of execute(guests, cases.slice(0, 1), { tables: false, signal: stop.signal }))
    expect(one).toBeUndefined();
  expect(guests.incidents).toMatchObject([
    {
      reason: crash.reason,
      when: 'the guest was lost to a case that did not run again',
      log: crash.consoleTail,
      candidates: [hashes[0]],
    },
  ]);
});

test('should not make a finding of a guest that the machine takes away once, and lose a case with which it does so twice', async () => {
  const machine = { blame: 'machine' as const, reason: 'the VM died: signal 9' };
  const once = await run(firstGuest(({ id, cases: [one] }) => ({ messages: [honest(id, one!)[0]!], lost: machine })));
  expect(kindsOf(once.outcomes)).toEqual(allObserved);
  expect(once.outcomes[0]!.outcome.crashes).toBeUndefined();
  const always = await run((_, message) => ({
    messages: [honest((message as RunCases).id, (message as RunCases).cases[0]!)[0]!],
    lost: machine,
  }));
  expect(kindsOf(always.outcomes)).toEqual(cases.map(() => 'lost'));
});

test('should blame no case for a kernel that goes down while none runs, and tell of it', async () => {
  const crash = { blame: 'kernel' as const, reason: 'the kernel panicked: between', consoleTail: ['Kernel panic'] };
  const { outcomes, guests } = await run(
    firstGuest(({ id, cases: batch }) => ({ messages: honest(id, batch[0]!), lost: crash })),
  );
  expect(kindsOf(outcomes)).toEqual(allObserved);
  expect(outcomes.flatMap(({ outcome }) => outcome.crashes ?? [])).toEqual([]);
  expect(guests.incidents).toMatchObject([{ reason: crash.reason, log: ['Kernel panic'], candidates: [hashes[0]] }]);
});

test.describe('a table batch', () => {
  const simple = Object.values(sampleCases).filter(({ workload }) => workload.length > 0)[0]!;
  const alike = [
    simple,
    { ...simple, debugIomap: simple.debugIomap },
    { ...simple, provenance: { origin: 'again', seed: 1, path: '0' } },
  ];
  const crash = { blame: 'kernel' as const, reason: 'the kernel panicked: in a table', consoleTail: ['Kernel panic'] };
  async function runAlike(again: (message: RunCases) => { messages: GuestMessage[]; lost?: object }) {
    let tables = 0;
    const guests = new ScriptedGuests((guest, message) => {
      if (message.kind !== 'run-table')
        return guest < 2 ? again(message as RunCases) : { messages: allHonest(message as RunCases) };
      tables += 1;
      return { messages: [], lost: crash };
    });
    const outcomes: Executed[] = [];
    for await (const one of execute(guests, alike)) outcomes.push(one);
    expect(tables).toBe(1);
    return { outcomes: outcomes.sort((a, b) => a.index - b.index), guests };
  }

  test('should tell of a crash that none of its cases shows again, with all of them', async () => {
    const { outcomes, guests } = await runAlike((message) => ({ messages: allHonest(message) }));
    expect(kindsOf(outcomes)).toEqual(alike.map(() => 'observed'));
    expect(outcomes.flatMap(({ outcome }) => outcome.crashes ?? [])).toEqual([]);
    expect(guests.incidents).toMatchObject([
      { reason: crash.reason, log: crash.consoleTail, candidates: alike.map(caseHash) },
    ]);
  });
  const bug: KernelEvent = {
    kind: 'bug',
    title: 'BUG: KASAN: use-after-free in fuse_iomap_begin',
    text: 'BUG: KASAN: use-after-free in fuse_iomap_begin+0x1/0x2\nCall Trace:',
  };
  /**
   * A table that its guest refuses, with this in the kernel's log of the second case; then the cases, whose log says
   * `again`.
   */
  async function runRefused(logged: KernelEvent[], again: KernelEvent[] = []) {
    const guests = new ScriptedGuests((_, message) => {
      if (message.kind !== 'run-table') {
        const { id, cases: batch } = message as RunCases;
        const answers = batch.flatMap(({ index, case: testCase }): GuestMessage[] => {
          const observation = runIdeal(testCase);
          if (index === 1) observation.events.push(...again);
          return [
            { kind: 'case-begins', id, index },
            { kind: 'case-done', id, index, observation },
          ];
        });
        return { messages: [...answers, { kind: 'cases-done', id }] };
      }
      return {
        messages: [
          {
            kind: 'table-refused',
            id: message.id,
            reason: 'a device was changed',
            events: [{ index: 1, events: logged }],
          },
        ],
      };
    });
    const outcomes: Executed[] = [];
    for await (const one of execute(guests, alike)) outcomes.push(one);
    expect(kindsOf(outcomes)).toEqual(alike.map(() => 'observed'));
    return guests;
  }
  test('should tell of what the kernel complained of in a table that was refused, and use the guest no more', async () => {
    const guests = await runRefused([bug]);
    expect(guests.incidents).toMatchObject([
      {
        reason: bug.title,
        when: 'during a case that did not show it again',
        log: bug.text.split('\n'),
        candidates: [caseHash(alike[1]!)],
      },
    ]);
    expect(guests.released).toEqual(['poisoned', 'healthy']);
  });
  test('should leave it to the case that shows the same again, and not to one that shows another', async () => {
    expect((await runRefused([bug], [bug])).incidents).toEqual([]);
    expect(
      (await runRefused([bug], [{ kind: 'warning', title: 'WARNING: fs/iomap/iter.c at iomap_iter', text: '' }]))
        .incidents,
    ).toMatchObject([{ reason: bug.title }]);
  });
  test('should show a notice of such a table, and make no finding of it', async () => {
    const guests = await runRefused([{ kind: 'notice', title: 'out of memory', text: 'Out of memory' }]);
    expect(guests.incidents).toMatchObject([{ reason: 'out of memory', notice: true }]);
    expect(guests.released).toEqual(['healthy']);
  });
  test('should give the crash to the case that shows it again', async () => {
    const second = { ...crash, reason: 'the kernel panicked: again' };
    const { outcomes, guests } = await runAlike(({ id, cases: batch }) => ({
      messages: [...honest(id, batch[0]!), honest(id, batch[1]!)[0]!],
      lost: second,
    }));
    expect(guests.incidents).toEqual([]);
    expect(outcomes.map(({ outcome }) => outcome.crashes?.map(({ reason }) => reason))).toEqual([
      undefined,
      [crash.reason, second.reason],
      undefined,
    ]);
    expect(outcomes[1]!.outcome.tries).toBe(3);
  });
});
