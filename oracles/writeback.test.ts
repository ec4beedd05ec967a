import { expect, test } from '@playwright/test';
import type { Case, Step } from '../model/case.ts';
import type { DeviceChange, Exchange, Observation, StepResult } from '../model/observation.ts';
import { attrOut } from '../uapi/fuse-structs.ts';
import { ioendOut, type IomapIo } from '../uapi/iomap.ts';
import { NULL_ADDR } from '../uapi/revision.ts';
import { judge } from './judge.ts';
import {
  beginExchange,
  device,
  endExchange,
  failed,
  INO,
  madeCase,
  mapped,
  observed,
  other,
  overwrite,
  poison,
  wire,
  writer,
  zeros,
  deviates,
} from './testing/hand-made.ts';

const WRITE = 1,
  FAULT = 8,
  WRITEBACK = 0x8000_0000,
  EIO = 5,
  EUCLEAN = 117;
const IOEND = { SHARED: 1, UNWRITTEN: 2, APPEND: 0x10, WRITEBACK: 0x20 };
const UNWRITTEN = 3,
  HOLE = 0,
  DELALLOC = 1,
  SHARED = 4,
  SIZE_CHANGED = 0x100;
const conforms = { kind: 'conforms' } as const;
type Made = Omit<Exchange, 'seq' | 'unique' | 'opcode' | 'nodeid'>;

const ioend = (
  flags: number,
  pos: bigint,
  written: bigint,
  more: { error?: number; newAddr?: bigint; dev?: number; reply?: number } = {},
): Made => ({
  name: 'IOMAP_IOEND',
  file: 0,
  writeErrno: 0,
  request: {
    flags,
    error: more.error ?? 0,
    attrIno: INO,
    pos,
    newAddr: more.newAddr ?? NULL_ADDR,
    written,
    dev: more.dev ?? 0,
    pad: 0,
  },
  reply: more.reply
    ? { error: -more.reply, payload: new Uint8Array() }
    : { error: 0, payload: ioendOut.encode({ newsize: 0n }) },
});
const setattr: Made = {
  name: 'SETATTR',
  file: 0,
  request: { valid: 0x430 },
  reply: { error: 0, payload: new Uint8Array(attrOut.size) },
  writeErrno: 0,
};
const fsyncRequest = other('FSYNC');
const ask = (pos: bigint, count: bigint, read: IomapIo, write = overwrite(read.offset, read.length)): Made =>
  beginExchange(WRITE, pos, count, read, write);
const askBack = (pos: bigint, count: bigint, read: IomapIo, write = overwrite(read.offset, read.length)): Made =>
  beginExchange(WRITEBACK, pos, count, read, write);
const synced = [setattr, fsyncRequest];
const ok: StepResult = { ret: 0n, errno: 0 };
const wrote = (bytes: bigint): StepResult => ({ ret: bytes, errno: 0 });

const writing = (
  more: Partial<Case> & { sizeBytes?: bigint; offset?: bigint; lengthBytes?: number } = {},
  behind: Step[] = [{ call: 'fsync', fd: 0 }],
): Case => {
  const { offset = 4096n, lengthBytes = 4096, ...rest } = more;
  return madeCase([], {
    workload: [
      { call: 'open', file: 0, flags: ['rdwr'] },
      { call: 'pwrite', fd: 0, offset, lengthBytes, writer: 0 },
      ...behind,
    ],
    ...rest,
  });
};
const seen = (
  testCase: Case,
  exchanges: Made[],
  results: StepResult[],
  changes: DeviceChange[] = [],
  more: Partial<Observation> = {},
) => judge(testCase, { ...observed({ exchanges, results, changes }), ...more });
const changed = (offsetBytes: bigint, ...content: DeviceChange['content']): DeviceChange[] => [
  { device: 0, offsetBytes, content },
];

