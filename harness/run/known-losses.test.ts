import { expect, test } from '@playwright/test';
import { sampleCases } from '../../oracles/testing/sample-cases.ts';
import { runIdeal } from '../../oracles/testing/ideal-kernel.ts';
import type { GuestMessage, HostMessage } from '../../model/channel.ts';
import type { Hang } from '../../model/hang.ts';
import { verdictOf } from './conformance.ts';
import { execute, type Executed, type ExecuteOptions } from './execute.ts';
import type { GuestLoss } from './guest.ts';
import { ScriptedGuests } from './testing/scripted-guests.ts';
import { simulatedFacts } from './testing/simulated-guests.ts';

const cases = sampleCases(6, 3).map((one) => one.of);
const hangOf = (rest: Partial<Hang>): Hang => ({
  how: 'waits',
  blame: 'kernel',
  during: 'step',
  step: 1,
  milliseconds: 4000,
  log: [],
  signature: 'waits; rwsem_down_write_slowpath; IOMAP_BEGIN',
  tasks: [{ role: 'workload', name: 'node', state: 'D', stack: ['rwsem_down_write_slowpath', 'fuse_iomap_llseek'] }],
  ...rest,
});
const lossBy = (hang: Hang): Partial<GuestLoss> => ({
  blame: hang.blame,
  reason: 'the kernel hangs',
  consoleTail: ['stack'],
  hang,
  signature: hang.signature,
});

/** Guests that hang on these cases, by the index of the case, and are honest about the others. */
async function run(
  hangs: ReadonlyMap<number, Hang>,
  options: ExecuteOptions = { tables: false },
): Promise<{ outcomes: Executed[]; sent: HostMessage[] }> {
  const sent: HostMessage[] = [];
  const guests = new ScriptedGuests((_, message) => {
    sent.push(message);
    if (message.kind === 'run-table') return { messages: [], lost: lossBy([...hangs.values()][0]!) };
    if (message.kind !== 'run-cases') return { messages: [] };
    const messages: GuestMessage[] = [];
    for (const { index, case: testCase } of message.cases) {
      messages.push({ kind: 'case-begins', id: message.id, index });
      const hang = hangs.get(index);
      if (hang) return { messages, lost: lossBy(hang) };
      messages.push({ kind: 'case-done', id: message.id, index, observation: runIdeal(testCase) });
    }
    return { messages: [...messages, { kind: 'cases-done', id: message.id }] };
  });
  const outcomes: Executed[] = [];
  for await (const one of execute(guests, cases, options)) outcomes.push(one);
  return { outcomes: outcomes.sort((a, b) => a.index - b.index), sent };
}
const timesRun = (sent: readonly HostMessage[], index: number): number =>
  sent.filter((message) => message.kind === 'run-cases' && message.cases[0]?.index === index).length;

test('should try the first case that hangs a second time, and others that hang alike only once', async () => {
  const { outcomes, sent } = await run(
    new Map([
      [1, hangOf({ index: 1 })],
      [3, hangOf({ index: 3 })],
    ]),
  );
  expect(outcomes.map(({ outcome: { kind } }) => kind)).toEqual([
    'observed',
    'crashed',
    'observed',
    'crashed',
    ...Array.from({ length: cases.length - 4 }, () => 'observed'),
  ]);
  expect(outcomes[1]!.outcome.tries).toBe(2);
  expect(outcomes[3]!.outcome.crashes).toHaveLength(1);
  expect(timesRun(sent, 1)).toBe(1);
  expect(timesRun(sent, 3)).toBe(0);
});

