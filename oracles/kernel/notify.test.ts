import { expect, test } from '@playwright/test';
import type { Case, Step } from '../../model/case.ts';
import type { MappingSpec } from '../../model/mapping.ts';
import type { Notification } from '../../model/notification.ts';
import type { KernelEvent, StepResult } from '../../model/observation.ts';
import { NULL_ADDR } from '../../uapi/revision.ts';
import { judge } from '../judge.ts';
import {
  beginExchange,
  device,
  failed,
  INO,
  madeCase,
  mapped,
  observed,
  overwrite,
  writer,
} from '../testing/hand-made.ts';

const EINVAL = 22,
  EOPNOTSUPP = 95,
  ESTALE = 116,
  EUCLEAN = 117;
const spec = (of: Partial<MappingSpec>): MappingSpec => ({
  type: 'MAPPED',
  flags: [],
  dev: { device: 0 },
  addr: 0x4000n,
  offset: 0n,
  length: 8192n,
  ...of,
});

const pure = spec({ type: 'PURE_OVERWRITE', dev: 0, addr: NULL_ADDR });
const upsert = (read: Partial<MappingSpec> = {}, write: MappingSpec = pure): Notification => ({
  kind: 'upsert',
  node: { file: 0 },
  read: spec(read),
  write,
});
const notify = (notification: Notification): Step => ({ call: 'notify', notification });
const sent = (bytes: number): StepResult => ({ ret: BigInt(16 + bytes), errno: 0 });
const report = (condition: string, func = 'fuse_iomap_check_mapping'): KernelEvent => ({
  kind: 'bad-data',
  func,
  line: 1,
  condition,
});
const kindOf = (testCase: Case, results: StepResult[], events: KernelEvent[] = []) =>
  judge(testCase, observed({ results, events })).kind;

test('an upsert that no rule refuses succeeds with the bytes that were written', () => {
  const testCase = madeCase([notify(upsert())]);
  expect(kindOf(testCase, [sent(80)])).toBe('conforms');
  expect(kindOf(testCase, [sent(72)])).toBe('deviates');
  expect(kindOf(testCase, [failed(EUCLEAN)], [report('map->length == 0')])).toBe('deviates');
});

test('a refused upsert is seen in the errno and in the trace event', () => {
  const testCase = madeCase([notify(upsert({ length: 0n }))]);
  expect(kindOf(testCase, [failed(EUCLEAN)], [report('map->length == 0')])).toBe('conforms');
  expect(kindOf(testCase, [sent(80)])).toBe('deviates');
  expect(kindOf(testCase, [failed(EINVAL)], [report('map->length == 0')])).toBe('deviates');
  expect(kindOf(testCase, [failed(EUCLEAN)])).toBe('deviates');
  expect(kindOf(testCase, [failed(EUCLEAN)], [report('!IS_ALIGNED(map->length, blocksize)')])).toBe('deviates');
});

test('an unknown device is reported twice', () => {
  const testCase = madeCase([notify(upsert({ dev: 9 }))]);
  const first = report('ret == NULL', 'fuse_iomap_upsert_dev');
  expect(kindOf(testCase, [failed(EUCLEAN)], [first, report('IS_ERR(fb)', 'fuse_iomap_upsert_validate')])).toBe(
    'conforms',
  );
  expect(kindOf(testCase, [failed(EUCLEAN)], [first])).toBe('deviates');
});

test('the read half is looked at before the write half, the write range before the read range', () => {
  const both = madeCase([notify(upsert({ type: 9 }, { ...pure, flags: ['NEW'] }))]);
  expect(kindOf(both, [failed(EUCLEAN)], [report('!fuse_iomap_check_type(map->type)')])).toBe('conforms');
  expect(kindOf(both, [failed(EUCLEAN)], [report('map->flags != 0')])).toBe('deviates');
});