test.describe('a buffered write and fsync', () => {
  const map = mapped(0n, 16384n, 65536n);
  const testCase = writing();
  const right = [ask(4096n, 4096n, map), askBack(4096n, 4096n, map), ...synced];
  const bytes = changed(69632n, writer(4096n, 4096));

  test('conforms when the data is at its place', () => {
    expect(seen(testCase, right, [wrote(4096n), ok], bytes)).toEqual(conforms);
  });
  test('deviates when the data is lost in silence, and when it is elsewhere', () => {
    expect(deviates(seen(testCase, right, [wrote(4096n), ok]))).toEqual(['device/bytes device-bytes']);
    expect(deviates(seen(testCase, right, [wrote(4096n), ok], changed(65536n, writer(4096n, 4096))))).toEqual([
      'device/bytes device-bytes',
    ]);
  });
  test('deviates when the kernel asked for no place, and conforms when it asked in portions', () => {
    expect(deviates(seen(testCase, [ask(4096n, 4096n, map), ...synced], [wrote(4096n), ok]))).toContain(
      'request/writeback request',
    );
    const blocks = writing({ lengthBytes: 8192 });
    const portions = [ask(4096n, 8192n, map), askBack(4096n, 4096n, map), askBack(8192n, 4096n, map), ...synced];
    expect(seen(blocks, portions, [wrote(8192n), ok], changed(69632n, writer(4096n, 8192)))).toEqual(conforms);
    // The first mapping reaches over the rest: the kernel need not ask again.
    expect(
      seen(
        blocks,
        [ask(4096n, 8192n, map), askBack(4096n, 4096n, map), ...synced],
        [wrote(8192n), ok],
        changed(69632n, writer(4096n, 8192)),
      ),
    ).toEqual(conforms);
    expect(
      deviates(
        seen(
          blocks,
          [ask(4096n, 8192n, map), askBack(4096n, 4096n, mapped(4096n, 4096n, 69632n)), ...synced],
          [wrote(8192n), ok],
          changed(69632n, writer(4096n, 4096)),
        ),
      ),
    ).toContain('request/writeback request');
  });
  test('may ask again where the half that is not written to ends, and for what is written by then it may not', () => {
    const blocks = writing({ lengthBytes: 8192 });
    const target = mapped(0n, 16384n, 65536n, 2),
      rest = mapped(0n, 16384n, 131072n);
    const answers = (source: IomapIo, second: Made) =>
      seen(
        blocks,
        [ask(4096n, 8192n, map), askBack(4096n, 8192n, source, target), second, ...synced],
        [wrote(8192n), ok],
        [
          { device: 0, offsetBytes: 139264n, content: [writer(8192n, 4096)] },
          { device: 1, offsetBytes: 69632n, content: [writer(4096n, 4096)] },
        ],
      );
    const again = askBack(8192n, 4096n, rest);
    expect(answers(wire(UNWRITTEN, 0n, 8192n, { addr: 0n, dev: 1 }), again)).toEqual(conforms);
    expect(deviates(answers(wire(UNWRITTEN, 0n, 16384n, { addr: 0n, dev: 1 }), again))).toContain(
      'request/fsync request',
    );
    expect(
      deviates(answers(wire(UNWRITTEN, 0n, 8192n, { addr: 0n, dev: 1 }), askBack(4096n, 8192n, rest))),
    ).not.toEqual(['conforms']);
  });
  test('deviates when writeback asks outside what is dirty', () => {
    const outside = (pos: bigint, count: bigint) =>
      deviates(
        seen(testCase, [ask(4096n, 4096n, map), askBack(pos, count, map), ...synced], [wrote(4096n), ok], bytes),
      );
    expect(outside(0n, 8192n)).toContain('request/writeback request');
    expect(outside(4096n, 8192n)).toContain('request/writeback request');
    expect(outside(4096n, 4096n)).toEqual(['conforms']);
  });
  test('lets writeback come before the fsync, but not after it', () => {
    const steps = (order: Made[], step: number[]) => {
      const observation = observed({ exchanges: order, results: [wrote(4096n), ok], changes: bytes });
      observation.transcript.forEach((exchange, index) => {
        exchange.step = step[index]!;
      });
      return judge(testCase, observation);
    };
    expect(steps(right, [1, 1, 2, 2])).toEqual(conforms);
    expect(steps(right, [1, 2, 2, 2])).toEqual(conforms);
    expect(deviates(steps([right[0]!, ...synced, right[1]!], [1, 2, 2, 3]))).toContain('request/writeback request');
  });
  test('deviates without FSYNC and without the times', () => {
    expect(deviates(seen(testCase, right.slice(0, 3), [wrote(4096n), ok], bytes))).toEqual(['request/fsync request']);
    expect(deviates(seen(testCase, [right[0]!, right[1]!, fsyncRequest], [wrote(4096n), ok], bytes))).toEqual([
      'request/times request',
    ]);
  });
});

