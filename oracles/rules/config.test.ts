import { expect, test } from '@playwright/test';
import { configOut, type ConfigOut } from '../../uapi/iomap.ts';
import { revisions, type RevisionId } from '../../uapi/revision.ts';
import { configGeometry, firstConfigViolation } from './config.ts';

const reply = (change: Partial<ConfigOut>): ConfigOut => ({ ...configOut.decode(Buffer.alloc(104)), ...change });
const first = (change: Partial<ConfigOut>, id: RevisionId = 'r3'): string | undefined =>
  firstConfigViolation({ revision: revisions[id], reply: reply(change), pageSizeBytes: 4096 })?.rule;

const pairs: readonly [rule: string, violating: Partial<ConfigOut>, legal: Partial<ConfigOut>][] = [
  ['config/flags-known', { flags: 0x80n }, { flags: 0x4bn }],
  ['config/uuid-length', { sUuidLen: 17 }, { sUuidLen: 16 }],
  ['config/padding-zero', { sPad: Uint8Array.of(0, 0, 1) }, { sPad: Uint8Array.of(0, 0, 0), pad: 1 }],
  ['config/time-granularity', { flags: 0x10n, sTimeGran: 0 }, { flags: 0x10n, sTimeGran: 1 }],
  ['config/time-granularity', { flags: 0x10n, sTimeGran: 1_000_000_001 }, { flags: 0x10n, sTimeGran: 1_000_000_000 }],
  ['config/maxbytes-range', { flags: 0x20n, sMaxbytes: -1n }, { flags: 0x20n, sMaxbytes: (1n << 63n) - 1n }],
  ['config/blocksize', { flags: 4n, sBlocksize: 256 }, { flags: 4n, sBlocksize: 512 }],
  ['config/blocksize', { flags: 4n, sBlocksize: 8192 }, { flags: 4n, sBlocksize: 4096 }],
  ['config/blocksize', { flags: 4n, sBlocksize: 768 }, { sBlocksize: 768 }],
];
for (const [index, [rule, violating, legal]] of pairs.entries()) {
  test(`${rule} refuses in pair ${index} the first and not the second`, () => {
    expect(first(violating)).toBe(rule);
    expect(first(legal)).toBeUndefined();
  });
}

test('r2 looks at flags, UUID length and padding only', () => {
  expect(first({ flags: 4n, sBlocksize: 256 }, 'r2')).toBeUndefined();
  expect(first({ flags: 0x20n, sMaxbytes: -1n }, 'r2')).toBeUndefined();
  expect(first({ sPad: Uint8Array.of(1, 0, 0) }, 'r2')).toBe('config/padding-zero');
  expect(first({ pad: 1 }, 'r2')).toBeUndefined();
});

test('what is not flagged is not set', () => {
  const of = (flags: bigint) =>
    configGeometry({
      revision: revisions.r3,
      reply: reply({ flags, sBlocksize: 512, sMaxbytes: 4096n }),
      pageSizeBytes: 4096,
    });
  expect(of(0n)).toEqual({});
  expect(of(0x24n)).toEqual({ blockSizeBytes: 512n, maxBytes: 4096n });
});
