import { expect, test } from '@playwright/test';
import { revisions } from '../uapi/revision.ts';
import { describeRequest } from './describe.ts';

const ioend = { flags: 0x30, error: 0, attrIno: 2n, pos: 0x6000n, newAddr: 0x63000n, written: 0xab2n, dev: 1, pad: 0 };

test('should say of an IOEND which part of the file was written, apart from where on the device', () => {
  expect(describeRequest('IOMAP_IOEND', ioend, revisions.r3)).toBe(
    'flags APPEND|WRITEBACK (0x30), attrIno 2, pos 0x6000, written 0xab2 bytes (file range [0x6000, 0x6ab2)), on the device: dev 1, new_addr 0x63000',
  );
});

test('should name the errno of an IOEND that failed, and say when nothing was written', () => {
  const failed = { ...ioend, flags: 0x108, error: -28, written: 0n, newAddr: (1n << 64n) - 1n, dev: 0, pad: 7 };
  expect(describeRequest('IOMAP_IOEND', failed, revisions.r3)).toBe(
    'flags DIRECT|0x100 (0x108), error -ENOSPC, attrIno 2, pos 0x6000, written 0 bytes (nothing), on the device: dev 0, new_addr all ones, pad 7',
  );
});

test('should show the fields of an IOEND that lacks some as they are', () => {
  expect(describeRequest('IOMAP_IOEND', { flags: 1, pos: 0x2000n }, revisions.r3)).toBe('flags 1, pos 0x2000');
});

test('should tell a count of bytes from an errno in an END', () => {
  const end = { opflags: 1, reserved: 0, attrIno: 2n, pos: 0n, count: 0x1000n };
  expect(describeRequest('IOMAP_END', { ...end, written: 0x800n }, revisions.r3)).toMatch(
    /, pos 0, count 0x1000, written 0x800 bytes$/,
  );
  expect(describeRequest('IOMAP_END', { ...end, written: -5n }, revisions.r3)).toMatch(/, written -EIO$/);
  expect(describeRequest('IOMAP_BEGIN', end, revisions.r3)).not.toContain('written');
});
