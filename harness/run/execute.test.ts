import { expect, test } from '@playwright/test';
import type { GuestMessage } from '../model/channel.ts';
import { sampleCases } from './emit/testing/samples.ts';
import { execute, type Guest, type GuestSource } from './execute.ts';
import { simulatedFacts } from './testing/simulated-guests.ts';

/** Takes cases and never says a word. */
function hangingGuests(onSend: () => void): GuestSource & { released: string[] } {
  const guest: Guest = {
    facts: simulatedFacts, send: onSend, receive: () => new Promise<GuestMessage>(() => undefined), consoleTail: () => [],
    lossOf: () => ({ blame: 'kernel', reason: 'hangs', consoleTail: [] }),
  };
  const released: string[] = [];
  return { released, lease: () => Promise.resolve(guest), release: (_, state) => { released.push(state); return Promise.resolve(); } };
}

test('should not wait for a kernel that hangs when somebody wants to stop, and throw its guest away', async () => {
  const stop = new AbortController();
  const guests = hangingGuests(() => { setImmediate(() => { stop.abort(); }); });
  const seen = [];
  for await (const one of execute(guests, Object.values(sampleCases).slice(0, 3), { signal: stop.signal })) seen.push(one);
  expect(seen).toEqual([]);
  expect(guests.released).toEqual(['poisoned']);
});
