import { expect, test } from '@playwright/test';
import type { Case, Step } from '../../model/case.ts';
import type { ByteRun } from '../../model/bytes.ts';
import type { Exchange, Observation, StepResult } from '../../model/observation.ts';
import { RWF } from '../../model/syscall-flags.ts';
import type { Verdict } from '../../model/verdict.ts';
import type { RevisionId } from '../../uapi/revision.ts';
import { judge } from '../judge.ts';
import {
  beginExchange,
  device,
  failed,
  INO,
  madeCase,
  mapped,
  observed,
  opened,
  other,
  overwrite,
  wire,
  writer,
  zeros,
} from '../testing/hand-made.ts';

type Made = Omit<Exchange, 'seq' | 'unique' | 'opcode' | 'nodeid'>;
const EPERM = 1,
  EAGAIN = 11,
  EACCES = 13,
  ENOSPC = 28,
  EOPNOTSUPP = 95;
const DIRECT_READ = 0x10,
  DIRECT_WRITE = 0x11,
  WRITE = 1,
  WRITEBACK = 0x8000_0000,
  REPORT = 4,
  NOWAIT = 0x20;
const PAGE = 4096;
const whole = mapped(0n, 16384n, 0x20000n);
const unwritten = wire(3, 0n, 16384n, { addr: 0x20000n, dev: 1 });
const begin = (opflags: number, pos: bigint, count: bigint, read = whole): Made =>
  beginExchange(opflags, pos, count, read, overwrite(0n, 16384n));
const fsynced = (fsyncFlags: number, error = 0): Made => ({
  name: 'FSYNC',
  file: 0,
  request: { fsyncFlags, padding: 0 },
  reply: { error: -error, payload: new Uint8Array() },
  writeErrno: 0,
});
const ok = (ret: number, data?: ByteRun[]): StepResult => ({
  ret: BigInt(ret),
  errno: 0,
  ...(data && { data, tail: [] }),
});
const changed = (offsetBytes: bigint, ...content: ByteRun[]): Observation['deviceChanges'] => [
  { device: 0, offsetBytes, content },
];

interface Seen {
  exchanges?: Made[];
  results: StepResult[];
  changes?: Observation['deviceChanges'];
}
const inFile = (flags: Extract<Step, { call: 'open' }>['flags'], ...steps: Step[]): Case =>
  madeCase([], { workload: [{ call: 'open', file: 0, flags }, ...steps] });
const verdict = (testCase: Case, seen: Seen): Verdict => judge(testCase, observed(seen));
const rules = (testCase: Case, seen: Seen): string[] => {
  const made = verdict(testCase, seen);
  return made.kind === 'deviates' ? [...new Set(made.deviations.map(({ rule }) => rule))] : [made.kind];
};
const conforms = { kind: 'conforms' };
const read = (offset: bigint, lengthBytes: number, rwf = 0, fd = 0): Step => ({
  call: 'pread',
  fd,
  offset,
  lengthBytes,
  ...(rwf && { rwf }),
});
const write = (offset: bigint, lengthBytes: number, rwf = 0, fd = 0): Step => ({
  call: 'pwrite',
  fd,
  offset,
  lengthBytes,
  writer: 0,
  ...(rwf && { rwf }),
});

