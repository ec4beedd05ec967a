import { expect, test } from '@playwright/test';
import type { Case, ScriptLine, Step } from '../../model/case.ts';
import type { MappingSpec } from '../../model/mapping.ts';
import type { Notification } from '../../model/notification.ts';
import type { DeviceChange, Exchange, KernelEvent, StepResult } from '../../model/observation.ts';
import { attrOut, writeOut } from '../../uapi/fuse-structs.ts';
import { NULL_ADDR } from '../../uapi/revision.ts';
import { judge } from '../judge.ts';
import {
  beginExchange,
  device,
  endExchange,
  madeCase,
  mapped,
  observed,
  other,
  overwrite,
  wire,
  writer,
} from '../testing/hand-made.ts';

const WRITE = 1,
  DIRECT = 0x10,
  WRITEBACK = 0x8000_0000,
  EUCLEAN = 117,
  RETRY_CACHE = 254;
type Made = Omit<Exchange, 'seq' | 'unique' | 'opcode' | 'nodeid'>;

const spec = (of: Partial<MappingSpec>): MappingSpec => ({
  type: 'MAPPED',
  flags: [],
  dev: { device: 1 },
  addr: 0x4000n,
  offset: 4096n,
  length: 8192n,
  ...of,
});
const upsert = (read: Partial<MappingSpec> = {}): Notification => ({
  kind: 'upsert',
  node: { file: 0 },
  read: spec(read),
  write: spec({ type: 'PURE_OVERWRITE', dev: 0, addr: NULL_ADDR }),
});
const inval: Notification = {
  kind: 'inval',
  node: { file: 0 },
  read: { offset: 4096n, length: 4096n },
  write: { offset: 0n, length: 0n },
};
const line = (before: Notification[]): ScriptLine => ({
  on: 'IOMAP_BEGIN',
  times: 1,
  before,
  reply: { kind: 'empty' },
});
const held = (exchange: Made, ...errnos: number[]): Made => ({ ...exchange, notified: { line: 0, errnos } });

const server = mapped(0n, 16384n, 0x10000n);
const asked = (opflags: number, pos: bigint, count: bigint, read = server): Made =>
  beginExchange(opflags, pos, count, read, overwrite(read.offset, read.length));
const abandoned = endExchange(WRITE, 4096n, 4096n, 0n, { ...server, flags: 0x200 });
const synced: Made[] = [
  {
    name: 'SETATTR',
    file: 0,
    request: { valid: 0x430 },
    reply: { error: 0, payload: new Uint8Array(attrOut.size) },
    writeErrno: 0,
  },
  other('FSYNC'),
];
const ok: StepResult = { ret: 0n, errno: 0 };
const wrote: StepResult = { ret: 4096n, errno: 0 };
const on = (number: number, offsetBytes: bigint): DeviceChange[] => [
  { device: number, offsetBytes, content: [writer(4096n, 4096)] },
];
const kindOf = (
  testCase: Case,
  exchanges: Made[],
  results: StepResult[],
  changes: DeviceChange[] = [],
  events: KernelEvent[] = [],
) => judge(testCase, observed({ exchanges, results, changes, events })).kind;

const buffered = (before: Notification[]): Case =>
  madeCase([], {
    script: [line(before)],
    workload: [
      { call: 'open', file: 0, flags: ['rdwr'] },
      { call: 'pwrite', fd: 0, offset: 4096n, lengthBytes: 4096, writer: 0 },
      { call: 'fsync', fd: 0 },
    ],
  });

