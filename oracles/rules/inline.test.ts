import { expect, test } from '@playwright/test';
import { NULL_ADDR, revisions, type RevisionId } from '../../uapi/revision.ts';
import { inlineRules, type InlineContext } from './inline.ts';

const acted = { type: 4, flags: 0, offset: 0n, length: 4096n, addr: NULL_ADDR, dev: 0 };
const first = (change: Partial<InlineContext>, id: RevisionId = 'r3'): string => {
  const context: InlineContext = {
    revision: revisions[id],
    blockSizeBytes: 4096n,
    maxBytes: 1n << 40n,
    devices: new Map(),
    opflags: 0,
    pos: 0n,
    count: 4096n,
    inodeHasCache: false,
    repliedErrno: 0,
    payloadBytes: 64,
    acted,
    pageSizeBytes: 4096n,
    ...change,
  };
  const rule = inlineRules.find((row) => row.applies(context) && row.violated(context));
  return rule ? `${rule.id} ${rule.errno}${rule.viaBadData ? ' B' : ''}` : 'accepted';
};

test('a mapping that is longer than the block size does not fit, except in a report', () => {
  expect(first({ acted: { ...acted, length: 8192n } })).toBe('inline/fits-block 12');
  expect(first({ acted: { ...acted, length: 4096n } })).toBe('accepted');
  expect(first({ acted: { ...acted, length: 8192n }, opflags: 4 })).toBe('accepted');
  expect(first({ acted: { ...acted, length: 1024n }, blockSizeBytes: 512n })).toBe('inline/fits-block 12');
  expect(first({ acted: { ...acted, length: 1024n }, blockSizeBytes: 512n }, 'r2')).toBe('accepted');
  expect(first({ acted: { ...acted, length: 8192n } }, 'r2')).toBe('inline/fits-block 117 B');
});

test('FUSE_READ must answer with data', () => {
  expect(first({ readAnswer: { errno: 0, bytes: 1n } })).toBe('accepted');
  expect(first({ readAnswer: { errno: 0, bytes: 0n } })).toBe('inline/read-data 5');
  expect(first({ readAnswer: { errno: 38, bytes: 0n } })).toBe('inline/read-data 5');
  expect(first({ readAnswer: { errno: 13, bytes: 0n } })).toBe('inline/read-data reply');
});

test('FUSE_WRITE stays inside the mapping and is acknowledged by no more than asked', () => {
  expect(first({ writeEnd: 4096n })).toBe('accepted');
  expect(first({ writeEnd: 4097n })).toBe('inline/write-within-mapping 5 B');
  expect(first({ writeAnswer: { errno: 0, asked: 100n, acknowledged: 100n } })).toBe('accepted');
  expect(first({ writeAnswer: { errno: 0, asked: 100n, acknowledged: 1n } })).toBe('accepted');
  expect(first({ writeAnswer: { errno: 0, asked: 100n, acknowledged: 101n } })).toBe('inline/write-ack 5 B');
  expect(first({ writeAnswer: { errno: 0, asked: 100n, acknowledged: 0n } })).toBe('inline/write-ack 5');
  expect(first({ writeAnswer: { errno: 38, asked: 100n, acknowledged: 0n } })).toBe('inline/write-ack 5');
});

test('writeback never meets inline data', () => {
  expect(first({ opflags: 0x8000_0000 })).toBe('inline/no-writeback 5 B');
  expect(first({ opflags: 0x8000_0000, acted: { ...acted, type: 2 } })).toBe('accepted');
});
