/** What is written after fsync has told of a loss is on the device after the next fsync, as if nothing had been lost. */
import { expect, test } from '@playwright/test';
import type { Step } from '../model/case.ts';
import type { DeviceChange, StepResult } from '../model/observation.ts';
import type { Verdict } from '../model/verdict.ts';
import { ioendOut, type IomapIo } from '../uapi/iomap.ts';
import { NULL_ADDR } from '../uapi/revision.ts';
import { judge } from './judge.ts';
import {
  beginExchange,
  failed,
  INO,
  madeCase,
  mapped,
  MiB,
  observed,
  other,
  overwrite,
  wire,
  writer,
  type Made,
} from './testing/hand-made.ts';

const WRITE = 1,
  FAULT = 8,
  WRITEBACK = 0x8000_0000,
  UNWRITTEN = 3,
  ENOSPC = 28,
  EIO = 5;
const IOEND = { WRITEBACK: 0x20, UNWRITTEN: 0x22 };
const conforms = { kind: 'conforms' } as const;
const rules = (verdict: Verdict): string =>
  verdict.kind === 'deviates' ? verdict.deviations.map(({ rule, aspect }) => `${rule} ${aspect}`).join() : verdict.kind;

const open: Step = { call: 'open', file: 0, flags: ['rdwr'] };
const write = (offset: bigint, lengthBytes: number, number: number): Step => ({
  call: 'pwrite',
  fd: 0,
  offset,
  lengthBytes,
  writer: number,
});
const fsync = (fd = 0): Step => ({ call: 'fsync', fd });
const ok: StepResult = { ret: 0n, errno: 0 };
const wrote = (bytes: number): StepResult => ({ ret: BigInt(bytes), errno: 0 });

const at = (step: number | undefined, ...exchanges: Made[]): Made[] =>
  step === undefined ? exchanges : exchanges.map((exchange) => ({ ...exchange, step }));
const begin = (opflags: number, pos: bigint, count: bigint, read: IomapIo): Made =>
  beginExchange(opflags, pos, count, read, overwrite(read.offset, read.length));
const refused = (exchange: Made, errno: number): Made => ({
  ...exchange,
  reply: { error: -errno, payload: new Uint8Array() },
});
const ioend = (
  flags: number,
  pos: bigint,
  written: bigint,
  { newAddr = NULL_ADDR, dev = 0, error = 0 }: { newAddr?: bigint; dev?: number; error?: number } = {},
): Made => ({
  name: 'IOMAP_IOEND',
  file: 0,
  writeErrno: 0,
  request: { flags, error: -error, attrIno: INO, pos, newAddr, written, dev, pad: 0 },
  reply: { error: 0, payload: ioendOut.encode({ newsize: 0n }) },
});
const times: Made = { ...other('SETATTR'), request: { valid: 0x430 } };
const changed = (offsetBytes: bigint, ...content: DeviceChange['content']): DeviceChange => ({
  device: 0,
  offsetBytes,
  content,
});

/** A file of 128 KiB that lies at 64 KiB of the device. */
const place = mapped(0n, 131072n, 65536n);
const fresh = wire(UNWRITTEN, 0n, 131072n, { addr: 65536n, dev: 1 });

/** Ways to lose [0, 4096), or to be told that it is lost. */
const failures: { by: string; exchanges: Made[]; errno: number; written?: DeviceChange[] }[] = [
  {
    by: 'the errno of BEGIN',
    exchanges: [refused(begin(WRITEBACK, 0n, 4096n, place), ENOSPC), ioend(0, 0n, 4096n, { error: ENOSPC })],
    errno: ENOSPC,
  },
  {
    by: 'a mapping without a place',
    exchanges: [
      beginExchange(WRITEBACK, 0n, 4096n, wire(0, 0n, 4096n), wire(0, 0n, 4096n)),
      ioend(0, 0n, 0n, { error: EIO }),
    ],
    errno: EIO,
  },
  {
    by: 'a device that is too small',
    exchanges: [
      begin(WRITEBACK, 0n, 4096n, mapped(0n, 4096n, BigInt(MiB))),
      ioend(IOEND.WRITEBACK, 0n, 4096n, { newAddr: BigInt(MiB), dev: 1, error: EIO }),
    ],
    errno: EIO,
  },
  {
    by: 'the answer to IOEND',
    exchanges: [
      begin(WRITEBACK, 0n, 4096n, wire(UNWRITTEN, 0n, 4096n, { addr: 524288n, dev: 1 })),
      refused(ioend(IOEND.UNWRITTEN, 0n, 4096n, { newAddr: 524288n, dev: 1 }), ENOSPC),
    ],
    errno: ENOSPC,
    written: [changed(524288n, writer(0n, 4096))],
  },
];

