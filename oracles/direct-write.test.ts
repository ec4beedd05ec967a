/**
 * Direct writes of a part of a block: what the rest of it holds afterwards, and how a kernel may bring that about. Each
 * observation that must be caught stands beside its nearest that must not.
 */
import { expect, test } from '@playwright/test';
import type { ByteRun } from '../model/bytes.ts';
import type { Case } from '../model/case.ts';
import type { DeviceChange, StepResult } from '../model/observation.ts';
import { attrOut } from '../uapi/fuse-structs.ts';
import type { IomapIo } from '../uapi/iomap.ts';
import { judge } from './judge.ts';
import {
  beginExchange,
  device,
  endExchange,
  failed,
  ioendExchange,
  madeCase,
  mapped,
  observed,
  other,
  overwrite,
  wire,
  writer,
  zeros,
  type Made,
  deviates,
} from './testing/hand-made.ts';

const conforms = ['conforms'];
const EIO = 5,
  EINVAL = 22,
  ENOSPC = 28,
  WRITE = 1,
  DIRECT_WRITE = 0x11,
  WRITEBACK = 0x8000_0000,
  NEW = 1,
  SHARED = 4,
  DIRECT_SHARED = 9,
  DIRECT_APPEND = 0x18,
  DIRECT_UNWRITTEN = 0xa,
  WRITEBACK_SHARED = 0x21,
  UNWRITTEN = 3,
  HOLE = 0;

const LENGTH = 0x8000n;
/** Where position 0 of the file lies: what is read on device 0, what is written to on device 1. */
const READ_AT = 0x10000n,
  WRITE_AT = 0x30000n;
/** The second sector of the file's third block. */
const POS = 0x2200n,
  BLOCK = 0x2000n;
const wrote: StepResult = { ret: 512n, errno: 0 };

const partCase = (more: Partial<Case> & { sizeBytes?: bigint } = {}): Case =>
  madeCase([{ call: 'pwrite', fd: 0, offset: POS, lengthBytes: 512, writer: 0 }], more);
const elsewhere = mapped(0n, LENGTH, WRITE_AT, 2, SHARED);
const readHalf = mapped(0n, LENGTH, READ_AT);
const begin = (opflags: number, read: IomapIo, write: IomapIo, pos = POS, count = 512n): Made =>
  beginExchange(opflags, pos, count, read, write);
const block = (deviceIndex: number, base: bigint, before: ByteRun, behind: ByteRun): DeviceChange[] => [
  { device: deviceIndex, offsetBytes: base + BLOCK, content: [before, writer(POS, 512), behind] },
];
const merged = block(1, WRITE_AT, device(0, READ_AT + BLOCK, 512), device(0, READ_AT + BLOCK + 1024n, 3072));
const zeroed = (deviceIndex = 1, base = WRITE_AT): DeviceChange[] => block(deviceIndex, base, zeros(512), zeros(3072));
const alone = (deviceIndex = 1, base = WRITE_AT): DeviceChange[] => [
  { device: deviceIndex, offsetBytes: base + POS, content: [writer(POS, 512)] },
];
const verdictOf = (
  exchanges: Made[],
  changes: DeviceChange[],
  { result = wrote, testCase = partCase() }: { result?: StepResult; testCase?: Case } = {},
): string[] => deviates(judge(testCase, observed({ exchanges, results: [result], changes })));

