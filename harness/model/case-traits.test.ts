import { expect, test } from '@playwright/test';
import { makeCase, openDirect } from '../run/emit/testing/samples.ts';
import { mostRequests } from './case-traits.ts';

const fiemap = (lengthBytes: bigint) => makeCase([openDirect, { call: 'fiemap', fd: 0, start: 0n, lengthBytes, flags: 0, extents: 4 }], []);

test('should be certain that a kernel is in a loop only where the case cannot need so many requests', () => {
  expect(mostRequests(fiemap(1n << 16n))).toMatchObject({ certain: true });
  expect(mostRequests(fiemap(1n << 40n))).toEqual({ most: 20_000, certain: false });
});

test('should count the blocks of the file where a syscall looks through it', () => {
  const seek = (sizeBytes: bigint) => {
    const of = makeCase([openDirect, { call: 'seekData', fd: 0, offset: 0n }], []);
    return mostRequests({ ...of, geometry: { ...of.geometry, files: of.geometry.files.map((file) => ({ ...file, sizeBytes })) } });
  };
  expect(seek(1n << 16n)).toMatchObject({ certain: true });
  expect(seek(1n << 62n)).toMatchObject({ certain: false });
});
