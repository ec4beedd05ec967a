import { expect, test } from '@playwright/test';
import type { ByteKind, Deviation } from '../verdict.ts';
import { causesOf } from './cause.ts';

const accepted = (rule: string, step = 1): Deviation => ({
  rule,
  aspect: 'errno',
  expected: 'EUCLEAN',
  seen: 'success, 4096',
  step,
  facts: { errno: { expected: ['EUCLEAN'], seen: 'success' } },
});
const silent = (rule: string, step = 1): Deviation => ({
  rule,
  aspect: 'trace-event',
  expected: 'a condition',
  seen: 'no report',
  step,
  facts: { condition: { expected: 'a condition' } },
});
const extra: Deviation = {
  rule: 'request/none',
  aspect: 'request',
  expected: 'no further request',
  seen: 'IOMAP_END',
  step: 1,
  facts: { request: 'IOMAP_END', operation: 'direct read', differs: 'extra' },
};
const field = (name: string, seen: string): Deviation => ({
  rule: 'request/writeback-ioend',
  aspect: 'request',
  expected: '',
  seen: '',
  step: 2,
  facts: {
    request: 'IOMAP_IOEND',
    operation: 'writeback',
    differs: 'fields',
    fields: [{ name, expected: '0x1000', seen }],
  },
});
const wrongBytes: Deviation = {
  rule: 'device/bytes',
  aspect: 'device-bytes',
  expected: '',
  seen: '',
  facts: { bytes: { expected: ['unchanged'], seen: 'writer' } },
};
const missingBytes: Deviation = {
  rule: 'device/bytes',
  aspect: 'device-bytes',
  expected: '',
  seen: '',
  facts: { bytes: { expected: ['writer'], seen: 'unchanged' } },
};
const size = (step: number): Deviation => ({
  rule: 'size',
  aspect: 'size',
  expected: '1 bytes',
  seen: '2 bytes',
  step,
  facts: { value: 'size' },
});
const warning: Deviation = {
  rule: 'kernel/warning',
  aspect: 'kernel-log',
  expected: 'no warning',
  seen: 'WARNING: fs/iomap/iter.c:40 at iomap_iter+0x1/0x2, CPU#0: node/48',
};
const keys = (...deviations: Deviation[]): string[] => causesOf(deviations).map(({ key }) => key);

test('should make one finding of all channels of a refusal that did not come, and of what follows from it', () => {
  expect(keys(silent('map/a'), accepted('map/a'), extra, wrongBytes, size(2))).toEqual(['map/a | accepted']);
  const [cause] = causesOf([accepted('map/a'), extra, wrongBytes]);
  expect(cause!.follows).toEqual([extra, wrongBytes]);
  // Alone they are findings.
  expect(keys(extra)).toEqual(['IOMAP_END | direct read | extra']);
});

test('should keep what came before a cause, and what is no matter of it', () => {
  expect(keys(size(1), accepted('map/a', 3))).toEqual(['size | size']);
  expect(keys(accepted('map/a', 3), size(5))).toEqual(['map/a | accepted']);
  // The server's answer does not depend on a field of IOEND, nor does a refusal make one wrong.
  expect(keys(field('new_addr', '0x8'), wrongBytes)).toEqual([
    'IOMAP_IOEND | new_addr | writeback',
    'bytes | unchanged | writer',
  ]);
});

test('should tell a refusal without a report from none at all, and from a report of something else', () => {
  const other: Deviation = { ...silent('map/a'), facts: { condition: { expected: 'a condition', seen: 'another' } } };
  expect([keys(silent('map/a')), keys(accepted('map/a')), keys(other, accepted('map/a'))]).toEqual([
    ['map/a | not reported'],
    ['map/a | accepted'],
    ['map/a | reported as | another'],
  ]);
});

test('should have one finding for data that went to the wrong place, not a second one for its absence', () => {
  expect(keys(wrongBytes, missingBytes)).toEqual(['bytes | unchanged | writer']);
  expect(keys(missingBytes)).toEqual(['bytes | writer | unchanged']);
});

test('should name a warning by what the kernel says besides addresses, lines, processors and tasks', () => {
  expect(keys(warning)).toEqual(['kernel | WARNING: fs/iomap/iter.c at iomap_iter']);
  expect(keys({ ...warning, seen: 'WARNING: fs/iomap/iter.c:41 at iomap_iter+0x8/0x9, CPU#1: fuse/7' })).toEqual(
    keys(warning),
  );
  expect(
    keys({ ...warning, seen: 'WARNING: fs/iomap/iter.c:41 at iomap_iter_done+0x8/0x9, CPU#1: fuse/7' }),
  ).not.toEqual(keys(warning));
  // It says more than what came of it, and is told beside what was let through: to know of one is not to know of the
  // other.
  expect(keys(extra, warning, size(3))).toEqual(keys(warning));
  expect(keys(accepted('map/a'), warning, silent('map/a'))).toEqual(['map/a | accepted', ...keys(warning)]);
});

