/** Ways in which a guest, its kernel or QEMU can lie, and what a run makes of each. A further lie is a row. */
import { serialize } from 'node:v8';
import type { Case } from '../../../model/case.ts';
import type { PackedObservation } from '../../../model/exchange-record.ts';
import type { KernelEvent } from '../../../model/observation.ts';
import { encodeFrame } from '../../../model/frame.ts';
import { encodeGuestFrame } from '../../../model/guest-message.ts';
import { runIdeal } from '../../../oracles/testing/ideal-kernel.ts';
import { packObservation } from '../../../harness/run/testing/pack.ts';
import { tableBytes } from '../../../harness/run/testing/table-bytes.ts';
import { decodeTableIndexes } from './table-indexes.ts';
import { facts, type Hooks, type RunCases, type RunTable, type StandIn } from './guest.ts';

export interface Lie extends Hooks {
  /** Instead of connecting. */
  start?(): void;
  /** What guests do that boot after one that had cases. Default: the same. */
  later?: Hooks;
  /** Only the first guest lies. Default: each does. */
  once?: true;
  /** Arguments of the command besides those that every lie is tried with. */
  argv?: readonly string[];
  /** Exit code of the run. */
  code: number;
  /** What the run must say. */
  says: RegExp;
  /** Whether any case may conform: those that were answered by a guest that did not lie about them. */
  conforms: 'all' | 'some' | 'none';
}

const GARBAGE = /the guest sent garbage/;
const bytesOf = (text: string): Buffer => Buffer.from(text);
const frame = (payload: Uint8Array): Buffer => {
  const head = Buffer.alloc(4);
  head.writeUInt32LE(payload.length);
  return Buffer.concat([head, payload]);
};
/** Says this in place of what an honest guest says to cases, or to the first of them. */
const lost = (cases: (guest: StandIn, message: RunCases) => void, says: RegExp = GARBAGE): Lie => ({
  cases,
  code: 3,
  says,
  conforms: 'none',
});
/** The same for the bytes of the results channel, once the first case has begun. */
const raw = (bytes: Buffer): Lie =>
  lost((guest, message) => {
    guest.begin(message);
    guest.port.write(bytes);
  });
/** An observation of the first case with something wrong in it. */
const wrong = (change: (packed: PackedObservation, testCase: Case) => PackedObservation): Lie =>
  lost((guest, { id, cases: [first] }) => {
    guest.say(...guest.answer(id, first!, (packed) => change(packed, first!.case)));
  });
/** What was not believed of a table runs again, case by case. */
const table = (
  results: (all: { index: number; case: Case; packed: PackedObservation }[], message: RunTable) => Buffer[],
): Lie => ({
  table: (guest, message) => {
    const packed = packObservation(message.like, runIdeal(message.like));
    const all = decodeTableIndexes(message.cases).map((index) => ({ index, case: message.like, packed }));
    guest.say({ kind: 'table-done', id: message.id, mount: packed.mount, results: results(all, message), events: [] });
  },
  code: 0,
  says: /CONFORMS/,
  conforms: 'all',
});
const changedBytes = (bytes: Buffer, change: (bytes: Buffer) => void): Buffer => {
  const copy = Buffer.from(bytes);
  change(copy);
  return copy;
};
const splat: KernelEvent = {
  kind: 'bug',
  title: 'BUG: KASAN: slab-use-after-free in fuse_iomap_begin',
  text: 'BUG: KASAN: slab-use-after-free in fuse_iomap_begin+0x1/0x2',
};
/** A guest that does not come to its first word. */
const noBoot = (
  boot: (guest: StandIn) => void,
  code: number,
  says: RegExp,
  conforms: Lie['conforms'] = 'none',
): Lie => ({ boot, code, says, conforms });

