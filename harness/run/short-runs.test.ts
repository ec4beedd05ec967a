import { expect, test } from '@playwright/test';
import type { ByteSource } from '../../model/bytes.ts';
import { advanced } from '../../model/bytes.ts';
import type { Case } from '../../model/case.ts';
import type { Observation } from '../../model/observation.ts';
import { byteOf } from '../../model/pattern.ts';
import { MiB, geometry, makeCase, openCached } from '../../reproducers/testing/case-parts.ts';
import { nameShortRuns } from './short-runs.ts';

const write = (offset: bigint, lengthBytes: number, writer = 0) => ({
  call: 'pwrite' as const,
  fd: 0,
  offset,
  lengthBytes,
  writer,
});
const caseOf = (...writes: ReturnType<typeof write>[]): Case =>
  makeCase([openCached, ...writes], [], { geometry: geometry({ devices: [{ sizeBytes: MiB, access: 'rw' }] }) });
const bytesOf = (source: ByteSource, length: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, n) => byteOf(advanced(source, n))!));

/** What becomes of these bytes where they lie on a device. */
function named(testCase: Case, bytes: Buffer): ByteSource {
  const seen: Observation = {
    mount: { errno: 0, devices: [] },
    steps: [],
    transcript: [],
    events: [],
    inodes: [],
    deviceChanges: [
      {
        device: 0,
        offsetBytes: 4096n,
        content: [{ lengthBytes: bytes.length, source: { kind: 'other', hex: bytes.toString('hex') } }],
      },
    ],
  };
  nameShortRuns(testCase, seen);
  return seen.deviceChanges[0]!.content[0]!.source;
}

test('should name the writer of few bytes over the border of a word, and their place', () => {
  for (let within = 0n; within < 8n; within += 1n) {
    const offset = 0x1000n + within;
    // The last byte of a word is the same for all owners.
    const length = Number(8n - within) + (within === 7n ? 8 : 4);
    const source: ByteSource = { kind: 'writer', writer: 0, offsetBytes: offset };
    expect(named(caseOf(write(offset, length)), bytesOf(source, length)), `at ${offset}, ${length} bytes`).toEqual(
      source,
    );
  }
});

test('should leave bytes of unknown origin that several places hold', () => {
  // The magic alone is in each word.
  const bytes = bytesOf({ kind: 'writer', writer: 0, offsetBytes: 0x1007n }, 1);
  expect(named(caseOf(write(0x1007n, 1)), bytes)).toEqual({ kind: 'other', hex: bytes.toString('hex') });
  // Both writes hold them.
  const both = bytesOf({ kind: 'writer', writer: 0, offsetBytes: 0x1005n }, 3);
  expect(named(caseOf(write(0x1005n, 3)), both)).toEqual({ kind: 'writer', writer: 0, offsetBytes: 0x1005n });
  expect(named(caseOf(write(0x1005n, 3), write(0x2005n, 3)), both)).toEqual({
    kind: 'other',
    hex: both.toString('hex'),
  });
});

test('should not name the writer of bytes that a device holds elsewhere', () => {
  // The end of a word of the writer and the beginning of the next: also the beginning of word 0x1d520 of the device.
  const bytes = bytesOf({ kind: 'writer', writer: 0, offsetBytes: 0x1006n }, 3);
  expect(named(caseOf(write(0x1006n, 3)), bytes)).toEqual({ kind: 'other', hex: '20d501' });
});

test('should leave bytes that no place of the case holds', () => {
  const strange = Buffer.from('0123456789abcdef01', 'hex');
  expect(named(caseOf(write(0x1000n, 9)), strange)).toEqual({ kind: 'other', hex: strange.toString('hex') });
});

test("should name a device's own bytes where no others are like them", () => {
  const source: ByteSource = { kind: 'device', device: 0, offsetBytes: 0x3_0001n };
  expect(named(caseOf(write(0n, 1)), bytesOf(source, 9))).toEqual(source);
});
