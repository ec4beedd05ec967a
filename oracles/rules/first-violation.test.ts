import { expect, test } from '@playwright/test';
import { NULL_ADDR, revisions, type RevisionId } from '../../uapi/revision.ts';
import type { BeginContext, WireMapping } from './context.ts';
import { beginTableOf, firstViolation } from './first-violation.ts';

const BLOCK = 4096n,
  MAX = 1n << 30n;
const hole: WireMapping = { type: 0, flags: 0, offset: 0n, length: 16384n, addr: NULL_ADDR, dev: 0 };
const backed: WireMapping = { type: 2, flags: 0, offset: 0n, length: 16384n, addr: 0n, dev: 1 };
const overwrite: WireMapping = { ...hole, type: 255 };

function context(id: RevisionId, change: Partial<BeginContext>): BeginContext {
  return {
    revision: revisions[id],
    blockSizeBytes: BLOCK,
    maxBytes: MAX,
    opflags: 4,
    pos: 8192n,
    count: 4096n,
    inodeHasCache: false,
    repliedErrno: 0,
    payloadBytes: 64,
    devices: new Map([
      [1, { index: 0, sizeBytes: MAX, readable: true, writable: true }],
      [2, { index: 1, sizeBytes: MAX, readable: false, writable: true }],
      [3, { index: 2, sizeBytes: MAX, readable: true, writable: false }],
    ]),
    read: hole,
    write: overwrite,
    ...change,
  };
}
const outcome = (id: RevisionId, change: Partial<BeginContext>): string => {
  const found = firstViolation(context(id, change));
  return found.kind === 'refused'
    ? `${found.refusal.rule}${found.refusal.half && found.refusal.rule.startsWith('map/') ? `@${found.refusal.half}` : ''} ${found.refusal.errno}`
    : found.kind;
};
const read = (change: Partial<WireMapping>, base = hole) => ({ read: { ...base, ...change } });
const write = (change: Partial<WireMapping>, base = hole) => ({ write: { ...base, ...change } });
const DIRECT = { opflags: 0x10 },
  DIRECT_WRITE = { opflags: 0x11 },
  ATOMIC_WRITE = { opflags: 0x211 };

