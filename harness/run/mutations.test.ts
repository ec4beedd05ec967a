/**
 * What guests send is mutated and taken as a run takes it. IOMAPFUZZ_MUTATIONS says how many messages: a million in a
 * night (`iomapfuzz test mutations`), ten thousand otherwise.
 */
import { expect, test } from '@playwright/test';
import { judge } from '../../oracles/judge.ts';
import type { HostMessage } from '../../model/channel.ts';
import { GarbageError, mostParts } from '../../model/codec.ts';
import type { GuestMessage } from '../../model/channel.ts';
import type { ByteRun } from '../../model/bytes.ts';
import type { KernelEvent } from '../../model/observation.ts';
import type { PackedObservation } from '../../model/exchange-record.ts';
import { encodeGuestFrame, guestFrames } from '../../model/guest-message.ts';
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
  return {
    id: commandId,
    message: { kind: 'ping', id: commandId } satisfies HostMessage,
    table,
    size: all.length,
    left: new Set(all),
    begun: new Set(all),
    inFlight: 0,
    tainted: false,
  };
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
    const { executed } = takeAnswers(
      batchOf(false),
      guestFrames().push(
        encodeGuestFrame({
          ...message,
          observation: { ...message.observation, events: message.observation.events.slice(0, -3) },
        }),
      )[0]!,
      mutatedCases,
    );
    const [{ outcome }] = executed as [(typeof executed)[number]];
    const verdict =
      outcome.kind === 'observed'
        ? judge(mutatedCases[message.index]!, outcome.observation, { facts: simulatedFacts })
        : undefined;
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
      for (const message of guestFrames().push(frame))
        takeAnswers(batchOf(message.kind.startsWith('table')), message, mutatedCases);
      taken += 1;
    } catch (error) {
      if (!(error instanceof GarbageError))
        throw new Error(`message ${n} of seed ${seed}: ${String((error as Error).stack)}`);
      refused += 1;
    }
    slowestMs = Math.max(slowestMs, performance.now() - startMs);
    mostUsed = Math.max(mostUsed, process.memoryUsage.rss() - before);
  }
  console.log(
    `${count} mutated messages: ${refused} refused, ${taken} taken; the slowest took ${slowestMs.toFixed(0)} ms, the largest ${(mostUsed / (1 << 20)).toFixed(0)} MiB`,
  );
  expect(refused).toBeGreaterThan(count / 10);
  expect(taken).toBeGreaterThan(count / 100);
  expect(slowestMs).toBeLessThan(mostMs);
  expect(mostUsed).toBeLessThan(mostBytes);
});

/** The most that this process had in memory so far, in bytes. */
const peak = (): number => process.resourceUsage().maxRSS * 1024;

/** Messages that make as much of their bytes as the schema lets them. */
function largest(): GuestMessage[] {
  const id = commandId;
  const [good] = goodMessages().filter((message) => message.kind === 'case-done');
  const observation = good!.observation as PackedObservation;
  const event: KernelEvent = { kind: 'lost-events', source: 'kmsg', count: 1 };
  const hex = 'ab'.repeat(32);
  const runs = (count: number, source: ByteRun['source']): ByteRun[] =>
    Array.from({ length: count }, () => ({ lengthBytes: 32, source }));
  const written = (count: number): PackedObservation['written'] =>
    Array.from({ length: count }, (_, seq) => ({ seq, data: [] }));
  const parts = mostParts - 10_000;
  return [
    { ...good!, observation: { ...observation, written: [{ seq: 1, data: runs(parts, { kind: 'other', hex }) }] } },
    {
      ...good!,
      observation: {
        ...observation,
        written: [{ seq: 1, data: runs(parts, { kind: 'device', device: 1, offsetBytes: 1n << 62n }) }],
      },
    },
    { ...good!, observation: { ...observation, written: written(parts) } },
    {
      ...good!,
      observation: {
        ...observation,
        deviceChanges: Array.from({ length: parts }, () => ({ device: 0, offsetBytes: 1n << 62n, content: [] })),
      },
    },
    {
      kind: 'table-refused',
      id,
      reason: '',
      events: Array.from({ length: 39 }, (_, index) => ({ index, events: Array.from({ length: 9999 }, () => event) })),
    },
    { kind: 'output', id, stream: 'stdout', bytes: Buffer.alloc(31 << 20) },
  ];
}

test('should need no more memory and time for the largest messages that there can be', () => {
  test.setTimeout(120_000);
  for (const message of largest()) {
    const frame = encodeGuestFrame(message);
    const before = process.memoryUsage.rss();
    const processor = process.cpuUsage();
    expect(guestFrames().push(frame)).toHaveLength(1);
    const { user, system } = process.cpuUsage(processor);
    const used = Math.max(process.memoryUsage.rss() - before, peak() - before, 0);
    console.log(
      `${message.kind}: ${(frame.length / (1 << 20)).toFixed(1)} MiB, ${((user + system) / 1000).toFixed(0)} ms of processor time, at most ${(used / (1 << 20)).toFixed(0)} MiB more`,
    );
    expect(used, message.kind).toBeLessThan(mostBytes);
    // A second on a machine that does nothing else.
    expect((user + system) / 1000, message.kind).toBeLessThan(10 * mostMs);
  }
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