/** The second write: what it makes dirty, and what is at its place when only it gets there. */
const seconds: { at: string; offset: bigint; lengthBytes: number; dirty: bigint; content: DeviceChange['content'] }[] =
  [
    { at: 'the same place', offset: 0n, lengthBytes: 4096, dirty: 0n, content: [writer(0n, 4096, 1)] },
    {
      at: 'a part of it',
      offset: 1024n,
      lengthBytes: 1024,
      dirty: 0n,
      content: [writer(0n, 1024), writer(1024n, 1024, 1), writer(2048n, 2048)],
    },
    { at: 'the next block', offset: 4096n, lengthBytes: 4096, dirty: 4096n, content: [writer(4096n, 4096, 1)] },
    { at: 'another place', offset: 65536n, lengthBytes: 4096, dirty: 65536n, content: [writer(65536n, 4096, 1)] },
  ];
const types = [
  { type: 'MAPPED', map: place, reported: [] as number[] },
  { type: 'UNWRITTEN', map: fresh, reported: [IOEND.UNWRITTEN] },
];

for (const { by, exchanges, errno, written = [] } of failures)
  for (const { at: where, offset, lengthBytes, dirty, content } of seconds)
    for (const { type, map, reported } of types)
      test(`what ${by} lost does not excuse that a later write is lost: ${where}, ${type}`, () => {
        const steps = [open, write(0n, 4096, 0), fsync(), write(offset, lengthBytes, 1), fsync()];
        const newAddr = 65536n + dirty;
        const back = begin(WRITEBACK, dirty, 4096n, map);
        const reports = reported.map((flags) => ioend(flags, dirty, 4096n, { newAddr, dev: 1 }));
        const bytes = changed(newAddr, ...content);
        /** `step`: in which the loss came; undefined: in the background. */
        const run = (step: number | undefined, requests: Made[], changes: DeviceChange[]) =>
          judge(
            madeCase([], { sizeBytes: 131072n, workload: steps }),
            observed({
              exchanges: [
                ...at(1, begin(WRITE, 0n, 4096n, place)),
                ...at(step, ...exchanges),
                ...at(3, begin(WRITE, offset, BigInt(lengthBytes), map)),
                ...at(4, ...requests, times, other('FSYNC')),
              ],
              results: [wrote(4096), failed(errno), wrote(lengthBytes), ok],
              changes: [...changes, ...written],
            }),
          );
        for (const step of [1, 2, undefined]) {
          expect(run(step, [back, ...reports], [bytes])).toEqual(conforms);
          expect(rules(run(step, [back, ...reports], []))).toBe('device/bytes device-bytes');
          expect(rules(run(step, [], []))).toContain('request');
          expect(rules(run(step, [], [bytes]))).toContain('request');
          if (reports.length > 0)
            expect(rules(run(step, [back], [bytes]))).toContain('request/writeback-ioend request');
        }
      });

const lost = failures[0]!;
/** What is judged is the end of the case: the second write went to [4096, 8192). */
const written = changed(69632n, writer(4096n, 4096, 1));
const backNext = begin(WRITEBACK, 4096n, 4096n, place);

