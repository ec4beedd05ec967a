import { expect, test } from '@playwright/test';
import { decodeCase, type Case } from './case.ts';
import { mostRequests } from './case-traits.ts';

const makeCase = (step: object, sizeBytes: bigint): Case =>
  decodeCase({
    schema: 1,
    revision: 'r3',
    geometry: {
      mount: 'ordinary',
      devices: [],
      files: [{ sizeBytes: String(sizeBytes), attrFlags: ['IOMAP', 'EXCLUSIVE'] }],
    },
    script: [],
    workload: [{ call: 'open', file: 0, flags: ['rdonly'] }, step],
    debugIomap: false,
  });
const fiemap = (lengthBytes: bigint): Case =>
  makeCase({ call: 'fiemap', fd: 0, start: '0', lengthBytes: String(lengthBytes), flags: 0, extents: 4 }, 4096n);

test('should be certain that a kernel is in a loop only where the case cannot need so many requests', () => {
  expect(mostRequests(fiemap(1n << 16n))).toMatchObject({ certain: true });
  expect(mostRequests(fiemap(1n << 40n))).toEqual({ most: 20_000, certain: false });
});

test('should count the blocks of the file where a syscall looks through it', () => {
  const seek = (sizeBytes: bigint) => mostRequests(makeCase({ call: 'seekData', fd: 0, offset: '0' }, sizeBytes));
  expect(seek(1n << 16n)).toMatchObject({ certain: true });
  expect(seek(1n << 62n)).toMatchObject({ certain: false });
});