test.describe('a block that is shared: the new one gets the merged data', () => {
  const direct = [begin(DIRECT_WRITE, readHalf, elsewhere), ioendExchange(DIRECT_SHARED, POS, 512n)];
  const leaves = [
    begin(DIRECT_WRITE, readHalf, elsewhere),
    endExchange(DIRECT_WRITE, POS, 512n, 0n, elsewhere),
    begin(WRITE, readHalf, elsewhere),
  ];
  const writtenBack = [
    begin(WRITEBACK, readHalf, elsewhere, BLOCK, 4096n),
    {
      ...ioendExchange(WRITEBACK_SHARED, BLOCK, 4096n),
      request: { ...ioendExchange(WRITEBACK_SHARED, BLOCK, 4096n).request, newAddr: WRITE_AT + BLOCK, dev: 2 },
    },
  ];

  test('by a direct write of the whole block, or through the page cache', () => {
    expect(verdictOf(direct, merged)).toEqual(conforms);
    expect(verdictOf([...leaves, ...writtenBack], merged)).toEqual(conforms);
  });
  test('its rest must not be left as it was on the device, nor zeroed, in either way', () => {
    for (const way of [direct, [...leaves, ...writtenBack]]) {
      expect(verdictOf(way, alone())).toEqual(['device/bytes device-bytes']);
      expect(verdictOf(way, zeroed())).toEqual(['device/bytes device-bytes']);
    }
  });
  test('the page cache takes over only behind END, which says that nothing was written', () => {
    expect(verdictOf([leaves[0]!, leaves[2]!, ...writtenBack], merged)).toContain('request/end request');
    const half = endExchange(DIRECT_WRITE, POS, 512n, 256n, elsewhere);
    expect(verdictOf([leaves[0]!, half, leaves[2]!, ...writtenBack], merged)).toContain('request/end request');
  });
  test('a kernel may refuse it; what it refused is not written', () => {
    const refused = [leaves[0]!, leaves[1]!, ioendExchange(8, POS, 0n, -EINVAL)];
    expect(verdictOf(refused, [], { result: failed(EINVAL) })).toEqual(conforms);
    expect(verdictOf(refused, merged, { result: failed(EINVAL) })).toEqual(['device/bytes device-bytes']);
  });
  test('where only direct I/O is allowed, the page cache does not take over: it is done directly, or EIO', () => {
    const testCase = partCase();
    testCase.geometry.files[0]!.directIo = true;
    expect(verdictOf(direct, merged, { testCase })).toEqual(conforms);
    const refused = leaves.slice(0, 2);
    expect(verdictOf(refused, [], { testCase, result: failed(EIO) })).toEqual(conforms);
    expect(verdictOf(refused, [], { testCase })).not.toEqual(conforms);
    expect(verdictOf([...leaves, ...writtenBack], merged, { testCase })).not.toEqual(conforms);
  });
  test('where only its last block is written in part, the page cache takes over for that one', () => {
    const testCase = madeCase([{ call: 'pwrite', fd: 0, offset: 0x1000n, lengthBytes: 4608, writer: 0 }]);
    const [first, last] = [mapped(0n, BLOCK, 0x40000n), mapped(BLOCK, LENGTH, WRITE_AT + BLOCK, 2, SHARED)];
    const way = [
      beginExchange(DIRECT_WRITE, 0x1000n, 4608n, first, overwrite(0n, BLOCK)),
      beginExchange(DIRECT_WRITE, BLOCK, 512n, readHalf, last),
      endExchange(DIRECT_WRITE, BLOCK, 512n, 0n, last),
      beginExchange(WRITE, BLOCK, 512n, readHalf, last),
      beginExchange(WRITEBACK, BLOCK, 4096n, readHalf, last),
      writtenBack[1]!,
    ];
    const changes = (rest: ByteRun, lengthBytes = 4096): DeviceChange[] => [
      { device: 0, offsetBytes: 0x41000n, content: [writer(0x1000n, lengthBytes)] },
      { device: 1, offsetBytes: WRITE_AT + BLOCK, content: [writer(BLOCK, 512), rest] },
    ];
    const rest = device(0, READ_AT + BLOCK + 512n, 3584);
    const all = (result: bigint, there = changes(rest)) =>
      verdictOf(way, there, { testCase, result: { ret: result, errno: 0 } });
    expect(all(4608n)).toEqual(conforms);
    expect(all(4096n)).not.toEqual(conforms);
    expect(all(4608n, changes(zeros(3584)))).toEqual(['device/bytes device-bytes']);
    expect(all(4608n, changes(rest, 2048))).toEqual(['device/bytes device-bytes']);
  });
});

test('a block that the read half has elsewhere is merged, too, without being shared', () => {
  const write = mapped(0n, LENGTH, WRITE_AT, 2);
  const way = [begin(DIRECT_WRITE, readHalf, write)];
  expect(verdictOf(way, merged)).toEqual(conforms);
  expect(verdictOf(way, alone())).toEqual(['device/bytes device-bytes']);
  expect(verdictOf(way, zeroed())).toEqual(['device/bytes device-bytes']);
});

