/**
 * What guests could send: messages of every kind as they should be, and ways to spoil their bytes. All of it is drawn
 * from a seed.
 */
import { runIdeal } from '../../../oracles/testing/ideal-kernel.ts';
import { sampleCases } from '../../../oracles/testing/sample-cases.ts';
import { mix } from '../../../generators/seed.ts';
import type { Case } from '../../../model/case.ts';
import type { GuestMessage } from '../../../model/channel.ts';
import { encodeGuestFrame } from '../../../model/guest-message.ts';
import type { KernelEvent } from '../../../model/observation.ts';
import { packObservation } from './pack.ts';
import { simulatedFacts } from './simulated-guests.ts';
import { tableBytes } from './table-bytes.ts';

export const mutatedCases: readonly Case[] = sampleCases(8, 5).map(({ of: testCase }) => testCase);
/** The command that the messages answer. */
export const commandId = 7;

const events: KernelEvent[] = [
  { kind: 'bad-data', func: 'fuse_iomap_begin', line: 1, condition: 'length == 0' },
  { kind: 'bug', title: 'BUG: KASAN: x', text: 'BUG: KASAN: x\nmore' },
  { kind: 'lost-events', source: 'kmsg', count: 3 },
];

/** One message of each kind, and an observation of each case. */
export function goodMessages(): GuestMessage[] {
  const id = commandId;
  const packed = mutatedCases.map((testCase) => packObservation(testCase, runIdeal(testCase)));
  return [
    { kind: 'hello', protocol: 1, facts: { ...simulatedFacts, config: 'CONFIG_FUSE_FS=y\nCONFIG_FUSE_IOMAP=y\n' } },
    { kind: 'case-begins', id, index: 1 },
    { kind: 'case-failed', id, index: 1, reason: 'no room' },
    { kind: 'cases-done', id },
    ...packed.map((observation, index): GuestMessage => ({
      kind: 'case-done',
      id,
      index,
      observation: { ...observation, events: [...observation.events, ...events] },
    })),
    {
      kind: 'table-done',
      id,
      mount: packed[0]!.mount,
      events: [{ index: 0, events }],
      results: [tableBytes(mutatedCases.map((testCase, index) => ({ index, case: testCase, packed: packed[index]! })))],
    },
    { kind: 'table-refused', id, reason: 'a device was changed', events: [] },
    { kind: 'output', id, stream: 'stdout', bytes: Buffer.from('hello') },
    { kind: 'exited', id, code: 1, signal: 'SIGKILL' },
    { kind: 'written', id },
    { kind: 'pong', id },
    { kind: 'error', id, reason: 'unknown' },
  ];
}

/** Numbers below a bound, the same for the same seed. */
class Draws {
  readonly #seed: number;
  #count = 0;
  constructor(seed: number) {
    this.#seed = seed;
  }

  below(bound: number): number {
    return (mix(this.#seed, this.#count++) >>> 0) % bound;
  }
}

/** Values that lengths and counts go wrong with. */
const telling = [0, 1, 0x7f, 0x80, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_ffff];

/**
 * The frame of `good` with a few of its bytes changed, left out, repeated, or with a telling number in their place; its
 * length is right.
 */
export function mutated(good: Buffer, seed: number): Buffer {
  const draws = new Draws(seed);
  let payload = Buffer.from(good.subarray(4));
  for (let times = 1 + draws.below(4); times > 0; times -= 1) {
    const at = draws.below(payload.length + 1);
    switch (draws.below(6)) {
      case 0:
        if (at < payload.length) payload[at] = draws.below(256);
        break;
      case 1:
        if (at < payload.length) payload[at]! ^= 1 << draws.below(8);
        break;
      case 2:
        payload = Buffer.concat([
          payload.subarray(0, at),
          payload.subarray(Math.min(payload.length, at + 1 + draws.below(16))),
        ]);
        break;
      case 3:
        payload = Buffer.concat([
          payload.subarray(0, at),
          payload.subarray(Math.max(0, at - draws.below(64)), at),
          payload.subarray(at),
        ]);
        break;
      case 4:
        if (at + 4 <= payload.length) payload.writeUInt32LE(telling[draws.below(telling.length)]!, at);
        break;
      // A number in the schema's own form: as many bytes as it takes.
      default:
        payload = Buffer.concat([
          payload.subarray(0, at),
          Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f].slice(0, 1 + draws.below(5))),
          payload.subarray(at + 1),
        ]);
        break;
    }
  }
  const frame = Buffer.alloc(4 + payload.length);
  frame.writeUInt32LE(payload.length, 0);
  payload.copy(frame, 4);
  return frame;
}

export const goodFrames = (): Buffer[] => goodMessages().map(encodeGuestFrame);