/** [what is wrong, the change that violates, its legal neighbour]. The values are those of the rules' text. */
const r3Borders: readonly [rule: string, violating: Partial<BeginContext>, legal: Partial<BeginContext>][] = [
  ['map/type-known@read 117', read({ type: 5 }), read({ type: 4 })],
  ['map/type-known@write 117', write({ type: 256 }), write({ type: 255 })],
  ['map/flags-known@read 117', read({ flags: 0x100 }), read({ flags: 0xff })],
  ['map/length-nonzero@read 117', read({ length: 0n }), read({ length: 12288n })],
  ['map/offset-aligned@write 117', write({ offset: 2048n }), write({ offset: 4096n })],
  ['map/length-aligned@read 117', read({ length: 16383n }), read({ length: 12288n })],
  [
    'map/range-no-overflow@read 117',
    read({ offset: 4096n, length: (1n << 64n) - 4096n }),
    read({ offset: 4096n, length: (1n << 64n) - 8192n }),
  ],
  [
    'map/offset-below-maxbytes@read 117',
    { ...read({ offset: MAX }), pos: MAX - 1n },
    { ...read({ offset: MAX - BLOCK }), ...write({ offset: MAX - BLOCK }), pos: MAX - 1n },
  ],
  ['map/backed-has-device@read 117', read({ dev: 0 }, backed), read({}, backed)],
  ['map/backed-has-addr@write 117', write({ addr: NULL_ADDR }, backed), write({}, backed)],
  ['map/unbacked-no-device@read 117', read({ dev: 1 }), read({})],
  ['map/unbacked-no-addr@read 117', read({ addr: NULL_ADDR - 1n }), read({})],
  ['map/overwrite-write-side@read 117', { read: overwrite }, {}],
  ['map/overwrite-no-flags@write 117', write({ flags: 1 }, overwrite), {}],
  ['map/overwrite-no-device@write 117', write({ dev: 1 }, overwrite), {}],
  ['map/overwrite-no-addr@write 117', write({ addr: 0n }, overwrite), {}],
  ['map/retry-needs-cache@read 117', read({ type: 254 }), {}],
  ['map/instruction-no-flags@read 117', read({ type: 253, flags: 1 }), {}],
  ['map/instruction-no-device@read 117', read({ type: 253, dev: 1 }), {}],
  ['map/instruction-no-addr@read 117', read({ type: 253, addr: 0n }), {}],
  [
    'map/device-range-no-overflow@read 117',
    read({ addr: (1n << 64n) - 16384n }, backed),
    read({ addr: (1n << 64n) - 16385n }, backed),
  ],
  ['begin/error 28', { repliedErrno: 28, payloadBytes: 0 }, {}],
  ['begin/reply-size 5', { payloadBytes: 63 }, {}],
  ['begin/read-not-nocache 117', read({ type: 253 }), {}],
  ['begin/write-not-nocache 117', write({ type: 253 }), {}],
  [
    'begin/read-starts-by-pos 117',
    { ...read({ offset: 12288n }), pos: 12287n },
    { ...read({ offset: 12288n }), pos: 12288n },
  ],
  [
    'begin/write-starts-by-pos 117',
    { ...write({ offset: 12288n }), pos: 12287n },
    { ...write({ offset: 12288n }), pos: 12288n },
  ],
  ['begin/read-covers-pos 117', read({ length: 8192n }), read({ length: 12288n })],
  ['begin/write-covers-pos 117', write({ length: 8192n }), write({ length: 12288n })],
  [
    'begin/read-no-retry-uncached 117',
    { ...ATOMIC_WRITE, inodeHasCache: true, ...read({ type: 254 }) },
    { ...ATOMIC_WRITE, ...read({ flags: 0x40 }, backed) },
  ],
  ['begin/write-no-retry-uncached 117', { opflags: 0x4000_0004, inodeHasCache: true, ...write({ type: 254 }) }, {}],
  [
    'begin/atomic-on-storage 5',
    { ...ATOMIC_WRITE, ...write({ type: 1, flags: 0x40 }) },
    { ...ATOMIC_WRITE, ...write({ flags: 0x40 }, backed) },
  ],
  [
    'begin/atomic-flagged 5',
    { ...ATOMIC_WRITE, ...read({}, backed) },
    { ...ATOMIC_WRITE, ...read({ flags: 0x40 }, backed) },
  ],
  ['begin/read-device-known 117', read({ dev: 4 }, backed), read({ dev: 3 }, backed)],
  ['begin/read-device-known 117', read({ dev: 0x7fff_ffff }, backed), read({ dev: 1 }, backed)],
  [
    'begin/write-device-known 117',
    { ...DIRECT_WRITE, ...write({ dev: 4 }, backed) },
    { ...DIRECT, ...write({ dev: 4 }, backed) },
  ],
  ['begin/device-readable 13', { ...DIRECT, ...read({ dev: 2 }, backed) }, { ...DIRECT, ...read({ dev: 3 }, backed) }],
  [
    'begin/device-writable 13',
    { ...DIRECT_WRITE, ...write({ dev: 3 }, backed) },
    { ...DIRECT_WRITE, ...write({ dev: 2 }, backed) },
  ],
  [
    'begin/device-writable 13',
    { ...DIRECT_WRITE, ...read({ dev: 3 }, backed) },
    { ...DIRECT_WRITE, ...read({}, backed) },
  ],
];

