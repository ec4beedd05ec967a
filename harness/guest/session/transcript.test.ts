import { expect, test } from '@playwright/test';
import { NULL_ADDR, r3 } from '../../../uapi/revision.ts';
import { TranscriptFormatter, sizeText, type Line } from './transcript.ts';

const formatter = new TranscriptFormatter(r3, () => [5, 6]);
const line = (rest: Partial<Line>): string =>
  formatter.format({ name: 'IOMAP_BEGIN', file: 'f', args: {}, names: [], dataBytes: 0, ...rest });
const mapping = (rest: object) => ({ offset: 0n, length: 65536n, addr: NULL_ADDR, type: 0, flags: 0, dev: 0, ...rest });

test('should write sizes short only where that is exact', () => {
  expect([0n, 1n, 1024n, 1025n, 1n << 20n, 3n << 40n, (1n << 63n) - 1n].map(sizeText)).toEqual([
    '0',
    '1',
    '1K',
    '1025',
    '1M',
    '3T',
    'max',
  ]);
});

test('should say of a BEGIN what was asked and both halves of the answer', () => {
  expect(
    line({
      args: { opflags: 0x11, pos: 4096n, count: 8192n },
      reply: {
        error: 0,
        payloadBytes: 64,
        fields: { read: mapping({ type: 2, addr: 8192n, dev: 6, flags: 4 }), write: mapping({ type: 255 }) },
      },
    }),
  ).toBe(
    'BEGIN     f            WRITE|DIRECT at 4K for 8K -> read MAPPED 0..64K on device 1 at 8K SHARED; write PURE_OVERWRITE 0..64K',
  );
});

test('should show values without a name as numbers', () => {
  const text = line({
    args: { opflags: 0x8000, pos: 0n, count: 1n },
    reply: {
      error: 0,
      payloadBytes: 64,
      fields: { read: mapping({ type: 77, flags: 0x400, dev: 9 }), write: mapping({}) },
    },
  });
  expect(text).toContain('0x8000 at 0 for 1');
  expect(text).toContain('type 77 0..64K on unknown device 9 0x400');
});

test('should name errnos, and say when the kernel refused the reply', () => {
  expect(line({ args: { opflags: 0, pos: 0n, count: 1n }, reply: { error: -117, payloadBytes: 0 } })).toMatch(
    /READ at 0 for 1 -> EUCLEAN$/,
  );
  expect(
    line({ args: { opflags: 0, pos: 0n, count: 1n }, reply: { error: 0, payloadBytes: 3 }, writeErrno: 22 }),
  ).toMatch(/-> 3 bytes \(the kernel refused this reply: EINVAL\)$/);
});

test('should show a request that has no answer yet', () => {
  expect(line({ name: 'LOOKUP', file: '', names: ['x'] })).toBe('LOOKUP    /            "x"');
});