export const lies: Readonly<Record<string, Lie>> = {
  'tells the truth': { code: 0, says: /CONFORMS/, conforms: 'all' },

  'QEMU ends at once': {
    start: () => {
      process.exit(1);
    },
    code: 3,
    says: /the VM did not start/,
    conforms: 'none',
  },
  'QEMU ends at once, and says that all is well': {
    start: () => {
      process.exit(0);
    },
    code: 3,
    says: /the VM did not start/,
    conforms: 'none',
  },
  'ends before its first word': noBoot(
    (guest) => {
      guest.exit(0);
    },
    125,
    /the VM did not boot/,
  ),
  'panics while it boots': noBoot(
    (guest) => {
      guest.panic('VFS: Unable to mount root fs');
    },
    125,
    /the kernel panicked while it booted/,
  ),
  'says something else before hello': noBoot(
    (guest) => {
      guest.print('x\n');
      guest.say({ kind: 'cases-done', id: 1 });
    },
    3,
    /its first message is cases-done/,
  ),
  'speaks another protocol': noBoot(
    (guest) => {
      guest.print('x\n');
      guest.say({ kind: 'hello', protocol: 99, facts });
    },
    3,
    /speaks protocol 99/,
  ),
  'says hello without facts': noBoot(
    (guest) => {
      guest.print('x\n');
      guest.port.write(frame(Buffer.from([0, 1])));
    },
    3,
    GARBAGE,
  ),
  'says hello as v8.serialize writes it': noBoot(
    (guest) => {
      guest.print('x\n');
      guest.port.write(encodeFrame({ kind: 'hello', protocol: 1, facts } as never));
    },
    3,
    GARBAGE,
  ),
  'sends text in place of hello': noBoot(
    (guest) => {
      guest.print('x\n');
      guest.port.write('Linux version 7.3.4, and so on\n');
    },
    3,
    GARBAGE,
  ),
  'has a configuration of five megabytes': noBoot(
    (guest) => {
      guest.print('x\n');
      guest.port.write(
        encodeGuestFrame({ kind: 'hello', protocol: 1, facts: { ...facts, config: 'x'.repeat(5 << 20) } }),
      );
    },
    0,
    /CONFORMS/,
    'all',
  ),
  'has no FUSE': {
    boot: (guest) => {
      guest.hello({ fuse: false });
    },
    code: 125,
    says: /has no FUSE/,
    conforms: 'none',
  },
  'has a release that acts on terminals': {
    boot: (guest) => {
      guest.hello({ release: `7\u001b[2J\u001b]0;owned\u0007\n::error::${'9'.repeat(9000)}` });
    },
    code: 0,
    says: /CONFORMS/,
    conforms: 'all',
  },
  // Those that are cloned from a snapshot say hello no more.
  'says hello twice': {
    boot: (guest) => {
      guest.hello();
      guest.hello();
    },
    code: 0,
    says: /CONFORMS/,
    conforms: 'all',
  },
  'ends after hello': {
    boot: (guest) => {
      guest.hello();
      guest.exit(0);
    },
    code: 3,
    says: /the VM died/,
    conforms: 'none',
  },

  'says that it is done and ran nothing': lost((guest, { id }) => {
    guest.say({ kind: 'cases-done', id });
  }, /left \d+ of \d+ cases out/),
  'leaves the last case out': {
    cases: (guest, { id, cases }) => {
      guest.say(...cases.slice(0, -1).flatMap((one) => guest.answer(id, one)), { kind: 'cases-done', id });
    },
    code: 3,
    says: /left 1 of \d+ cases out/,
    conforms: 'some',
  },
  'leaves the last case out, once': {
    once: true,
    cases: (guest, { id, cases }) => {
      guest.say(...cases.slice(0, -1).flatMap((one) => guest.answer(id, one)), { kind: 'cases-done', id });
    },
    code: 0,
    says: /CONFORMS/,
    conforms: 'all',
  },
  'is done with another command': lost((guest, { id }) => {
    guest.say({ kind: 'cases-done', id: id + 1 });
  }),
  'answers another command': lost((guest, { id, cases: [one] }) => {
    guest.say(...guest.answer(id - 1, one!));
  }),
  'answers the next command before this one': lost((guest, { id, cases: [one] }) => {
    guest.begin({ kind: 'run-cases', id: id + 1, cases: [one!] });
  }),
  'answers a case that nobody knows': lost((guest, { id, cases: [one] }) => {
    guest.say(...guest.answer(id, { ...one!, index: 4711 }));
  }),
  'answers the largest index there is': lost((guest, { id, cases: [one] }) => {
    guest.say(...guest.answer(id, { ...one!, index: 0xffff_ffff }));
  }),
  'sends a negative index': raw(
    frame(Buffer.from([1, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01])),
  ),
  'answers a case that has not begun': lost((guest, { id, cases: [one] }) => {
    guest.say(guest.answer(id, one!)[1]!);
  }),
  'begins a case twice': lost((guest, message) => {
    guest.begin(message);
    guest.begin(message);
  }),
  'begins cases without end': lost((guest, { id, cases: [one] }) => {
    guest.endless('port', encodeGuestFrame({ kind: 'case-begins', id, index: one!.index }));
  }),
  'answers a case twice, once': {
    once: true,
    cases: (guest, { id, cases: [one] }) => {
      const said = guest.answer(id, one!);
      guest.say(...said, said[1]!);
    },
    code: 0,
    says: /CONFORMS/,
    conforms: 'all',
  },
  'fails each case': lost((guest, { id, cases }) => {
    guest.say(
      ...cases.flatMap(({ index }) =>
        guest.answer(id, cases[0]!).slice(0, 0).concat({ kind: 'case-failed', id, index, reason: 'no\u001b[31m' }),
      ),
      { kind: 'cases-done', id },
    );
  }, /could not execute the case/),
  'fails each command': lost((guest, { id }) => {
    guest.say({ kind: 'error', id, reason: 'no' });
  }, /no/),
  'answers with the output of a command': lost((guest, { id }) => {
    guest.say({ kind: 'output', id, stream: 'stdout', bytes: bytesOf('x') });
  }),
  'answers with output without end': lost((guest, { id }) => {
    guest.endless('port', encodeGuestFrame({ kind: 'output', id, stream: 'stdout', bytes: Buffer.alloc(1 << 20) }));
  }),
  'gives a table that nobody asked for': lost((guest, { id }) => {
    guest.say({ kind: 'table-done', id, mount: { errno: 0, devices: [] }, results: [], events: [] });
  }),

  'sends bytes that are no frame': raw(Buffer.alloc(4096, 0xee)),
  'sends noise without end': lost((guest, message) => {
    guest.begin(message);
    guest.endless('port', Buffer.alloc(1 << 16, 0x5a));
  }),
  'sends a frame of nothing': raw(frame(new Uint8Array())),
  'sends empty frames without end': lost((guest) => {
    guest.endless('port', Buffer.alloc(1 << 16));
  }),
  'sends a frame that claims four gigabytes': raw(Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3])),
  'sends a sparse array as v8.serialize writes it': raw(
    frame(serialize({ kind: 'case-done', id: 1, index: 0, observation: Object.assign([], { 4294967294: 1 }) })),
  ),
  'sends a kind that there is not': raw(frame(Buffer.from([200, 1, 2]))),
  'sends more than a message holds': lost((guest, message) => {
    guest.begin(message);
    guest.port.write(
      frame(Buffer.concat([encodeGuestFrame({ kind: 'cases-done', id: message.id }).subarray(4), Buffer.alloc(8)])),
    );
  }),
  'sends half a frame and ends': lost((guest, message) => {
    guest.begin(message);
    guest.port.write(encodeGuestFrame(guest.answer(message.id, message.cases[0]!)[1]!).subarray(0, 40));
    guest.exit(0);
  }, /the VM died/),

  'observes no steps': wrong((packed) => ({ ...packed, steps: [], stepBounds: [] })),
  'says that the requests of a case found no room': wrong((packed) => ({
    ...packed,
    transcript: Buffer.alloc(0),
    cut: { seq: 0, exchanges: 1, why: 'room' },
  })),
  'says that a case made too many requests': wrong((packed) => ({
    ...packed,
    cut: { seq: 0, exchanges: 1, why: 'count' },
  })),
  'says that a case waits for a thaw': wrong((packed) => ({
    ...packed,
    steps: [],
    stepBounds: [0],
    cut: { seq: 0, exchanges: 0, why: 'frozen' },
  })),
  'kept nothing of the bytes on a device': wrong((packed) => ({
    ...packed,
    deviceChanges: [{ device: 0, offsetBytes: 0n, content: [{ lengthBytes: 1 << 20, source: { kind: 'unknown' } }] }],
  })),
  'observes a step too many': wrong((packed) => ({
    ...packed,
    steps: [...packed.steps, packed.steps[0]!],
    stepBounds: [...packed.stepBounds, 0],
  })),
  'observes another number of requests than steps have': wrong((packed) => ({
    ...packed,
    stepBounds: packed.stepBounds.slice(1),
  })),
  'observes a return value that cannot be': wrong((packed) => ({
    ...packed,
    steps: packed.steps.map((step) => ({ ...step, ret: -5n, errno: 0 })),
  })),
  'observes files of another case': wrong((packed) => ({
    ...packed,
    nodeids: [...packed.nodeids, 9n],
    inodes: [...packed.inodes, 9n],
  })),
  'observes a change of a device that there is not': wrong((packed) => ({
    ...packed,
    deviceChanges: [{ device: 99, offsetBytes: 0n, content: [] }],
  })),
  'observes a transcript that is none': wrong((packed) => ({ ...packed, transcript: Buffer.alloc(64, 0xff) })),
  'observes a transcript that breaks off': wrong((packed) => ({
    ...packed,
    transcript:
      packed.transcript.length > 0 ? packed.transcript.subarray(0, packed.transcript.length - 1) : Buffer.alloc(3),
  })),
  'observes a million exchanges': wrong((packed) => ({
    ...packed,
    transcript: Buffer.alloc(16 << 20, Buffer.from([0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0])),
  })),

  'gives no results of a table': table(() => []),
  'gives results of cases that nobody knows': table((all) => [
    tableBytes(all.map((one) => ({ ...one, index: one.index + 1000 }))),
  ]),
  'gives one result twice': table((all) => [tableBytes([...all, all[0]!])]),
  'leaves a result of a table out': table((all) => [tableBytes(all.slice(1))]),
  'gives results that break off': table((all) => [tableBytes(all).subarray(0, 100)]),
  'gives results whose lengths go nowhere': table((all) => [
    changedBytes(tableBytes(all), (bytes) => {
      bytes.writeUInt32LE(0, 32);
    }),
  ]),
  'gives results with four billion steps': table((all) => [
    changedBytes(tableBytes(all), (bytes) => {
      bytes.writeUInt32LE(0xffff_ffff, 32 + 20);
    }),
  ]),
  'gives results whose log lies elsewhere': table((all) => [
    changedBytes(tableBytes(all), (bytes) => {
      bytes.writeBigUInt64LE(1n << 62n, 32 + 48);
    }),
  ]),
  'gives results without their steps': table((all) => [
    changedBytes(tableBytes(all), (bytes) => {
      bytes.writeUInt32LE(0, 32 + 20);
    }),
  ]),

  'panics in the first case': {
    cases: (guest, message) => {
      guest.begin(message);
      guest.panic('Fatal exception');
    },
    code: 1,
    says: /the kernel panicked/,
    conforms: 'none',
  },
  'panics in the first case, once': {
    once: true,
    cases: (guest, message) => {
      guest.begin(message);
      guest.panic('Fatal exception');
    },
    code: 1,
    says: /the kernel panicked: .*\(1 of 2 tries\)/s,
    conforms: 'some',
  },
  'panics in the first case, and again whenever it is restored': {
    cases: (guest, message) => {
      guest.begin(message);
      guest.panic('Fatal exception');
    },
    later: {
      ping: (guest) => {
        guest.panic('VFS: Unable to mount root fs');
      },
    },
    code: 3,
    says: /no further guest could be had, in 3 tries, after 1 that booted/,
    conforms: 'none',
  },
  'ends in the first case, and connects no more': {
    cases: (guest, message) => {
      guest.begin(message);
      guest.exit(0);
    },
    later: {
      ping: (guest) => {
        guest.exit(1);
      },
    },
    code: 3,
    says: /no further guest could be had, in 3 tries, after 1 that booted/,
    conforms: 'none',
  },
  'has a splat in a table that it refuses': {
    once: true,
    table: (guest, { id, cases }) => {
      const [index] = decodeTableIndexes(cases);
      guest.say({
        kind: 'table-refused',
        id,
        reason: 'a device was changed',
        events: [{ index: index!, events: [splat] }],
      });
    },
    code: 1,
    says: /BUG: KASAN: slab-use-after-free in fuse_iomap_begin .*did not show it again/s,
    conforms: 'all',
  },
  'has the splat of a case that it was not given in a table that it refuses': {
    table: (guest, { id }) => {
      guest.say({
        kind: 'table-refused',
        id,
        reason: 'a device was changed',
        events: [{ index: 4711, events: [splat] }],
      });
    },
    code: 0,
    says: /CONFORMS/,
    conforms: 'all',
  },
  'panics in a table, once': {
    once: true,
    table: (guest) => {
      guest.panic('Fatal exception');
    },
    code: 1,
    says: /the kernel panicked: .*none of which showed it again/s,
    conforms: 'all',
  },
  'panics between two cases, once': {
    once: true,
    cases: (guest, { id, cases: [one] }) => {
      guest.say(...guest.answer(id, one!));
      guest.panic('Fatal exception');
    },
    code: 1,
    says: /the kernel panicked: .*did not show it again/s,
    conforms: 'all',
  },
  'resets itself in the first case': {
    cases: (guest, message) => {
      guest.begin(message);
      guest.qmp.write('{"event": "SHUTDOWN", "data": {"reason": "guest-reset"}}\n');
      guest.exit(0);
    },
    code: 1,
    says: /reset itself/,
    conforms: 'none',
  },
  'ends in the first case': lost((guest, message) => {
    guest.begin(message);
    guest.exit(0);
  }, /the VM died/),
  'prints without end, and tells the truth': {
    boot: (guest) => {
      guest.print(`${'flood '.repeat(1 << 21)}\n`.repeat(4));
      guest.hello();
    },
    code: 0,
    says: /CONFORMS/,
    conforms: 'all',
  },

  'says what is not QMP': {
    greet: (guest) => {
      guest.qmp.write('no JSON\n');
    },
    code: 3,
    says: /control socket/,
    conforms: 'none',
  },
  'says what is not QMP to who makes a snapshot': {
    argv: ['--jobs', '2'],
    greet: (guest) => {
      guest.qmp.write('[1, 2\nnull\n');
    },
    code: 3,
    says: /not QMP|control socket/,
    conforms: 'none',
  },
  'closes the control socket': {
    argv: ['--jobs', '2'],
    greet: (guest) => {
      guest.qmp.end();
    },
    code: 3,
    says: /control socket/,
    conforms: 'none',
  },
  'refuses each command of the control socket': {
    argv: ['--jobs', '2'],
    control: (guest, { id }) => {
      guest.qmp.write(`${JSON.stringify({ id, error: { desc: 'no' } })}\n`);
    },
    code: 3,
    says: /no/,
    conforms: 'none',
  },
  'answers the first ping with something else': {
    argv: ['--jobs', '2'],
    ping: (guest) => {
      guest.say({ kind: 'cases-done', id: 0 });
    },
    code: 3,
    says: GARBAGE,
    conforms: 'none',
  },
};