test.describe('RWF_NOWAIT without a cached mapping', () => {
  const direct = (revision: RevisionId = 'r3') => ({
    ...inFile(['rdwr', 'direct'], read(0n, PAGE, RWF.NOWAIT)),
    revision,
  });
  const asked = {
    exchanges: [begin(DIRECT_READ | NOWAIT, 0n, 4096n)],
    results: [ok(PAGE, [device(0, 0x20000n, PAGE)])],
  };

  test('is EAGAIN for a direct read, and nothing is asked', () => {
    expect(verdict(direct(), { results: [failed(EAGAIN)] })).toEqual(conforms);
    expect(rules(direct(), asked)).not.toEqual(['conforms']);
  });
  test('is asked of the server in revision r2', () => {
    expect(verdict(direct('r2'), asked)).toEqual(conforms);
    expect(rules(direct('r2'), { results: [failed(EAGAIN)] })).not.toEqual(['conforms']);
  });
  test('is EAGAIN for a buffered read, unless the page cache has the data', () => {
    const cold = inFile(['rdwr'], read(0n, PAGE, RWF.NOWAIT));
    expect(verdict(cold, { results: [failed(EAGAIN)] })).toEqual(conforms);
    expect(rules(cold, { results: [ok(PAGE, [device(0, 0x20000n, PAGE)])] })).toEqual(['flags/nowait']);
    const warm = inFile(['rdwr'], read(0n, PAGE), read(0n, PAGE, RWF.NOWAIT));
    const first = ok(PAGE, [device(0, 0x20000n, PAGE)]);
    for (const second of [first, failed(EAGAIN)])
      expect(verdict(warm, { exchanges: [begin(0, 0n, 4096n)], results: [first, second] })).toEqual(conforms);
    expect(rules(warm, { exchanges: [begin(0, 0n, 4096n)], results: [first, ok(PAGE, [zeros(PAGE)])] })).toEqual([
      'flags/nowait',
    ]);
  });
  test('is EAGAIN for writes', () => {
    const testCase = inFile(['rdwr'], write(0n, 100, RWF.NOWAIT));
    expect(verdict(testCase, { results: [failed(EAGAIN)] })).toEqual(conforms);
    expect(rules(testCase, { exchanges: [begin(WRITE, 0n, 100n)], results: [ok(100)] })).not.toEqual(['conforms']);
  });
});

test.describe('flags that are refused', () => {
  for (const [name, rwf] of [
    ['RWF_DONTCACHE', RWF.DONTCACHE],
    ['RWF_ATOMIC', RWF.ATOMIC],
  ] as const) {
    test(`${name} is EOPNOTSUPP for buffered writes, and nothing is asked`, () => {
      const testCase = inFile(['rdwr'], write(0n, PAGE, rwf));
      expect(verdict(testCase, { results: [failed(EOPNOTSUPP)] })).toEqual(conforms);
      expect(rules(testCase, { exchanges: [begin(WRITE, 0n, 4096n)], results: [failed(EOPNOTSUPP)] })).toEqual([
        'request/none',
      ]);
    });
  }
  test('RWF_HIPRI is not', () => {
    const testCase = inFile(['rdwr', 'direct'], read(0n, PAGE, RWF.HIPRI));
    expect(
      verdict(testCase, {
        exchanges: [begin(DIRECT_READ, 0n, 4096n)],
        results: [ok(PAGE, [device(0, 0x20000n, PAGE)])],
      }),
    ).toEqual(conforms);
    expect(rules(testCase, { results: [failed(EOPNOTSUPP)] })).not.toEqual(['conforms']);
  });
});

test.describe('a durable buffered write', () => {
  const of = (rwf: number) => inFile(['rdwr'], write(0n, PAGE, rwf));
  const back = [begin(WRITE, 0n, 4096n), begin(WRITEBACK, 0n, 4096n)];
  const changes = changed(0x20000n, writer(0n, PAGE));
  // O_SYNC reports times, too.
  const times: Made = { ...other('SETATTR'), file: 0, request: { valid: 0x430 } };

  test('is written back and followed by FSYNC', () => {
    expect(verdict(of(RWF.DSYNC), { exchanges: [...back, fsynced(1)], results: [ok(PAGE)], changes })).toEqual(
      conforms,
    );
    expect(rules(of(RWF.DSYNC), { exchanges: back, results: [ok(PAGE)], changes })).toEqual(['request/fsync']);
    expect(rules(of(RWF.DSYNC), { exchanges: [back[0]!, fsynced(1)], results: [ok(PAGE)] })).toEqual([
      'request/writeback',
    ]);
  });
  test('asks for all of the state by RWF_SYNC, and only then', () => {
    expect(verdict(of(RWF.SYNC), { exchanges: [...back, times, fsynced(0)], results: [ok(PAGE)], changes })).toEqual(
      conforms,
    );
    expect(rules(of(RWF.SYNC), { exchanges: [...back, times, fsynced(1)], results: [ok(PAGE)], changes })).toEqual([
      'request/fsync',
    ]);
  });
  test("fails with FSYNC's errno", () => {
    const exchanges = [...back, fsynced(1, ENOSPC)];
    expect(verdict(of(RWF.DSYNC), { exchanges, results: [failed(ENOSPC)], changes })).toEqual(conforms);
    expect(rules(of(RWF.DSYNC), { exchanges, results: [ok(PAGE)], changes })).toEqual(['request/fsync']);
  });
});