test.describe('a buffered write whose mapping was asked for while mappings changed', () => {
  test('starts over or uses the answer as it came; what is cached now serves its writeback', () => {
    const testCase = buffered([upsert()]);
    const first = held(asked(WRITE, 4096n, 4096n), 0);
    expect(kindOf(testCase, [first, abandoned, ...synced], [wrote, ok], on(1, 0x4000n))).toBe('conforms');
    expect(kindOf(testCase, [first, ...synced], [wrote, ok], on(1, 0x4000n))).toBe('conforms');
    // The bytes at the place of before, or an END that says nothing of starting over.
    expect(kindOf(testCase, [first, abandoned, ...synced], [wrote, ok], on(0, 0x11000n))).toBe('deviates');
    expect(kindOf(testCase, [first, ...synced], [wrote, ok], on(0, 0x11000n))).toBe('deviates');
    expect(kindOf(testCase, [first, abandoned, abandoned, ...synced], [wrote, ok], on(1, 0x4000n))).toBe('deviates');
  });
  test('asks the server again where nothing is cached, or uses the answer as it came', () => {
    const testCase = buffered([upsert(), inval]);
    const first = held(asked(WRITE, 4096n, 4096n), 0, 0);
    const again = [asked(WRITE, 4096n, 4096n), asked(WRITEBACK, 4096n, 4096n), ...synced];
    expect(kindOf(testCase, [first, abandoned, ...again], [wrote, ok], on(0, 0x11000n))).toBe('conforms');
    expect(kindOf(testCase, [first, ...again.slice(1)], [wrote, ok], on(0, 0x11000n))).toBe('conforms');
    expect(kindOf(testCase, [first, ...again], [wrote, ok], on(0, 0x11000n))).toBe('deviates');
  });
  test('starts over when it came from the cache', () => {
    // Inline data is asked for while the mapping that was cached is taken back.
    const read: Made = {
      name: 'READ',
      file: 0,
      request: { offset: 0n, size: 4096 },
      reply: { error: 0, payload: new Uint8Array(4096) },
      writeErrno: 0,
    };
    const sent: Made = {
      name: 'WRITE',
      file: 0,
      request: { offset: 0n, size: 4096, data: [writer(0n, 4096)] },
      reply: { error: 0, payload: writeOut.encode({ size: 4096 }) },
      writeErrno: 0,
    };
    const none = { dev: 0, addr: NULL_ADDR, offset: 0n, length: 4096n } as const;
    const pushed: Notification = {
      kind: 'upsert',
      node: { file: 0 },
      read: spec({ ...none, type: 'INLINE' }),
      write: spec({ ...none, type: 'PURE_OVERWRITE' }),
    };
    const takenBack: Notification = {
      kind: 'inval',
      node: { file: 0 },
      read: { offset: 0n, length: 4096n },
      write: { offset: 0n, length: 0n },
    };
    const testCase = madeCase([], {
      sizeBytes: 4096n,
      script: [{ on: 'READ', times: 1, before: [takenBack], reply: { kind: 'empty' } }],
      workload: [
        { call: 'open', file: 0, flags: ['rdwr'] },
        { call: 'notify', notification: pushed },
        { call: 'pwrite', fd: 0, offset: 0n, lengthBytes: 4096, writer: 0 },
      ],
    });
    const results = [{ ret: 96n, errno: 0 }, wrote];
    const inlineNow = asked(WRITE, 0n, 4096n, wire(4, 0n, 4096n));
    expect(kindOf(testCase, [held(read, 0), inlineNow, read, sent], results)).toBe('conforms');
    expect(kindOf(testCase, [held(read, 0), sent], results)).toBe('deviates');
  });
  test('goes on when what was sent is refused and changes nothing', () => {
    const testCase = buffered([upsert({ length: 0n })]);
    const first = held(asked(WRITE, 4096n, 4096n), EUCLEAN);
    const rest = [asked(WRITEBACK, 4096n, 4096n), ...synced];
    const report: KernelEvent = {
      kind: 'bad-data',
      func: 'fuse_iomap_check_mapping',
      line: 1,
      condition: 'map->length == 0',
    };
    expect(kindOf(testCase, [first, ...rest], [wrote, ok], on(0, 0x11000n), [report])).toBe('conforms');
    expect(
      kindOf(testCase, [first, abandoned, asked(WRITE, 4096n, 4096n), ...rest], [wrote, ok], on(0, 0x11000n), [report]),
    ).toBe('deviates');
    expect(kindOf(testCase, [first, ...rest], [wrote, ok], on(0, 0x11000n))).toBe('deviates');
    expect(
      kindOf(testCase, [held(asked(WRITE, 4096n, 4096n), 0), ...rest], [wrote, ok], on(0, 0x11000n), [report]),
    ).toBe('deviates');
  });
});