test('should try the first case that locks the guest up a second time, and others that do so at the same place only once', async () => {
  const tried = async (places: Record<number, string>): Promise<(number | undefined)[]> => {
    const guests = new ScriptedGuests((_, message) => {
      const { id, cases: batch } = message as Extract<HostMessage, { kind: 'run-cases' }>;
      const messages: GuestMessage[] = [];
      for (const { index, case: testCase } of batch) {
        messages.push({ kind: 'case-begins', id, index });
        const place = places[index];
        if (place !== undefined)
          return {
            messages,
            lost: {
              blame: 'kernel',
              reason: `the kernel locked up in ${place}`,
              consoleTail: [],
              signature: `locked up in ${place}`,
            },
          };
        messages.push({ kind: 'case-done', id, index, observation: runIdeal(testCase) });
      }
      return { messages: [...messages, { kind: 'cases-done', id }] };
    });
    const tries: (number | undefined)[] = [];
    for await (const { index, outcome } of execute(guests, cases, { tables: false }))
      if (outcome.kind === 'crashed') tries[index] = outcome.crashes!.length;
    return [tries[1], tries[3]];
  };
  expect(await tried({ 1: 'fuse_iomap_begin', 3: 'fuse_iomap_begin' })).toEqual([2, 1]);
  expect(await tried({ 1: 'fuse_iomap_begin', 3: 'fuse_iomap_end' })).toEqual([2, 2]);
  // Two that do not say where they are may be two.
  expect(await tried({ 1: 'an unknown place', 3: 'an unknown place' })).toEqual([2, 2]);
});

test('should tell later guests which hangs are known', async () => {
  const { sent } = await run(new Map([[1, hangOf({ index: 1 })]]));
  const known = sent.map((message) => ('hangs' in message ? message.hangs : undefined));
  expect(known[0]).toBeUndefined();
  expect(known.at(-1)).toEqual([hangOf({}).signature]);
});

test('should name the step and where the kernel waits, and say the same of each case that hangs alike', async () => {
  const { outcomes } = await run(
    new Map([
      [1, hangOf({ index: 1 })],
      [3, hangOf({ index: 3 })],
    ]),
  );
  const [first, second] = [1, 3].map((index) =>
    verdictOf({ cell: { id: '', rule: '', path: '' }, case: cases[index]! }, outcomes[index]!.outcome, simulatedFacts),
  );
  const found = [first, second].map((verdict) => (verdict!.kind === 'deviates' ? verdict!.deviations[0]! : undefined));
  expect(found[0]).toMatchObject({ rule: 'kernel/hang', step: 1 });
  expect(found[0]!.seen).toContain('rwsem_down_write_slowpath, called by fuse_iomap_llseek');
  expect(found[1]!.seen.replace(/\(.*tries\)/, '')).toBe(found[0]!.seen.replace(/\(.*tries\)/, ''));
});

test('should not blame the kernel for a guest that hangs by itself', async () => {
  const { outcomes } = await run(new Map([[1, hangOf({ index: 1, blame: 'guest' })]]));
  expect(outcomes[1]!.outcome.kind).toBe('lost');
  expect(
    verdictOf({ cell: { id: '', rule: '', path: '' }, case: cases[1]! }, outcomes[1]!.outcome, simulatedFacts).kind,
  ).toBe('lost');
});

test('should blame no case when what hangs is the mount of earlier ones', async () => {
  const { index: _index, ...rest } = hangOf({ during: 'unmount' });
  let hung = false;
  const guests = new ScriptedGuests((_, message) => {
    const { id, cases: batch } = message as Extract<HostMessage, { kind: 'run-cases' }>;
    const answers = batch.map(({ index, case: testCase }): GuestMessage[] => [
      { kind: 'case-begins', id, index },
      { kind: 'case-done', id, index, observation: runIdeal(testCase) },
    ]);
    if (hung) return { messages: [...answers.flat(), { kind: 'cases-done', id }] };
    hung = true;
    return { messages: [...answers[0]!, answers[1]![0]!], lost: lossBy(rest) };
  });
  const outcomes: Executed[] = [];
  for await (const one of execute(guests, cases, { tables: false })) outcomes.push(one);
  expect(outcomes.every(({ outcome }) => outcome.kind === 'observed' && !outcome.crashes)).toBe(true);
  expect(guests.incidents).toHaveLength(1);
});