test('should not hang on values, and should tell errnos of the server apart only where they mean something to the kernel', () => {
  expect(keys(field('new_addr', '0x8'))).toEqual(keys(field('new_addr', '0x10')));
  expect(keys(field('new_addr', '0x8'))).not.toEqual(keys(field('dev', '0x8')));
  const lost = (errno: string): Deviation => ({
    ...accepted('begin/error'),
    facts: { errno: { expected: [errno], seen: 'success' }, answered: { expected: true } },
  });
  expect(keys(lost('EPERM'))).toEqual(keys(lost('EBUSY')));
  expect(keys(lost('ENOTBLK'))).not.toEqual(keys(lost('ENOENT')));
  expect(causesOf([lost('ENOENT')])[0]!.general[0]!.key).toBe(keys(lost('EPERM'))[0]);
});

test('should tell with a request what length of its answer was taken', () => {
  const answer: Deviation = {
    rule: 'answer/written',
    aspect: 'result',
    expected: 'READ: write() fails with EINVAL',
    seen: 'write() takes it',
    step: 1,
    facts: { errno: { expected: ['EINVAL'], seen: 'success' } },
  };
  const read = (step: number): Deviation => ({
    rule: 'request/inline',
    aspect: 'request',
    expected: 'READ with size 0x400',
    seen: 'READ with size 0x200',
    step,
    facts: { request: 'READ', differs: 'fields', fields: [{ name: 'size', expected: '0x400', seen: '0x200' }] },
  });
  expect(keys(answer, read(1))).toEqual(keys(read(1)));
  expect(keys(read(1), answer)).toEqual(keys(read(1)));
  expect(keys(answer, read(0))).toHaveLength(2);
});

test('should read deviations of older results, which have no facts', () => {
  const old: Deviation = { rule: 'map/a', aspect: 'errno', expected: 'EUCLEAN', seen: 'success, 4096', step: 1 };
  expect(keys(old)).toEqual(keys({ ...old, seen: 'success, 512' }));
  expect(keys(old)).not.toEqual(keys({ ...old, seen: 'EIO' }));
});

test('should have a cause for every case that deviates, whatever explains what', () => {
  const errno: Deviation = {
    rule: 'type/mapped',
    aspect: 'errno',
    expected: 'success, 4096',
    seen: 'EUCLEAN',
    facts: { errno: { expected: ['success'], seen: 'EUCLEAN' } },
    step: 1,
  };
  const report: Deviation = {
    rule: 'refusal/none',
    aspect: 'trace-event',
    expected: 'no report',
    seen: 'map->flags != 0',
    facts: { condition: { seen: 'map->flags != 0' } },
  };
  const read: Deviation = { rule: 'type/mapped', aspect: 'bytes-read', expected: 'zeros', seen: 'device 0', step: 0 };
  const size: Deviation = { rule: 'size', aspect: 'size', expected: '1', seen: '2', step: 2 };
  for (const all of [
    [errno, report],
    [report, errno],
    [errno],
    [report],
    [read, report, size],
    [size, read, errno, report],
  ]) {
    const causes = causesOf(all);
    expect(causes.length).toBeGreaterThan(0);
    // Nothing that deviates is left untold.
    expect(new Set(causes.flatMap(({ deviation, follows }) => [deviation, ...follows])).size).toBe(all.length);
  }
  expect(causesOf([errno, report])).toMatchObject([{ deviation: report, follows: [errno] }]);
});

test('should take whatever shows where zeros belong for what was not zeroed, and data from elsewhere for another fault', () => {
  const instead = (seen: ByteKind, aspect: Deviation['aspect'] = 'device-bytes'): Deviation => ({
    rule: 'device/bytes',
    aspect,
    expected: '',
    seen: '',
    facts: { bytes: { expected: ['zeros'], seen } },
  });
  for (const seen of ['device', 'unchanged', 'unknown'] as const)
    expect(keys(instead(seen))).toEqual(['bytes | zeros | device']);
  expect(keys(instead('writer'))).toEqual(['bytes | zeros | writer']);
  // Where data belongs it is no matter of zeroing.
  expect(keys(missingBytes)).toEqual(['bytes | writer | unchanged']);
});