test.describe('what a write leaves alone in its block', () => {
  const testCase = writing({ offset: 5000n, lengthBytes: 100 });
  const results = [wrote(100n), ok];
  const place = mapped(4096n, 4096n, 8192n);
  test('comes from the read half, and from nowhere else', () => {
    const asked = [ask(5000n, 100n, mapped(4096n, 4096n, 65536n, 2), place), askBack(4096n, 4096n, place), ...synced];
    const merged = (from: number) =>
      changed(8192n, device(from, 65536n, 904), writer(5000n, 100), device(from, 66540n, 3092));
    expect(seen(testCase, asked, results, merged(1))).toEqual(conforms);
    expect(deviates(seen(testCase, asked, results, merged(0)))).toEqual(['device/bytes device-bytes']);
  });
  test('is zeros over a hole', () => {
    const asked = [ask(5000n, 100n, wire(HOLE, 4096n, 4096n), place), askBack(4096n, 4096n, place), ...synced];
    expect(seen(testCase, asked, results, changed(8192n, zeros(904), writer(5000n, 100), zeros(3092)))).toEqual(
      conforms,
    );
    expect(deviates(seen(testCase, asked, results, changed(8192n + 904n, writer(5000n, 100))))).toEqual([
      'device/bytes device-bytes',
    ]);
  });
});

