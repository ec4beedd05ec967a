/**
 * What it costs to write and to read what a guest says of a case, by the schema and as v8.serialize would: a program of
 * its own, see docs/performance.md. It needs no guest, so that it says nothing of how fast cases run.
 */
import { deserialize, serialize } from 'node:v8';
import { encodeGuestFrame, guestFrames } from '../model/guest-message.ts';
import { goodMessages } from '../harness/run/testing/mutations.ts';

const seconds = 3;
const messages = goodMessages().filter(({ kind }) => kind === 'case-done');
const frames = messages.map(encodeGuestFrame);
const buffers = messages.map((message) => serialize(message));

/** Microseconds of processor time for each call; the first second is not counted. */
function cost(work: (index: number) => unknown): number {
  let calls = 0;
  const run = (untilMs: number): void => {
    while (performance.now() < untilMs) for (let n = 0; n < 64; n += 1) work(calls++ % messages.length);
  };
  run(performance.now() + 1000);
  calls = 0;
  const before = process.cpuUsage();
  run(performance.now() + seconds * 1000);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / calls;
}

const mean = (sizes: readonly { length: number }[]): number =>
  Math.round(sizes.reduce((sum, { length }) => sum + length, 0) / sizes.length);
const row = (what: string, write: number, read: number, bytes: number): string =>
  `${what.padEnd(12)}${write.toFixed(1).padStart(10)}${read.toFixed(1).padStart(10)}${String(bytes).padStart(10)}`;
const bySchema = [cost((n) => encodeGuestFrame(messages[n]!)), cost((n) => guestFrames().push(frames[n]!))] as const;
const byV8 = [cost((n) => serialize(messages[n]!)), cost((n) => deserialize(buffers[n]!))] as const;
console.log(
  [
    `${'a case'.padEnd(12)}${'write, us'.padStart(10)}${'read, us'.padStart(10)}${'bytes'.padStart(10)}`,
    row('schema', ...bySchema, mean(frames)),
    row('v8', ...byV8, mean(buffers)),
    `schema : v8 ${(bySchema[0] / byV8[0]).toFixed(2)} to write, ${(bySchema[1] / byV8[1]).toFixed(2)} to read`,
  ].join('\n'),
);