test.describe('a call that makes a write durable by itself, behind one that told of a loss', () => {
  /** Both calls write; the first one fails, the second one succeeds. */
  const run = (opflags: number, steps: Step[], syncs: Made[], requests: Made[], changes: DeviceChange[]) =>
    judge(
      madeCase([], { sizeBytes: 131072n, workload: steps }),
      observed({
        exchanges: [
          ...at(1, begin(0, 0n, 4096n, place), begin(opflags, 0n, 4096n, place), ...lost.exchanges).slice(
            opflags === WRITE ? 1 : 0,
          ),
          ...at(2, begin(0, 4096n, 4096n, place), begin(opflags, 4096n, 4096n, place), ...requests, ...syncs).slice(
            opflags === WRITE ? 1 : 0,
          ),
        ],
        results: [failed(ENOSPC), wrote(4096)],
        changes,
      }),
    );
  const dataOnly: Made = { ...other('FSYNC'), request: { fsyncFlags: 1, padding: 0 } };
  const stored = (offset: bigint, number: number): Step => ({
    call: 'mmapWrite',
    fd: 0,
    offset,
    lengthBytes: 4096,
    writer: number,
    msync: true,
  });
  const open = (flags: ('rdwr' | 'dsync' | 'sync')[]): Step => ({ call: 'open', file: 0, flags });
  for (const { call, opflags, steps, syncs } of [
    {
      call: 'O_DSYNC',
      opflags: WRITE,
      steps: [open(['rdwr', 'dsync']), write(0n, 4096, 0), write(4096n, 4096, 1)],
      syncs: [dataOnly],
    },
    {
      call: 'O_SYNC',
      opflags: WRITE,
      steps: [open(['rdwr', 'sync']), write(0n, 4096, 0), write(4096n, 4096, 1)],
      syncs: [times, other('FSYNC')],
    },
    {
      call: 'msync',
      opflags: WRITE | FAULT,
      steps: [open(['rdwr']), stored(0n, 0), stored(4096n, 1)],
      syncs: [times, dataOnly],
    },
  ])
    test(`has its own data on the device: ${call}`, () => {
      expect(run(opflags, steps, syncs, [backNext], [written])).toEqual(conforms);
      expect(rules(run(opflags, steps, syncs, [backNext], []))).toBe('device/bytes device-bytes');
      expect(rules(run(opflags, steps, syncs, [], []))).toContain('request/writeback request');
    });
});

test('another open file that is not told of the loss has what was written since on the device by its fsync', () => {
  const run = (changes: DeviceChange[]) =>
    judge(
      madeCase([], {
        sizeBytes: 131072n,
        workload: [open, open, write(0n, 4096, 0), fsync(0), write(4096n, 4096, 1), fsync(1)],
      }),
      observed({
        exchanges: [
          ...at(2, begin(WRITE, 0n, 4096n, place), ...lost.exchanges),
          ...at(4, begin(WRITE, 4096n, 4096n, place)),
          ...at(5, backNext, times, other('FSYNC')),
        ],
        results: [ok, wrote(4096), failed(ENOSPC), wrote(4096), ok],
        changes,
      }),
    );
  expect(run([written])).toEqual(conforms);
  expect(rules(run([]))).toBe('device/bytes device-bytes');
});

test('what was lost may be given up, or stay dirty: where a later fsync asks for its place it gets there', () => {
  const run = (again: Made[], errno: number, changes: DeviceChange[]) =>
    judge(
      madeCase([], { sizeBytes: 131072n, workload: [open, write(0n, 4096, 0), fsync(), fsync()] }),
      observed({
        exchanges: [
          ...at(1, begin(WRITE, 0n, 4096n, place)),
          ...at(2, ...lost.exchanges),
          ...at(3, ...again, ...(errno === 0 ? [times, other('FSYNC')] : [])),
        ],
        results: [wrote(4096), failed(ENOSPC), errno === 0 ? ok : failed(errno)],
        changes,
      }),
    );
  const back = begin(WRITEBACK, 0n, 4096n, place);
  const bytes = changed(65536n, writer(0n, 4096));
  expect(run([], 0, [])).toEqual(conforms);
  expect(run([back], 0, [bytes])).toEqual(conforms);
  expect(run(lost.exchanges, ENOSPC, [])).toEqual(conforms);
  expect(rules(run([back], 0, []))).toBe('device/bytes device-bytes');
  expect(rules(run([], 0, [bytes]))).toBe('device/bytes device-bytes');
  expect(rules(run(lost.exchanges, 0, []))).toContain('errno');
});