test.describe('IOEND of writeback', () => {
  const bytes = changed(69632n, writer(4096n, 4096));
  const unwritten = wire(UNWRITTEN, 0n, 16384n, { addr: 65536n, dev: 1 });
  const place = { newAddr: 69632n, dev: 1 };
  const plain = (map: IomapIo, ends: Made[], results = [wrote(4096n), ok]) =>
    seen(writing(), [ask(4096n, 4096n, map), askBack(4096n, 4096n, map), ...ends, ...synced], results, bytes);
  test('comes for UNWRITTEN with device and address, and must come', () => {
    expect(plain(unwritten, [ioend(IOEND.WRITEBACK | IOEND.UNWRITTEN, 4096n, 4096n, place)])).toEqual(conforms);
    expect(deviates(plain(unwritten, []))).toContain('request/writeback-ioend request');
    for (const wrong of [
      ioend(IOEND.WRITEBACK, 4096n, 4096n, place),
      ioend(IOEND.WRITEBACK | IOEND.UNWRITTEN, 4096n, 4096n),
      ioend(IOEND.WRITEBACK | IOEND.UNWRITTEN, 4096n, 8192n, place),
      ioend(IOEND.WRITEBACK | IOEND.UNWRITTEN, 4096n, 4096n, { ...place, newAddr: 65536n }),
      ioend(IOEND.WRITEBACK | IOEND.UNWRITTEN, 4096n, 4096n, { ...place, error: -EIO }),
    ]) {
      expect(deviates(plain(unwritten, [wrong]))).toContain('request/writeback-ioend request');
    }
  });
  test('does not come for a plain overwrite', () => {
    expect(deviates(plain(mapped(0n, 16384n, 65536n), [ioend(IOEND.WRITEBACK, 4096n, 4096n, place)]))).toEqual([
      'request/writeback-ioend request',
    ]);
  });
  test('may come for several ranges at once, and in parts', () => {
    const testCase = writing({ lengthBytes: 8192 });
    const both = (ends: Made[]) =>
      seen(
        testCase,
        [ask(4096n, 8192n, unwritten), askBack(4096n, 8192n, unwritten), ...ends, ...synced],
        [wrote(8192n), ok],
        changed(69632n, writer(4096n, 8192)),
      );
    const flags = IOEND.WRITEBACK | IOEND.UNWRITTEN;
    expect(both([ioend(flags, 4096n, 8192n, place)])).toEqual(conforms);
    expect(
      both([ioend(flags, 8192n, 4096n, { ...place, newAddr: 73728n }), ioend(flags, 4096n, 4096n, place)]),
    ).toEqual(conforms);
    expect(deviates(both([ioend(flags, 4096n, 4096n, place)]))).toContain('request/writeback-ioend request');
  });
  test('its errno is an error of the next fsync', () => {
    const refused = [ioend(IOEND.WRITEBACK | IOEND.UNWRITTEN, 4096n, 4096n, { ...place, reply: 28 })];
    const asked = [ask(4096n, 4096n, unwritten), askBack(4096n, 4096n, unwritten), ...refused];
    expect(seen(writing(), asked, [wrote(4096n), failed(28)], bytes)).toEqual(conforms);
    expect(deviates(seen(writing(), [...asked, ...synced], [wrote(4096n), ok], bytes))).toContain(
      'request/writeback-ioend errno',
    );
  });
  test('says APPEND when the file grew on the disk, and SHARED with the old blocks kept', () => {
    const grown = writing({ sizeBytes: 6000n });
    const map = mapped(0n, 16384n, 65536n);
    const ending = endExchange(WRITE, 4096n, 4096n, 4096n, { ...map, flags: SIZE_CHANGED });
    const grow = (ends: Made[], end = ending) =>
      seen(
        grown,
        [ask(4096n, 4096n, map), end, askBack(4096n, 4096n, map), ...ends, ...synced],
        [wrote(4096n), ok],
        bytes,
      );
    expect(grow([ioend(IOEND.WRITEBACK | IOEND.APPEND, 4096n, 4096n, place)])).toEqual(conforms);
    expect(deviates(grow([]))).toContain('request/writeback-ioend request');
    expect(
      deviates(
        grow(
          [ioend(IOEND.WRITEBACK | IOEND.APPEND, 4096n, 4096n, place)],
          endExchange(WRITE, 4096n, 4096n, 4096n, map),
        ),
      ),
    ).toEqual(['request/end request']);
    const [old, fresh] = [mapped(4096n, 4096n, 65536n), mapped(4096n, 4096n, 69632n, 1, SHARED)];
    const moved = (changes: DeviceChange[]) =>
      seen(
        writing(),
        [
          ask(4096n, 4096n, old, fresh),
          askBack(4096n, 4096n, old, fresh),
          ioend(IOEND.WRITEBACK | IOEND.SHARED, 4096n, 4096n, place),
          ...synced,
        ],
        [wrote(4096n), ok],
        changes,
      );
    expect(moved(bytes)).toEqual(conforms);
    expect(deviates(moved(changed(65536n, writer(4096n, 8192))))).toEqual(['device/bytes device-bytes']);
  });
});