test('a block that is overwritten in place keeps its rest', () => {
  for (const write of [overwrite(0n, LENGTH), readHalf]) {
    const way = [begin(DIRECT_WRITE, readHalf, write)];
    expect(verdictOf(way, alone(0, READ_AT))).toEqual(conforms);
    expect(verdictOf(way, zeroed(0, READ_AT))).toEqual(['device/bytes device-bytes']);
  }
  // Nothing takes over from a write whose rest is there already.
  const through = [
    begin(DIRECT_WRITE, readHalf, readHalf),
    endExchange(DIRECT_WRITE, POS, 512n, 0n, readHalf),
    begin(WRITE, readHalf, readHalf),
    begin(WRITEBACK, readHalf, readHalf, BLOCK, 4096n),
  ];
  expect(verdictOf(through, alone(0, READ_AT))).not.toEqual(conforms);
});

test.describe('where a reader found zeros, the rest is zeros', () => {
  const unwritten = wire(UNWRITTEN, 0n, LENGTH, { addr: WRITE_AT, dev: 2 });
  const told = ioendExchange(DIRECT_UNWRITTEN, POS, 512n);
  for (const [name, way] of [
    ['in unwritten blocks', [begin(DIRECT_WRITE, unwritten, overwrite(0n, LENGTH)), told]],
    ['over a hole', [begin(DIRECT_WRITE, wire(HOLE, 0n, LENGTH), mapped(0n, LENGTH, WRITE_AT, 2))]],
    ['over a hole, unwritten', [begin(DIRECT_WRITE, wire(HOLE, 0n, LENGTH), unwritten), told]],
    ['over what is unwritten', [begin(DIRECT_WRITE, unwritten, mapped(0n, LENGTH, WRITE_AT, 2))]],
    ['in new blocks', [begin(DIRECT_WRITE, mapped(0n, LENGTH, WRITE_AT, 2, NEW), overwrite(0n, LENGTH))]],
  ] as const) {
    test(name, () => {
      expect(verdictOf([...way], zeroed())).toEqual(conforms);
      expect(verdictOf([...way], alone())).toEqual(['device/bytes device-bytes']);
    });
  }
  test('behind EOF nothing is laid down', () => {
    const testCase = partCase({ sizeBytes: POS + 512n });
    const way = [begin(DIRECT_WRITE, readHalf, overwrite(0n, LENGTH))];
    expect(verdictOf(way, alone(0, READ_AT), { testCase })).toEqual(conforms);
    const behind: DeviceChange[] = [
      { device: 0, offsetBytes: READ_AT + POS, content: [writer(POS, 512), zeros(3072)] },
    ];
    expect(verdictOf(way, behind, { testCase })).toEqual(conforms);
    expect(verdictOf(way, zeroed(0, READ_AT), { testCase })).toEqual(['device/bytes device-bytes']);
  });
});

test('a direct write that fails because it could not be made durable may have made the file larger, or not; one that worked has', () => {
  const place = mapped(0n, LENGTH, READ_AT);
  const times = (error: number): Made => ({
    name: 'SETATTR',
    file: 0,
    step: 1,
    request: { valid: 0x430, padding: 0, size: 0n },
    reply: { error, payload: new Uint8Array(error === 0 ? attrOut.size : 0) },
    writeErrno: 0,
  });
  const run = (errno: number, sizeBytes: bigint): string[] =>
    deviates(
      judge(
        madeCase([], {
          sizeBytes: 4096n,
          workload: [
            { call: 'open', file: 0, flags: ['rdwr', 'direct', 'dsync'] },
            { call: 'pwrite', fd: 0, offset: 4096n, lengthBytes: 4096, writer: 0 },
            { call: 'fstat', fd: 0 },
          ],
          script: [{ on: 'SETATTR', reply: { kind: 'error', errno: ENOSPC } }],
        }),
        observed({
          exchanges: [
            begin(DIRECT_WRITE, place, overwrite(0n, LENGTH), 4096n, 4096n),
            ioendExchange(DIRECT_APPEND, 4096n, 4096n),
            times(-errno),
            ...(errno === 0 ? [other('FSYNC')] : []),
          ],
          results: [errno === 0 ? { ret: 4096n, errno: 0 } : failed(errno), { ret: 0n, errno: 0, sizeBytes }],
          changes: [{ device: 0, offsetBytes: READ_AT + 4096n, content: [writer(4096n, 4096)] }],
        }),
      ),
    );
  expect(run(ENOSPC, 4096n)).toEqual(conforms);
  expect(run(ENOSPC, 8192n)).toEqual(conforms);
  expect(run(ENOSPC, 12288n)).not.toEqual(conforms);
  expect(run(0, 8192n)).toEqual(conforms);
  expect(run(0, 4096n)).not.toEqual(conforms);
});