test.describe('what was given up with a loss, and is written again', () => {
  /** [0, 8192) goes to a device that is too small in the first fsync, and [65536, 69632) is given up with it. */
  const small = mapped(0n, 8192n, BigInt(MiB));
  const run = (offset: bigint, reports: Made[], changes: DeviceChange[]) =>
    judge(
      madeCase([], {
        sizeBytes: 131072n,
        workload: [open, write(65536n, 4096, 0), write(0n, 8192, 0), fsync(), write(offset, 4096, 1), fsync()],
      }),
      observed({
        exchanges: [
          ...at(1, begin(WRITE, 65536n, 4096n, fresh)),
          ...at(2, begin(WRITE, 0n, 8192n, fresh)),
          ...at(
            3,
            begin(WRITEBACK, 0n, 8192n, small),
            begin(WRITEBACK, 65536n, 4096n, fresh),
            ioend(IOEND.WRITEBACK, 0n, 8192n, { newAddr: BigInt(MiB), dev: 1, error: EIO }),
          ),
          ...at(4, begin(WRITE, offset, 4096n, fresh)),
          ...at(5, begin(WRITEBACK, offset, 4096n, fresh), ...reports, times, other('FSYNC')),
        ],
        results: [wrote(4096), wrote(8192), failed(EIO), wrote(4096), ok],
        changes,
      }),
    );
  for (const offset of [4096n, 65536n])
    test(`is reported and on the device as any other write: at ${offset}`, () => {
      const report = ioend(IOEND.UNWRITTEN, offset, 4096n, { newAddr: 65536n + offset, dev: 1 });
      const bytes = changed(65536n + offset, writer(offset, 4096, 1));
      expect(run(offset, [report], [bytes])).toEqual(conforms);
      expect(rules(run(offset, [report], []))).toBe('device/bytes device-bytes');
      expect(rules(run(offset, [], [bytes]))).toContain('request/writeback-ioend request');
    });
});

test('a failure that is told later does not excuse that a write behind the report is lost', () => {
  /** The first fsync did not wait for [65536, 69632), whose IOEND comes behind it. */
  const run = (changes: DeviceChange[]) =>
    judge(
      madeCase([], {
        sizeBytes: 131072n,
        workload: [open, write(65536n, 4096, 0), write(0n, 4096, 0), fsync(), write(4096n, 4096, 1), fsync()],
      }),
      observed({
        exchanges: [
          ...at(1, begin(WRITE, 65536n, 4096n, fresh)),
          ...at(2, begin(WRITE, 0n, 4096n, place)),
          ...at(3, begin(WRITEBACK, 65536n, 4096n, fresh), ...lost.exchanges),
          ...at(
            4,
            ioend(IOEND.WRITEBACK, 65536n, 4096n, { newAddr: 131072n, dev: 1, error: EIO }),
            begin(WRITE, 4096n, 4096n, place),
          ),
          ...at(5, backNext, times, other('FSYNC')),
        ],
        results: [wrote(4096), wrote(4096), failed(ENOSPC), wrote(4096), ok],
        changes,
      }),
    );
  expect(run([written])).toEqual(conforms);
  expect(rules(run([]))).toBe('device/bytes device-bytes');
});