test.describe('writeback that is refused, or has no place', () => {
  const map = mapped(0n, 16384n, 65536n);
  const told = (error: number) => ioend(0, 4096n, 0n, { error: -error });
  for (const [what, errno, answer] of [
    ['DELALLOC', EIO, askBack(4096n, 4096n, wire(DELALLOC, 0n, 16384n))],
    ['HOLE', EIO, askBack(4096n, 4096n, wire(HOLE, 0n, 16384n))],
    ['an errno', 28, { ...askBack(4096n, 4096n, map), reply: { error: -28, payload: new Uint8Array() } }],
  ] as const) {
    test(`by ${what}: fsync and IOEND say so`, () => {
      const exchanges = [ask(4096n, 4096n, map), answer, told(errno)];
      expect(seen(writing(), exchanges, [wrote(4096n), failed(errno)])).toEqual(conforms);
      expect(deviates(seen(writing(), [...exchanges, ...synced], [wrote(4096n), ok])).join()).toMatch(/errno/);
      expect(deviates(seen(writing(), exchanges.slice(0, 2), [wrote(4096n), failed(errno)]))).toContain(
        'request/writeback-ioend request',
      );
      expect(
        deviates(
          seen(
            writing(),
            [...exchanges.slice(0, 2), ioend(IOEND.WRITEBACK, 4096n, 0n, { error: -errno })],
            [wrote(4096n), failed(errno)],
          ),
        ),
      ).toContain('request/writeback-ioend request');
    });
  }
  test('is reported by one fsync, not by the next', () => {
    const testCase = writing({}, [
      { call: 'fsync', fd: 0 },
      { call: 'fsync', fd: 0 },
    ]);
    const exchanges = [ask(4096n, 4096n, map), askBack(4096n, 4096n, wire(DELALLOC, 0n, 16384n)), told(EIO), ...synced];
    expect(seen(testCase, exchanges, [wrote(4096n), failed(EIO), ok])).toEqual(conforms);
    expect(deviates(seen(testCase, exchanges, [wrote(4096n), failed(EIO), failed(EIO)]))).toEqual(['fsync errno']);
  });
  test('behind the end of the device the data is lost with EIO', () => {
    const beyond = mapped(0n, 16384n, 1n << 20n);
    const testCase = writing();
    const lost = ioend(IOEND.WRITEBACK, 4096n, 4096n, { error: -EIO, newAddr: (1n << 20n) + 4096n, dev: 1 });
    expect(
      seen(testCase, [ask(4096n, 4096n, map), askBack(4096n, 4096n, beyond), lost], [wrote(4096n), failed(EIO)]),
    ).toEqual(conforms);
    expect(
      deviates(seen(testCase, [ask(4096n, 4096n, map), askBack(4096n, 4096n, beyond), ...synced], [wrote(4096n), ok])),
    ).toEqual(['writeback/silent-loss errno']);
    expect(
      deviates(
        seen(testCase, [ask(4096n, 4096n, map), askBack(4096n, 4096n, beyond), ...synced], [wrote(4096n), failed(EIO)]),
      ),
    ).toEqual(['request/writeback-ioend request']);
  });
});

