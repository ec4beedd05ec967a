/**
 * Records of a kernel of other authors (oracles/foreign): what uses a liberty conforms, what is wrong deviates for its
 * reason and nothing else.
 */
import { expect, test } from '@playwright/test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../../files/repository-root.ts';
import type { Deviation } from '../../../model/verdict.ts';
import { judgeStored } from './judge.ts';
import { storedItem } from './record.ts';

const directory = join(repositoryRoot(), 'oracles/foreign');
interface Stored {
  verdict: 'conforms' | 'deviates';
  why: string;
}
const records = readdirSync(directory)
  .filter((name) => name.endsWith('.json'))
  .map((name) => ({
    name: name.slice(0, -'.json'.length),
    json: JSON.parse(readFileSync(join(directory, name), 'utf8')) as Stored,
  }));

/** What each cause must be found by: one deviation for each entry, in any order. */
const reasons: Readonly<Record<string, readonly Partial<Record<keyof Deviation, unknown>>[]>> = {
  K1: [{ rule: 'device/bytes', aspect: 'device-bytes' }],
  K5: [
    {
      rule: 'request/writeback-ioend',
      aspect: 'request',
      seen: expect.stringMatching(/^IOMAP_IOEND with new_addr 0x[0-9a-f]{1,2}$/),
    },
  ],
  K7: [
    {
      rule: 'writeback/silent-loss',
      aspect: 'errno',
      expected: expect.stringMatching(/^EIO: the server gave no place to what was written to \[.*type\/hole/),
      seen: 'success, 0',
    },
  ],
  K11: [{ rule: 'kernel/warning', seen: expect.stringContaining('iomap_read_inline_data') }],
  K13: [{ rule: 'kernel/warning', seen: expect.stringContaining('iomap_zero_range') }],
  N2: [{ rule: 'size', aspect: 'size' }],
  N4: [
    {
      rule: 'request/writeback',
      aspect: 'request',
      facts: expect.objectContaining({ differs: 'missing', operation: 'writeback' }),
    },
  ],
  N6: [
    {
      rule: 'device/bytes',
      aspect: 'device-bytes',
      expected: expect.stringContaining('of device 0: device 0'),
      seen: expect.stringContaining('writer 0'),
    },
    {
      rule: 'device/bytes',
      aspect: 'device-bytes',
      expected: expect.stringContaining('of device 1: writer 0'),
      seen: expect.stringContaining('device 1'),
    },
  ],
  N7: [{ rule: 'device/read', aspect: 'bytes-read', seen: 'zeros' }],
  N9: [{ rule: 'kernel/warning', seen: expect.stringContaining('iomap_add_to_ioend') }],
  N10: [{ rule: 'begin/error', aspect: 'errno', expected: 'ENOTBLK', seen: expect.stringMatching(/^success/) }],
  N11: [{ rule: 'begin/error', aspect: 'errno', expected: 'ENOENT', seen: 'success, 0' }],
  N12: [
    {
      rule: 'request/fsync',
      aspect: 'request',
      facts: expect.objectContaining({ request: 'FSYNC', differs: 'missing' }),
    },
  ],
  N14: [{ rule: 'kernel/assertion', aspect: 'kernel-log' }],
};

test('should be there for both verdicts', () => {
  expect(records.filter(({ json }) => json.verdict === 'conforms')).toHaveLength(29);
  expect(records.filter(({ json }) => json.verdict === 'deviates')).toHaveLength(30);
});

for (const { name, json } of records) {
  test(`${name} should ${json.verdict === 'conforms' ? 'conform' : 'deviate'}: ${json.why}`, () => {
    const judged = judgeStored(storedItem(json, { file: name }));
    if (json.verdict === 'conforms') {
      expect(judged).toMatchObject({ kind: 'judged', verdict: { kind: 'conforms' } });
      return;
    }
    const reason = reasons[name.split('-')[0]!]!;
    expect(judged).toMatchObject({
      kind: 'judged',
      verdict: {
        kind: 'deviates',
        deviations: expect.arrayContaining(reason.map((one) => expect.objectContaining(one))),
      },
    });
    expect(judged.kind === 'judged' && judged.verdict.kind === 'deviates' && judged.verdict.deviations).toHaveLength(
      reason.length,
    );
  });
}