test('syncfs tells each open file once of what was lost, also behind the fsync that told of it, and of nothing else', () => {
  const place = mapped(0n, 16384n, 65536n);
  const syncfs = (fd = 0): Step => ({ call: 'syncfs', fd });
  const run = (loses: boolean, ...after: { step: Step; errno: number }[]) =>
    rules(
      judge(
        madeCase([], { workload: [open, open, write(0n, 4096, 0), fsync(), ...after.map(({ step }) => step)] }),
        observed({
          exchanges: [
            ...at(2, begin(WRITE, 0n, 4096n, place)),
            ...(loses
              ? at(3, refused(begin(WRITEBACK, 0n, 4096n, place), ENOSPC), ioend(0, 0n, 4096n, { error: ENOSPC }))
              : at(3, begin(WRITEBACK, 0n, 4096n, place), times, other('FSYNC'))),
            ...after.flatMap((_, index) => at(4 + index, other('SYNCFS'))),
            ...(loses ? [times] : []),
          ],
          results: [
            ok,
            wrote(4096),
            loses ? failed(ENOSPC) : ok,
            ...after.map(({ errno }) => (errno ? failed(errno) : ok)),
          ],
          changes: loses ? [] : [{ device: 0, offsetBytes: 65536n, content: [writer(0n, 4096)] }],
        }),
      ),
    );
  const told = { step: syncfs(), errno: EIO },
    quiet = { step: syncfs(), errno: 0 };
  expect(run(true, told)).toBe('conforms');
  expect(run(true, quiet)).toBe('conforms');
  expect(run(true, told, quiet, { step: syncfs(1), errno: ENOSPC })).toBe('conforms');
  expect(run(true, told, told)).not.toBe('conforms');
  expect(run(true, { step: syncfs(), errno: 22 })).not.toBe('conforms');
  expect(run(false, told)).not.toBe('conforms');
  expect(run(false, quiet)).toBe('conforms');
});

test('what the server would not hear of may be sent again; written anew, it is due with its IOEND', () => {
  const fresh = wire(UNWRITTEN, 0n, BigInt(MiB), { addr: 65536n, dev: 1 });
  const done = ioend(IOEND.UNWRITTEN, 0n, 8192n, { newAddr: 65536n, dev: 1 });
  const run = (...last: Made[]) =>
    rules(
      judge(
        madeCase([], {
          workload: [
            open,
            write(0n, 8192, 0),
            { call: 'fadvise', fd: 0, offset: 0n, lengthBytes: 0, advice: 'dontneed' },
            write(0n, 8192, 1),
            { call: 'close', fd: 0 },
          ],
        }),
        observed({
          exchanges: [
            ...at(1, begin(WRITE, 0n, 8192n, fresh), begin(WRITEBACK, 0n, 4096n, fresh), refused(done, EIO)),
            ...at(3, begin(WRITE, 0n, 8192n, fresh)),
            ...at(4, begin(WRITEBACK, 0n, 4096n, fresh), ...last, times),
          ],
          results: [wrote(8192), ok, wrote(8192), failed(EIO)],
          changes: [changed(65536n, writer(0n, 8192, 1))],
        }),
      ),
    );
  expect(run(done)).toBe('conforms');
  expect(run()).not.toBe('conforms');
});

test('syncfs may tell once of times that the server refused to hear of, and by no other errno', () => {
  const place = mapped(0n, 16384n, 65536n);
  const run = (refuses: boolean, ...errnos: number[]) =>
    rules(
      judge(
        madeCase([], {
          workload: [open, write(0n, 4096, 0), ...errnos.map((): Step => ({ call: 'syncfs', fd: 0 }))],
          script: [{ on: 'SETATTR', reply: { kind: 'error', errno: ENOSPC } }],
        }),
        observed({
          exchanges: [
            ...at(1, begin(WRITE, 0n, 4096n, place), begin(WRITEBACK, 0n, 4096n, place)),
            ...at(1, refuses ? refused(times, ENOSPC) : times),
            ...errnos.flatMap((_, index) => at(2 + index, other('SYNCFS'))),
          ],
          results: [wrote(4096), ...errnos.map((errno) => (errno ? failed(errno) : ok))],
          changes: [changed(65536n, writer(0n, 4096))],
        }),
      ),
    );
  expect(run(true, ENOSPC)).toBe('conforms');
  expect(run(true, EIO, 0)).toBe('conforms');
  expect(run(true, 0)).toBe('conforms');
  expect(run(true, ENOSPC, ENOSPC)).not.toBe('conforms');
  expect(run(true, 22)).not.toBe('conforms');
  expect(run(false, ENOSPC)).not.toBe('conforms');
});