test.describe('shared mappings', () => {
  const map = mapped(0n, 16384n, 65536n);
  const mmapCase = (step: Step) => madeCase([], { workload: [{ call: 'open', file: 0, flags: ['rdwr'] }, step] });
  test('a page shows the bytes of its mapping, and is SIGBUS when that is refused', () => {
    const testCase = mmapCase({ call: 'mmapRead', fd: 0, offset: 4096n, lengthBytes: 4096 });
    const asked = [beginExchange(0, 4096n, 4096n, map, overwrite(0n, 16384n))];
    expect(seen(testCase, asked, [{ ret: 4096n, errno: 0, data: [device(0, 69632n, 4096)], tail: [] }])).toEqual(
      conforms,
    );
    expect(deviates(seen(testCase, asked, [{ ret: 4096n, errno: 0, data: [zeros(4096)], tail: [] }]))).toEqual([
      'type/mapped bytes-read',
    ]);
    const refused = [beginExchange(0, 4096n, 4096n, wire(DELALLOC, 0n, 0n), overwrite(0n, 16384n))];
    const event = {
      kind: 'bad-data' as const,
      func: 'fuse_iomap_check_mapping',
      condition: 'map->length == 0',
      line: 1,
    };
    expect(
      seen(testCase, refused, [{ ret: 0n, errno: 0, data: [], tail: [poison(4096)] }], [], { events: [event] }),
    ).toEqual(conforms);
    expect(
      deviates(
        seen(testCase, refused, [{ ret: 4096n, errno: 0, data: [zeros(4096)], tail: [] }], [], { events: [event] }),
      ),
    ).toEqual(['map/length-nonzero result']);
  });
  test('a write asks with WRITE and FAULT, and msync writes back', () => {
    const testCase = mmapCase({ call: 'mmapWrite', fd: 0, offset: 4096n, lengthBytes: 4096, writer: 0, msync: true });
    const read = beginExchange(0, 4096n, 4096n, map, overwrite(0n, 16384n));
    const fault = beginExchange(WRITE | FAULT, 4096n, 4096n, map, overwrite(0n, 16384n));
    const bytes = changed(69632n, writer(4096n, 4096));
    expect(seen(testCase, [read, fault, askBack(4096n, 4096n, map), ...synced], [wrote(4096n)], bytes)).toEqual(
      conforms,
    );
    // Data only, as mm/msync.c has it, or more; the times in any case.
    const asked = (fsyncFlags: number): Made => ({ ...fsyncRequest, request: { fsyncFlags, padding: 0 } });
    const written = [read, fault, askBack(4096n, 4096n, map)];
    expect(seen(testCase, [...written, setattr, asked(1)], [wrote(4096n)], bytes)).toEqual(conforms);
    expect(deviates(seen(testCase, [...written, setattr, asked(2)], [wrote(4096n)], bytes))).toEqual([
      'request/fsync request',
    ]);
    expect(deviates(seen(testCase, [...written, asked(1)], [wrote(4096n)], bytes))).toEqual(['request/times request']);
    expect(deviates(seen(testCase, [read, fault, ...synced], [wrote(4096n)]))).toContain('request/writeback request');
    expect(
      deviates(
        seen(
          testCase,
          [read, { ...fault, request: { ...fault.request, opflags: WRITE } }, askBack(4096n, 4096n, map), ...synced],
          [wrote(4096n)],
          bytes,
        ),
      ),
    ).toEqual(['request/begin request']);
    const refused = { ...fault, reply: { error: -EUCLEAN, payload: new Uint8Array() } };
    expect(seen(testCase, [read, refused, fsyncRequest], [wrote(0n)])).toEqual(conforms);
    expect(
      deviates(seen(testCase, [read, refused, askBack(4096n, 4096n, map), ...synced], [wrote(4096n)], bytes)).join(),
    ).toMatch(/request|result/);
  });
});

test.describe('times that the server does not want to hear of', () => {
  const map = mapped(0n, 16384n, 65536n);
  const close: Step[] = [{ call: 'close', fd: 0 }];
  const refused: Made = { ...setattr, reply: { error: -1, payload: new Uint8Array() } };
  const bytes = changed(69632n, writer(4096n, 4096));

  test('may fail close, or not', () => {
    const testCase = writing({ script: [{ on: 'SETATTR', file: 0, reply: { kind: 'error', errno: 1 } }] }, close);
    for (const result of [failed(1), ok])
      expect(
        seen(testCase, [ask(4096n, 4096n, map), askBack(4096n, 4096n, map), refused], [wrote(4096n), result], bytes),
      ).toEqual(conforms);
  });
  test('fail no close when they were taken', () => {
    expect(
      deviates(
        seen(
          writing({}, close),
          [ask(4096n, 4096n, map), askBack(4096n, 4096n, map), setattr],
          [wrote(4096n), failed(1)],
          bytes,
        ),
      ),
    ).toEqual(['close errno']);
  });
});