test.describe('r3', () => {
  for (const [index, [rule, violating, legal]] of r3Borders.entries()) {
    test(`refuses by ${rule} in row ${index}, and not its legal neighbour`, () => {
      expect(outcome('r3', violating)).toBe(rule);
      expect(outcome('r3', legal)).toBe('pass');
    });
  }

  test('covers every rule with a border above', () => {
    const { reply, map, validate, devices } = beginTableOf(revisions.r3);
    const named = new Set(r3Borders.map(([rule]) => rule.split(/[@ ]/)[0]));
    expect([...reply, ...map, ...validate, ...devices].map(({ id }) => id).filter((id) => !named.has(id))).toEqual([]);
  });

  test('lets the earlier rule decide, and the read half before the write half', () => {
    expect(outcome('r3', { ...read({ type: 5, flags: 0x100, length: 0n }) })).toBe('map/type-known@read 117');
    expect(outcome('r3', { ...read({ length: 0n, offset: 1n }) })).toBe('map/length-nonzero@read 117');
    expect(outcome('r3', { ...read({ addr: NULL_ADDR - 1n }), ...write({ type: 5 }) })).toBe(
      'map/unbacked-no-addr@read 117',
    );
    expect(outcome('r3', { ...read({ type: 253 }), ...write({ type: 5 }) })).toBe('map/type-known@write 117');
    expect(outcome('r3', { ...read({ dev: 0, addr: NULL_ADDR }, backed) })).toBe('map/backed-has-device@read 117');
    expect(outcome('r3', { ...read({ offset: 12288n }), ...write({ length: 8192n }) })).toBe(
      'begin/read-starts-by-pos 117',
    );
    expect(outcome('r3', { ...DIRECT_WRITE, ...read({ dev: 9 }, backed), ...write({ dev: 9 }, backed) })).toBe(
      'begin/read-device-known 117',
    );
  });

  test('asks again when either half says RETRY_CACHE and there is a cache', () => {
    expect(outcome('r3', { inodeHasCache: true, ...read({ type: 254 }) })).toBe('retry');
    expect(outcome('r3', { inodeHasCache: true, ...write({ type: 254 }) })).toBe('retry');
  });

  test('leaves open whether a report looks at how the device was opened', () => {
    expect(firstViolation(context('r3', read({ dev: 2 }, backed)))).toMatchObject({
      kind: 'pass',
      maybe: [{ refusal: { rule: 'begin/device-readable', errno: 13 } }],
    });
  });
});

test.describe('r2', () => {
  test('checks nothing of an instruction behind its type', () => {
    expect(outcome('r2', write({ type: 253, flags: 0x100, dev: 1, addr: 0n }))).toBe('begin/write-not-nocache 117');
    expect(outcome('r2', read({ type: 254, flags: 0x100 }))).toBe('map/retry-needs-cache@read 117');
  });
  test('lets PURE_OVERWRITE carry flags, a device and an address', () => {
    expect(outcome('r2', write({ flags: 1, dev: 1, addr: 0n }, overwrite))).toBe('pass');
    expect(outcome('r2', { read: overwrite })).toBe('map/overwrite-write-side@read 117');
  });
  test('does not look at access, nor at atomic writes', () => {
    expect(outcome('r2', { ...DIRECT, ...read({ dev: 2 }, backed) })).toBe('pass');
    expect(outcome('r2', { ...ATOMIC_WRITE, ...read({}, backed) })).toBe('pass');
  });
  test("retries for the read half's RETRY_CACHE only", () => {
    expect(outcome('r2', { inodeHasCache: true, ...read({ type: 254 }) })).toBe('retry');
    expect(outcome('r2', { inodeHasCache: true, ...write({ type: 254 }) })).toBe('pass');
  });
});

test.describe('r1', () => {
  test('knows no instructions and refuses any device', () => {
    expect(outcome('r1', read({ type: 253 }))).toBe('map/type-known@read 117');
    expect(outcome('r1', read({ type: 254 }))).toBe('map/type-known@read 117');
    expect(outcome('r1', read({}, backed))).toBe('map/no-device@read 117');
    expect(outcome('r1', write({ dev: 1 }, overwrite))).toBe('map/no-device@write 117');
    expect(outcome('r1', write({ addr: 0n }, overwrite))).toBe('pass');
    expect(outcome('r1', write({ addr: NULL_ADDR - 1n }, overwrite))).toBe('map/device-range-no-overflow@write 117');
    expect(outcome('r1', read({}))).toBe('pass');
  });
});