test.describe('a durable direct write', () => {
  const testCase = inFile(['rdwr', 'direct', 'dsync'], write(0n, PAGE));
  const changes = changed(0x20000n, writer(0n, PAGE));
  const written = (read = whole) => begin(DIRECT_WRITE, 0n, 4096n, read);
  const converted: Made = {
    name: 'IOMAP_IOEND',
    file: 0,
    request: { flags: 10, error: 0, attrIno: INO, pos: 0n, newAddr: (1n << 64n) - 1n, written: 4096n, dev: 0, pad: 0 },
    reply: { error: 0, payload: new Uint8Array(8) },
    writeErrno: 0,
  };

  test('need not ask the server when only data has changed', () => {
    expect(verdict(testCase, { exchanges: [written()], results: [ok(PAGE)], changes })).toEqual(conforms);
    expect(verdict(testCase, { exchanges: [written(), fsynced(1)], results: [ok(PAGE)], changes })).toEqual(conforms);
  });
  test('asks it when blocks were converted', () => {
    expect(
      verdict(testCase, { exchanges: [written(unwritten), converted, fsynced(1)], results: [ok(PAGE)], changes }),
    ).toEqual(conforms);
    expect(rules(testCase, { exchanges: [written(unwritten), converted], results: [ok(PAGE)], changes })).toEqual([
      'request/fsync',
    ]);
  });
});

test('an appending write goes to EOF, wherever it was to go', () => {
  const testCase = madeCase([], {
    sizeBytes: 8192n,
    workload: [
      { call: 'open', file: 0, flags: ['rdwr', 'direct', 'append'] },
      write(0n, PAGE),
      { call: 'fstat', fd: 0 },
    ],
  });
  const ioend: Made = {
    name: 'IOMAP_IOEND',
    file: 0,
    request: {
      flags: 0x18,
      error: 0,
      attrIno: INO,
      pos: 8192n,
      newAddr: (1n << 64n) - 1n,
      written: 4096n,
      dev: 0,
      pad: 0,
    },
    reply: { error: 0, payload: new Uint8Array(8) },
    writeErrno: 0,
  };
  const sized = (sizeBytes: bigint): StepResult => ({ ret: 0n, errno: 0, sizeBytes });
  // The pattern counts from where the write was to go.
  expect(
    verdict(testCase, {
      exchanges: [begin(DIRECT_WRITE, 8192n, 4096n), ioend],
      results: [ok(PAGE), sized(12288n)],
      changes: changed(0x22000n, writer(0n, PAGE)),
    }),
  ).toEqual(conforms);
  expect(
    rules(testCase, {
      exchanges: [begin(DIRECT_WRITE, 0n, 4096n)],
      results: [ok(PAGE), sized(8192n)],
      changes: changed(0x20000n, writer(0n, PAGE)),
    }),
  ).not.toEqual(['conforms']);
});

test.describe('direct I/O over cached pages', () => {
  const twoFds = (...steps: Step[]): Case =>
    madeCase([], {
      workload: [
        { call: 'open', file: 0, flags: ['rdwr'] },
        { call: 'open', file: 0, flags: ['rdwr', 'direct'] },
        ...steps,
      ],
    });
  const dirty = begin(WRITE, 0n, 4096n);
  const back = begin(WRITEBACK, 0n, 4096n);
  const changes = changed(0x20000n, writer(0n, PAGE));

  test('a read has what is dirty written back first, and returns it', () => {
    const testCase = twoFds(write(0n, PAGE), read(0n, PAGE, 0, 1));
    const results = [opened, ok(PAGE), ok(PAGE, [writer(0n, PAGE)])];
    expect(verdict(testCase, { exchanges: [dirty, back, begin(DIRECT_READ, 0n, 4096n)], results, changes })).toEqual(
      conforms,
    );
    expect(
      rules(testCase, {
        exchanges: [dirty, begin(DIRECT_READ, 0n, 4096n), back],
        results: [opened, ok(PAGE), ok(PAGE, [device(0, 0x20000n, PAGE)])],
        changes,
      }),
    ).toContain('request/writeback');
  });
  test('a write takes what it overwrites out of the page cache', () => {
    const testCase = twoFds(read(0n, PAGE), write(0n, PAGE, 0, 1), read(0n, PAGE));
    const first = ok(PAGE, [device(0, 0x20000n, PAGE)]);
    const [filled, written] = [begin(0, 0n, 4096n), begin(DIRECT_WRITE, 0n, 4096n)];
    expect(
      verdict(testCase, {
        exchanges: [filled, written, filled],
        results: [opened, first, ok(PAGE), ok(PAGE, [writer(0n, PAGE)])],
        changes,
      }),
    ).toEqual(conforms);
    expect(
      rules(testCase, { exchanges: [filled, written], results: [opened, first, ok(PAGE), first], changes }),
    ).toContain('read/result');
  });
});