test.describe('times that the server does not want to hear of in a fsync', () => {
  const map = mapped(0n, 16384n, 65536n);
  const refused: Made = { ...setattr, reply: { error: -28, payload: new Uint8Array() }, step: 2 };
  const written = [ask(4096n, 4096n, map), askBack(4096n, 4096n, map)];
  const bytes = changed(69632n, writer(4096n, 4096));
  const testCase = writing({ script: [{ on: 'SETATTR', file: 0, reply: { kind: 'error', errno: 28 } }] });

  test('are its errno, whether the rest is made durable or not', () => {
    for (const rest of [[], [fsyncRequest]]) {
      expect(seen(testCase, [...written, refused, ...rest], [wrote(4096n), failed(28)], bytes)).toEqual(conforms);
      expect(deviates(seen(testCase, [...written, refused, ...rest], [wrote(4096n), ok], bytes))).toEqual([
        'request/times errno',
      ]);
      expect(deviates(seen(testCase, [...written, refused, ...rest], [wrote(4096n), failed(EIO)], bytes))).toEqual([
        'request/times errno',
      ]);
    }
    const short: Made = { ...refused, reply: { error: 0, payload: new Uint8Array(attrOut.size - 1) }, writeErrno: 22 };
    expect(seen(testCase, [...written, short], [wrote(4096n), failed(EIO)], bytes)).toEqual(conforms);
  });
  test('may be its errno when they were refused before it, and not when they were taken', () => {
    const earlier = { ...refused, step: 1 };
    for (const result of [failed(28), ok])
      expect(
        seen(testCase, [...written, earlier, ...(result === ok ? [fsyncRequest] : [])], [wrote(4096n), result], bytes),
      ).toEqual(conforms);
    expect(deviates(seen(testCase, [...written, ...synced], [wrote(4096n), failed(28)], bytes))).toEqual([
      'fsync errno',
    ]);
  });
});

test('times that the server refused to hear of in an earlier call may be told to each open file once', () => {
  const map = mapped(0n, 16384n, 65536n);
  const run = (...fds: number[]) =>
    deviates(
      judge(
        madeCase([], {
          workload: [
            { call: 'open', file: 0, flags: ['rdwr'] },
            { call: 'open', file: 0, flags: ['rdwr'] },
            { call: 'pwrite', fd: 0, offset: 4096n, lengthBytes: 4096, writer: 0 },
            ...fds.map((fd): Step => ({ call: 'fsync', fd })),
          ],
          script: [{ on: 'SETATTR', file: 0, reply: { kind: 'error', errno: 28 } }],
        }),
        observed({
          exchanges: [
            { ...ask(4096n, 4096n, map), step: 2 },
            { ...askBack(4096n, 4096n, map), step: 2 },
            { ...setattr, reply: { error: -28, payload: new Uint8Array() }, step: 2 },
          ],
          results: [ok, wrote(4096n), ...fds.map(() => failed(EIO))],
          changes: changed(69632n, writer(4096n, 4096)),
        }),
      ),
    );
  expect(run(1, 0)).toEqual(['conforms']);
  expect(run(1)).toEqual(['conforms']);
  expect(run(1, 1)).not.toEqual(['conforms']);
  expect(run(1, 0, 1)).not.toEqual(['conforms']);
});