test('writeback uses the answer as it came for all that it reaches, or asks again for the next range', () => {
  const testCase: Case = {
    ...buffered([upsert({ offset: 12288n, length: 4096n })]),
    workload: [
      { call: 'open', file: 0, flags: ['rdwr'] },
      { call: 'pwrite', fd: 0, offset: 0n, lengthBytes: 8192, writer: 0 },
      { call: 'fsync', fd: 0 },
    ],
  };
  testCase.script[0]!.opflagsSet = WRITEBACK;
  const both: StepResult = { ret: 8192n, errno: 0 };
  const bytes: DeviceChange[] = [{ device: 0, offsetBytes: 0x10000n, content: [writer(0n, 8192)] }];
  const first = [asked(WRITE, 0n, 8192n), held(asked(WRITEBACK, 0n, 4096n), 0)];
  expect(kindOf(testCase, [...first, asked(WRITEBACK, 4096n, 4096n), ...synced], [both, ok], bytes)).toBe('conforms');
  expect(kindOf(testCase, [...first, ...synced], [both, ok], bytes)).toBe('conforms');
  // What it did not write, wrote elsewhere, or has no mapping for.
  expect(kindOf(testCase, [...first, ...synced], [both, ok], [{ ...bytes[0]!, content: [writer(0n, 4096)] }])).toBe(
    'deviates',
  );
  expect(kindOf(testCase, [...first, ...synced], [both, ok], [{ ...bytes[0]!, device: 1 }])).toBe('deviates');
  const short = [asked(WRITE, 0n, 8192n), held(asked(WRITEBACK, 0n, 4096n, mapped(0n, 4096n, 0x10000n)), 0)];
  expect(kindOf(testCase, [...short, asked(WRITEBACK, 4096n, 4096n), ...synced], [both, ok], bytes)).toBe('conforms');
  expect(kindOf(testCase, [...short, ...synced], [both, ok], bytes)).toBe('deviates');
});

test('writeback does not go by a mapping that left the cache', () => {
  const pushed: Step = { call: 'notify', notification: upsert({ offset: 0n, length: 8192n }) };
  const takenBack: Step = {
    call: 'notify',
    notification: { ...inval, read: { offset: 0n, length: 8192n } } as Notification,
  };
  const testCase: Case = {
    ...buffered([]),
    script: [],
    workload: [
      { call: 'open', file: 0, flags: ['rdwr'] },
      pushed,
      { call: 'pwrite', fd: 0, offset: 0n, lengthBytes: 8192, writer: 0 },
      takenBack,
      { call: 'pwrite', fd: 0, offset: 0n, lengthBytes: 8192, writer: 1 },
      { call: 'fsync', fd: 0 },
    ],
  };
  const results: StepResult[] = [
    { ret: 96n, errno: 0 },
    { ret: 8192n, errno: 0 },
    { ret: 64n, errno: 0 },
    { ret: 8192n, errno: 0 },
    ok,
  ];
  const again = [asked(WRITE, 0n, 8192n), asked(WRITEBACK, 0n, 8192n)];
  const on = (number: number, offsetBytes: bigint): DeviceChange[] => [
    { device: number, offsetBytes, content: [writer(0n, 8192, 1)] },
  ];
  expect(kindOf(testCase, [...again, ...synced], results, on(0, 0x10000n))).toBe('conforms');
  expect(kindOf(testCase, [again[0]!, ...synced], results, on(1, 0x4000n))).toBe('deviates');
});