test('the end of the device is a border', () => {
  const at = (addr: bigint) => madeCase([notify(upsert({ addr }))]);
  expect(kindOf(at(0xfe000n), [sent(80)])).toBe('conforms');
  expect(kindOf(at(0xfe001n), [sent(80)])).toBe('deviates');
  expect(kindOf(at(0xfe001n), [failed(EUCLEAN)], [report('end > size', 'fuse_iomap_upsert_validate')])).toBe(
    'conforms',
  );
});

test('unknown nodes are stale, and wrong inode numbers are bad data', () => {
  const base = upsert();
  const unknown = madeCase([notify({ ...base, node: { nodeid: 0x99n } } as Notification)]);
  expect(kindOf(unknown, [failed(ESTALE)])).toBe('conforms');
  expect(kindOf(unknown, [failed(EINVAL)])).toBe('deviates');
  const wrong = madeCase([notify({ ...base, attrIno: INO + 1n } as Notification)]);
  expect(kindOf(wrong, [failed(EINVAL)], [report('attr_ino != orig_ino', 'fuse_iomap_notify_inode')])).toBe('conforms');
  expect(kindOf(wrong, [failed(EINVAL)])).toBe('deviates');
});

test('STORE and RETRIEVE are for ordinary files', () => {
  const store: Notification = { kind: 'store', node: { file: 0 }, offset: 0n, lengthBytes: 512 };
  const iomap = madeCase([notify(store)]);
  expect(kindOf(iomap, [failed(EOPNOTSUPP)])).toBe('conforms');
  expect(kindOf(iomap, [sent(24 + 512)])).toBe('deviates');
  const ordinary: Case = { ...iomap, geometry: { ...iomap.geometry, files: [{ sizeBytes: 16384n, attrFlags: [] }] } };
  expect(kindOf(ordinary, [sent(24 + 512)])).toBe('conforms');
  expect(kindOf(ordinary, [failed(EOPNOTSUPP)])).toBe('deviates');
});

test.describe('DEV_INVAL', () => {
  const read: Step = { call: 'deviceRead', device: 0, offset: 0x4000n, lengthBytes: 8192 };
  const old: StepResult = { ret: 8192n, errno: 0, data: [device(0, 0x4000n, 8192)] };
  const fresh: StepResult = { ret: 8192n, errno: 0, data: [writer(0n, 8192)] };
  const write: Step = { call: 'pwrite', fd: 0, offset: 0n, lengthBytes: 8192, writer: 0 };
  const drop = (length: bigint): Step =>
    notify({ kind: 'devInval', dev: { device: 0 }, range: { offset: 0x4000n, length } });
  const seen = (testCase: Case, results: StepResult[]) =>
    judge(
      testCase,
      observed({
        results,
        exchanges: [beginExchange(0x11, 0n, 8192n, mapped(0n, 8192n, 0x4000n), overwrite(0n, 8192n))],
        changes: [{ device: 0, offsetBytes: 0x4000n, content: [writer(0n, 8192)] }],
      }),
    ).kind;
  const wrote: StepResult = { ret: 8192n, errno: 0 };

  test('makes a device be read anew', () => {
    const testCase = madeCase([read, write, drop(8192n), read]);
    expect(seen(testCase, [old, wrote, sent(24), fresh])).toBe('conforms');
    expect(seen(testCase, [old, wrote, sent(24), old])).toBe('deviates');
  });

  test('drops what it names; the rest may be stale', () => {
    const half: StepResult = { ret: 8192n, errno: 0, data: [writer(0n, 4096), device(0, 0x5000n, 4096)] };
    const otherHalf: StepResult = { ret: 8192n, errno: 0, data: [device(0, 0x4000n, 4096), writer(4096n, 4096)] };
    const testCase = madeCase([read, write, drop(4096n), read]);
    expect(seen(testCase, [old, wrote, sent(24), half])).toBe('conforms');
    expect(seen(testCase, [old, wrote, sent(24), fresh])).toBe('conforms');
    expect(seen(testCase, [old, wrote, sent(24), otherHalf])).toBe('deviates');
    expect(seen(madeCase([read, write, drop(0n), read]), [old, wrote, sent(24), old])).toBe('conforms');
  });
});

