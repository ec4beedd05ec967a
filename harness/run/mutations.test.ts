/**
 * What guests send is mutated and taken as a run takes it. IOMAPFUZZ_MUTATIONS says how many messages: a million in a night (`iomapfuzz test
 * mutations`), ten thousand otherwise.
 */
import { expect, test } from '@playwright/test';
import { judge } from '../../oracles/judge.ts';
import type { HostMessage } from '../model/channel.ts';
import { GarbageError } from '../model/codec.ts';
import { encodeGuestFrame, guestFrames } from '../model/guest-message.ts';
import { takeAnswers } from './answers.ts';
import type { Batch } from './backlog.ts';
import { commandId, goodFrames, goodMessages, mutated, mutatedCases } from './testing/mutations.ts';
import { simulatedFacts } from './testing/simulated-guests.ts';

const count = Number(process.env['IOMAPFUZZ_MUTATIONS'] ?? 10_000);
const seed = Number(process.env['IOMAPFUZZ_SEED'] ?? 1);
const mostBytes = 256 << 20;
/** A machine that is busy is slow; a message that asks for work without end takes longer than any. */
const mostMs = 1000;

function batchOf(table: boolean): Batch {
  const all = mutatedCases.map((_, index) => index);
  return { id: commandId, message: { kind: 'ping', id: commandId } satisfies HostMessage, table, size: all.length, left: new Set(all), begun: new Set(all), inFlight: 0, tainted: false };
}

test('should read what an honest guest says as it was said', () => {
  for (const message of goodMessages()) {
    const [read] = guestFrames().push(encodeGuestFrame(message));
    // Bytes arrive as bytes, whatever kind of array they were.
    expect(encodeGuestFrame(read!)).toEqual(encodeGuestFrame(message));
    expect(read).toMatchObject({ kind: message.kind });
  }
});

test('should judge what an honest guest packed as what it saw', () => {
  for (const message of goodMessages()) {
    if (message.kind !== 'case-done') continue;
    const { executed } = takeAnswers(batchOf(false), guestFrames().push(encodeGuestFrame({ ...message, observation: { ...message.observation, events: message.observation.events.slice(0, -3) } }))[0]!, mutatedCases);
    const [{ outcome }] = executed as [(typeof executed)[number]];
    const verdict = outcome.kind === 'observed' ? judge(mutatedCases[message.index]!, outcome.observation, { facts: simulatedFacts }) : undefined;
    expect(verdict?.kind, JSON.stringify(verdict)).toBe('conforms');
  }
});

test(`should survive ${count} mutated messages: none throws anything but the one error, takes long, or takes memory that its bytes do not account for`, () => {
  test.setTimeout(60_000 + count * 10);
  const frames = goodFrames();
  let [refused, taken, slowestMs, mostUsed] = [0, 0, 0, 0];
  for (let n = 0; n < count; n += 1) {
    const frame = mutated(frames[n % frames.length]!, seed * 1_000_003 + n);
    const startMs = performance.now();
    const before = process.memoryUsage.rss();
    try {
      for (const message of guestFrames().push(frame)) takeAnswers(batchOf(message.kind.startsWith('table')), message, mutatedCases);
      taken += 1;
    } catch (error) {
      if (!(error instanceof GarbageError)) throw new Error(`message ${n} of seed ${seed}: ${String((error as Error).stack)}`);
      refused += 1;
    }
    slowestMs = Math.max(slowestMs, performance.now() - startMs);
    mostUsed = Math.max(mostUsed, process.memoryUsage.rss() - before);
  }
  console.log(`${count} mutated messages: ${refused} refused, ${taken} taken; the slowest took ${slowestMs.toFixed(0)} ms, the largest ${(mostUsed / (1 << 20)).toFixed(0)} MiB`);
  expect(refused).toBeGreaterThan(count / 10);
  expect(taken).toBeGreaterThan(count / 100);
  expect(slowestMs).toBeLessThan(mostMs);
  expect(mostUsed).toBeLessThan(mostBytes);
});

test('should refuse, without making them, lists and texts that claim to be huge', () => {
  const frame = (...bytes: number[]): Buffer => Buffer.from([bytes.length, 0, 0, 0, ...bytes]);
  const huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
  const kinds = goodMessages().map(({ kind }) => kind);
  for (let kind = 0; kind < new Set(kinds).size + 2; kind += 1) {
    for (let zeros = 0; zeros < 24; zeros += 1) {
      const bytes = frame(kind, ...Array.from({ length: zeros }, () => 0), ...huge);
      const before = process.memoryUsage().heapUsed;
      expect(() => guestFrames().push(bytes), `kind ${kind} after ${zeros} zeros`).toThrow(GarbageError);
      expect(process.memoryUsage().heapUsed - before).toBeLessThan(32 << 20);
    }
  }
});
