import { expect, test } from '@playwright/test';
import { INVAL_TO_EOF, NULL_ADDR, revisions, type RevisionId } from '../../uapi/revision.ts';
import type { WireMapping } from './context.ts';
import {
  firstDevInvalViolation,
  firstInvalViolation,
  firstUpsertViolation,
  type DevInvalContext,
  type InvalContext,
  type UpsertContext,
} from './notifications.ts';
import type { Refusal } from './rule.ts';

const SIZE = 1n << 20n;
const facts = (id: RevisionId) => ({
  revision: revisions[id],
  blockSizeBytes: 4096n,
  maxBytes: 1n << 30n,
  connectionHasIomap: true,
  attrIno: 7n,
  inode: { ino: 7n, usesIomap: true, bad: false, hasCache: true },
  devices: new Map([
    [1, { index: 0, sizeBytes: SIZE, readable: true, writable: true }],
    [2, { index: 1, sizeBytes: 0n, readable: true, writable: true }],
  ]),
});
const backed: WireMapping = { type: 2, flags: 0, offset: 0n, length: 8192n, addr: 0n, dev: 1 };
const hole: WireMapping = { ...backed, type: 0, addr: NULL_ADDR, dev: 0 };
const show = (refusal: Refusal | undefined): string =>
  refusal ? `${refusal.rule} ${refusal.errno}${refusal.viaBadData ? ' B' : ''}` : 'accepted';

const upsert = (change: Partial<UpsertContext>, id: RevisionId = 'r3') =>
  show(
    firstUpsertViolation({ ...facts(id), payloadBytes: 80, read: backed, write: { ...hole, type: 255 }, ...change }),
  );
const inval = (change: Partial<InvalContext>, id: RevisionId = 'r3') =>
  show(
    firstInvalViolation({
      ...facts(id),
      payloadBytes: 48,
      read: { offset: 0n, length: 0n },
      write: { offset: 0n, length: 0n },
      ...change,
    }),
  );
const devInval = (change: Partial<DevInvalContext>, id: RevisionId = 'r3') =>
  show(
    firstDevInvalViolation({
      ...facts(id),
      payloadBytes: 24,
      dev: 1,
      reserved: 0,
      range: { offset: 0n, length: 4096n },
      ...change,
    }),
  );
const read = (change: Partial<WireMapping>) => ({ read: { ...backed, ...change } });
const inode = (change: object) => ({ inode: { ...facts('r3').inode, ...change } });

test('UPSERT is refused by the first rule that it violates', () => {
  expect(upsert({})).toBe('accepted');
  expect(upsert({ payloadBytes: 79 })).toBe('upsert/size 22');
  expect(upsert({ connectionHasIomap: false })).toBe('upsert/iomap-connection 22');
  const { inode: _, ...unknown } = facts('r3');
  expect(show(firstUpsertViolation({ ...unknown, payloadBytes: 80, read: backed, write: hole }))).toBe(
    'upsert/node-known 116',
  );
  expect(upsert({ attrIno: 8n })).toBe('upsert/ino-matches 22 B');
  expect(upsert(inode({ bad: true }))).toBe('upsert/inode-healthy 5');
  expect(upsert(inode({ usesIomap: false }))).toBe('upsert/iomap-inode 22');
  expect(upsert(inode({ usesIomap: false }), 'r2')).toBe('accepted');
  expect(upsert(read({ length: 0n }))).toBe('map/length-nonzero 117 B');
  expect(upsert({ read: { ...hole, type: 254 } })).toBe('upsert/not-retry 117 B');
  expect(upsert({ read: { ...hole, type: 253 } })).toBe('accepted');
  expect(upsert(read({ dev: 3 }))).toBe('upsert/device-known 117 B');
  expect(upsert(read({ dev: 0x7fff_ffff }))).toBe('upsert/device-known 117 B');
  expect(upsert(read({ dev: 2 }))).toBe('upsert/device-present 22');
  expect(upsert(read({ addr: SIZE - 8191n }))).toBe('upsert/within-device 117 B');
  expect(upsert(read({ addr: SIZE - 8192n }))).toBe('accepted');
  expect(upsert({ write: { ...backed, addr: SIZE } })).toBe('upsert/within-device 117 B');
  expect(upsert({ ...read({ dev: 3 }), write: { ...backed, length: 0n } })).toBe('upsert/device-known 117 B');
});

test('INVAL checks the write range first, and no range of length 0', () => {
  expect(inval({})).toBe('accepted');
  expect(inval({ read: { offset: 1n, length: 0n } })).toBe('accepted');
  expect(inval({ read: { offset: 1n, length: 4096n } })).toBe('inval/offset-aligned 117 B');
  expect(inval({ read: { offset: 1n << 30n, length: 4096n }, write: { offset: 0n, length: 1n } })).toBe(
    'inval/length-aligned 117 B',
  );
  expect(inval({ write: { offset: 1n << 30n, length: 4096n } })).toBe('inval/offset-below-maxbytes 117 B');
  expect(inval({ write: { offset: 4096n, length: INVAL_TO_EOF } })).toBe('accepted');
  const wraps = { offset: 4096n, length: (1n << 64n) - 4096n };
  expect(inval({ write: wraps })).toBe('inval/range-no-overflow 117 B');
  expect(inval({ write: wraps }, 'r2')).toBe('accepted');
  expect(inval(inode({ usesIomap: false }))).toBe('inval/iomap-inode 22');
});

test('DEV_INVAL is refused in order', () => {
  expect(devInval({})).toBe('accepted');
  expect(devInval({ reserved: 1 })).toBe('devinval/size 22');
  expect(devInval({ payloadBytes: 25 })).toBe('devinval/size 22');
  expect(devInval({ dev: 0 })).toBe('devinval/device-named 22');
  expect(devInval({ dev: 9 })).toBe('devinval/device-known 19');
  expect(devInval({ range: { offset: SIZE, length: 0n } })).toBe('devinval/offset-in-device 22');
  expect(devInval({ range: { offset: SIZE - 1n, length: 0n } })).toBe('accepted');
  expect(devInval({ range: { offset: SIZE - 1n, length: INVAL_TO_EOF } })).toBe('devinval/range-no-overflow 22');
  expect(devInval({ range: { offset: SIZE - 1n, length: 1n << 40n } })).toBe('accepted');
});