test('nothing is stored when one half is refused', () => {
  const seek: Step = { call: 'seekData', fd: 0, offset: 0n };
  const testCase = madeCase([notify(upsert({}, { ...pure, flags: ['NEW'] })), seek], { script: [] });
  const bad = [report('map->flags != 0')];
  const asked = beginExchange(
    4,
    0n,
    16384n,
    { type: 0, offset: 0n, length: 16384n, addr: NULL_ADDR, dev: 0, flags: 0 },
    overwrite(0n, 16384n),
  );
  expect(
    judge(testCase, observed({ results: [failed(EUCLEAN), failed(6)], events: bad, exchanges: [asked] })).kind,
  ).toBe('conforms');
  expect(judge(testCase, observed({ results: [failed(EUCLEAN), { ret: 0n, errno: 0 }], events: bad })).kind).toBe(
    'deviates',
  );
});

test.describe('STORE and RETRIEVE of a file that uses iomap', () => {
  const MOST = (1n << 63n) - 1n;
  const kinds = ['store', 'retrieve'] as const;
  const at = (
    kind: (typeof kinds)[number],
    offset: bigint,
    node: { file: number } | { nodeid: bigint } = { file: 0 },
  ): Case => madeCase([notify({ kind, node, offset, lengthBytes: 1 })]);

  test('are refused with EOPNOTSUPP, and with nothing else below the last offset of a file', () => {
    for (const kind of kinds)
      for (const offset of [0n, 1n << 32n, MOST - 1n]) {
        expect(kindOf(at(kind, offset), [failed(EOPNOTSUPP)])).toBe('conforms');
        expect(kindOf(at(kind, offset), [failed(EINVAL)])).toBe('deviates');
        expect(kindOf(at(kind, offset), [sent(25)])).toBe('deviates');
      }
  });
  test('may be refused with EINVAL before it where no file has such an offset', () => {
    for (const kind of kinds)
      for (const offset of [MOST, MOST + 1n, (1n << 64n) - 1n]) {
        expect(kindOf(at(kind, offset), [failed(EOPNOTSUPP)])).toBe('conforms');
        expect(kindOf(at(kind, offset), [failed(EINVAL)])).toBe('conforms');
        expect(kindOf(at(kind, offset), [failed(2)])).toBe('deviates');
        expect(kindOf(at(kind, offset), [sent(25)])).toBe('deviates');
      }
  });
  test('are refused with ENOENT where nobody knows the node', () => {
    for (const kind of kinds)
      for (const nodeid of [0n, 2n, (1n << 64n) - 1n]) {
        expect(kindOf(at(kind, 0n, { nodeid }), [failed(2)])).toBe('conforms');
        expect(kindOf(at(kind, 0n, { nodeid }), [failed(EOPNOTSUPP)])).toBe('deviates');
        expect(kindOf(at(kind, MOST, { nodeid }), [failed(EINVAL)])).toBe('conforms');
        expect(kindOf(at(kind, MOST, { nodeid }), [sent(25)])).toBe('deviates');
      }
  });
});

test('what deviates is judged by revisions without notifications, too', () => {
  for (const notification of [
    upsert(),
    { kind: 'inval', node: { file: 0 }, read: { offset: 0n, length: 4096n }, write: { offset: 0n, length: 0n } },
    { kind: 'devInval', dev: 1, range: { offset: 0n, length: 4096n } },
    { kind: 'devInval', dev: 1024, range: { offset: 0n, length: 4096n } },
  ] satisfies Notification[]) {
    expect(kindOf(madeCase([notify(notification)]), [failed(EOPNOTSUPP)])).toBe('deviates');
  }
});