test.describe('RETRY_CACHE', () => {
  const read: Step = { call: 'pread', fd: 0, offset: 4096n, lengthBytes: 4096 };
  const instruction = (before: Notification[], errnos: number[]) => ({
    of: madeCase([read], { script: [line(before)] }),
    first: held(beginExchange(DIRECT, 4096n, 4096n, wire(RETRY_CACHE, 0n, 16384n), overwrite(0n, 16384n)), ...errnos),
  });
  const got = (number: number, offset: bigint): StepResult => ({
    ret: 4096n,
    errno: 0,
    data: [device(number, offset, 4096)],
    tail: [],
  });

  test('is served by what was pushed while the request waited', () => {
    const { of: testCase, first } = instruction([upsert()], [0]);
    expect(kindOf(testCase, [first], [got(1, 0x4000n)])).toBe('conforms');
    expect(kindOf(testCase, [first, asked(DIRECT, 4096n, 4096n)], [got(0, 0x11000n)])).toBe('deviates');
    expect(kindOf(testCase, [first], [got(0, 0x11000n)])).toBe('deviates');
  });
  test('asks again where nothing was', () => {
    const { of: testCase, first } = instruction([upsert({ offset: 8192n, length: 4096n })], [0]);
    expect(kindOf(testCase, [first, asked(DIRECT, 4096n, 4096n)], [got(0, 0x11000n)])).toBe('conforms');
    expect(kindOf(testCase, [first], [got(1, 0x4000n)])).toBe('deviates');
  });
});

test.describe('RETRY_CACHE with a signal pending', () => {
  const EINTR = 4;
  const read: Step = { call: 'pread', fd: 0, offset: 4096n, lengthBytes: 4096 };
  const signalled = (before: Notification[], retry = true) => ({
    of: madeCase([read], { script: [{ ...line(before), signal: true }] }),
    first: held(
      beginExchange(DIRECT, 4096n, 4096n, retry ? wire(RETRY_CACHE, 0n, 16384n) : server, overwrite(0n, 16384n)),
      ...before.map(() => 0),
    ),
  });
  const interrupted: StepResult = { ret: -1n, errno: EINTR };
  const got: StepResult = { ret: 4096n, errno: 0, data: [device(0, 0x11000n, 4096)], tail: [] };

  test('ends with EINTR where the server would be asked again', () => {
    const { of: testCase, first } = signalled([upsert({ offset: 8192n, length: 4096n })]);
    expect(kindOf(testCase, [first], [interrupted])).toBe('conforms');
    expect(kindOf(testCase, [first, asked(DIRECT, 4096n, 4096n)], [got])).toBe('deviates');
    expect(kindOf(testCase, [first], [{ ret: -1n, errno: 5 }])).toBe('deviates');
  });
  test('and nothing else does', () => {
    const { of: testCase, first } = signalled([upsert()], false);
    expect(kindOf(testCase, [first], [got])).toBe('conforms');
    expect(kindOf(testCase, [first], [interrupted])).toBe('deviates');
  });
});

test('a direct write goes on with the answer, whatever changed meanwhile', () => {
  const testCase = madeCase([{ call: 'pwrite', fd: 0, offset: 4096n, lengthBytes: 4096, writer: 0 }], {
    script: [line([upsert()])],
  });
  const first = held(asked(WRITE | DIRECT, 4096n, 4096n), 0);
  expect(kindOf(testCase, [first], [wrote], on(0, 0x11000n))).toBe('conforms');
  expect(kindOf(testCase, [first], [wrote], on(1, 0x4000n))).toBe('deviates');
  expect(
    kindOf(testCase, [first, endExchange(WRITE | DIRECT, 4096n, 4096n, 0n, server)], [wrote], on(1, 0x4000n)),
  ).toBe('deviates');
});

test('what is sent while nobody can say what waits is no matter of the rules', () => {
  const testCase = madeCase([], { script: [{ on: 'GETATTR', before: [upsert()], reply: { kind: 'empty' } }] });
  expect(judge(testCase, observed({}))).toMatchObject({ kind: 'unspecified' });
});