test.describe('an error of writeback that no fsync has reported', () => {
  const map = mapped(0n, 16384n, 65536n);
  const lost = (step: number): Made[] => [
    { ...askBack(4096n, 4096n, map), reply: { error: -28, payload: new Uint8Array() }, step },
    { ...ioend(0, 4096n, 0n, { error: -28 }), step },
  ];
  const direct = (call: Step, more: Partial<Case> = {}): Case =>
    madeCase([], {
      workload: [
        { call: 'open', file: 0, flags: ['rdwr'] },
        { call: 'open', file: 0, flags: ['rdwr', 'direct'] },
        { call: 'pwrite', fd: 0, offset: 4096n, lengthBytes: 4096, writer: 0 },
        call,
      ],
      ...more,
    });
  const asks: Made = { ...ask(4096n, 4096n, map), step: 2 };

  test('may be that of a direct read, in whichever step it came, and there must be one', () => {
    const testCase = direct({ call: 'pread', fd: 1, offset: 4096n, lengthBytes: 4096 });
    for (const step of [2, 3])
      expect(seen(testCase, [asks, ...lost(step)], [ok, wrote(4096n), failed(28)])).toEqual(conforms);
    const wrote0 = [asks, { ...askBack(4096n, 4096n, map), step: 3 }];
    expect(
      deviates(seen(testCase, wrote0, [ok, wrote(4096n), failed(28)], changed(69632n, writer(4096n, 4096)))),
    ).toEqual(['request/begin request']);
  });
  test('may make a direct write go through the page cache, and nothing else may', () => {
    const testCase = direct({ call: 'pwrite', fd: 1, offset: 8192n, lengthBytes: 4096, writer: 1 });
    const through: Made[] = [
      { ...ask(8192n, 4096n, map), step: 3 },
      { ...askBack(8192n, 4096n, map), step: 3 },
    ];
    const bytes = changed(73728n, writer(8192n, 4096, 1));
    expect(seen(testCase, [asks, ...lost(2), ...through], [ok, wrote(4096n), wrote(4096n)], bytes)).toEqual(conforms);
    const untroubled = madeCase([{ call: 'pwrite', fd: 0, offset: 8192n, lengthBytes: 4096, writer: 1 }]);
    expect(
      deviates(
        seen(
          untroubled,
          through.map((one) => ({ ...one, step: 1 })),
          [wrote(4096n)],
          bytes,
        ),
      ),
    ).toContain('request/begin request');
  });
  test('may be that of a truncation that writes back first, and there must be one', () => {
    const testCase = writing({}, [{ call: 'ftruncate', fd: 0, sizeBytes: 8192n }]);
    expect(seen(testCase, [{ ...asks, step: 1 }, ...lost(2)], [wrote(4096n), failed(28)])).toEqual(conforms);
    expect(deviates(seen(testCase, [{ ...asks, step: 1 }], [wrote(4096n), failed(28)])).join()).toMatch(
      /errno|request/,
    );
  });
});

test('what was dirty when the page cache was to be emptied may stay there, and what was clean is read anew', () => {
  const map = mapped(0n, 16384n, 65536n);
  const forget: Step = { call: 'fadvise', fd: 0, offset: 0n, lengthBytes: 0, advice: 'dontneed' };
  const read: Step = { call: 'pread', fd: 0, offset: 4096n, lengthBytes: 4096 };
  const back = { ...askBack(4096n, 4096n, map), step: 2 };
  const bytes = changed(69632n, writer(4096n, 4096));
  const kept: StepResult = { ret: 4096n, errno: 0, data: [writer(4096n, 4096)], tail: [] };
  expect(
    seen(writing({}, [forget, read]), [{ ...ask(4096n, 4096n, map), step: 1 }, back], [wrote(4096n), ok, kept], bytes),
  ).toEqual(conforms);
  const clean = writing({}, [{ call: 'fsync', fd: 0 }, forget, read]);
  const flushed = [{ ...ask(4096n, 4096n, map), step: 1 }, back, ...synced];
  expect(deviates(seen(clean, flushed, [wrote(4096n), ok, ok, kept], bytes))).toEqual(['read/result request']);
  expect(
    seen(
      clean,
      [...flushed, { ...beginExchange(0, 4096n, 4096n, map, overwrite(0n, 16384n)), step: 4 }],
      [wrote(4096n), ok, ok, kept],
      bytes,
    ),
  ).toEqual(conforms);
});

test('an answer to FSYNC of the wrong size is EIO', () => {
  const map = mapped(0n, 16384n, 65536n);
  const requests = [
    ask(4096n, 4096n, map),
    askBack(4096n, 4096n, map),
    setattr,
    { ...fsyncRequest, reply: { error: 0, payload: new Uint8Array(1) } },
  ];
  const bytes = changed(69632n, writer(4096n, 4096));
  expect(seen(writing(), requests, [wrote(4096n), failed(EIO)], bytes)).toEqual(conforms);
  expect(deviates(seen(writing(), requests, [wrote(4096n), ok], bytes))).toEqual(['request/fsync errno']);
});