test.describe('a seek over unwritten blocks', () => {
  const of = (call: 'seekData' | 'seekHole', offset: bigint) =>
    inFile(['rdwr'], write(4096n, PAGE), { call, fd: 0, offset });
  const seen = (at: number, from: bigint): Seen => ({
    exchanges: [
      begin(WRITE, 4096n, 4096n, unwritten),
      begin(REPORT, from, 16384n - from, unwritten),
      begin(WRITEBACK, 4096n, 4096n),
    ],
    results: [ok(PAGE), ok(at)],
    changes: changed(0x21000n, writer(4096n, PAGE)),
  });
  test('finds what is dirty in the page cache', () => {
    expect(verdict(of('seekData', 0n), seen(4096, 0n))).toEqual(conforms);
    for (const wrong of [0, 8192]) expect(rules(of('seekData', 0n), seen(wrong, 0n))).toEqual(['seek/cached']);
  });
  test('finds the hole behind it', () => {
    expect(verdict(of('seekHole', 4096n), seen(8192, 4096n))).toEqual(conforms);
    expect(rules(of('seekHole', 4096n), seen(4096, 4096n))).not.toEqual(['conforms']);
  });
});

test.describe('attributes of the inode', () => {
  const of = (attr: 'IMMUTABLE' | 'APPEND', workload: Step[]) =>
    madeCase([], {
      workload,
      geometry: { ...madeCase([]).geometry, files: [{ sizeBytes: 16384n, attrFlags: ['IOMAP', 'EXCLUSIVE', attr] }] },
    });
  const open = (...flags: Extract<Step, { call: 'open' }>['flags']): Step => ({ call: 'open', file: 0, flags });
  const observedOpen = (testCase: Case, result: StepResult, ...rest: StepResult[]): Verdict =>
    judge(testCase, { ...observed({}), steps: [result, ...rest] });

  test('IMMUTABLE is not opened for writing', () => {
    expect(observedOpen(of('IMMUTABLE', [open('rdwr')]), failed(EPERM))).toEqual(conforms);
    expect(observedOpen(of('IMMUTABLE', [open('rdwr')]), opened).kind).toBe('deviates');
    expect(observedOpen(of('IMMUTABLE', [open('rdonly')]), opened)).toEqual(conforms);
  });
  test('APPEND is opened with O_APPEND only, and not truncated or mapped', () => {
    expect(observedOpen(of('APPEND', [open('rdwr')]), failed(EPERM))).toEqual(conforms);
    const steps: [Step, number][] = [
      [{ call: 'ftruncate', fd: 0, sizeBytes: 0n }, EPERM],
      [{ call: 'fallocate', fd: 0, mode: 3, offset: 0n, lengthBytes: 4096n }, EPERM],
      [{ call: 'mmapWrite', fd: 0, offset: 0n, lengthBytes: 1, writer: 0 }, EACCES],
    ];
    for (const [step, errno] of steps) {
      expect(observedOpen(of('APPEND', [open('rdwr', 'append'), step]), opened, failed(errno)), step.call).toEqual(
        conforms,
      );
      expect(
        observedOpen(of('APPEND', [open('rdwr', 'append'), step]), opened, failed(EOPNOTSUPP)).kind,
        step.call,
      ).toBe('deviates');
    }
  });
});
