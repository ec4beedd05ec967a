/** Revisions with the numbers of a kernel. */
import { expect, test } from '@playwright/test';
import { operationsByName } from './fuse-operations.ts';
import { differences, numbersOf, revisionWith, type Numbers } from './numbers.ts';
import { revisions } from './revision.ts';

const { r1, r3 } = revisions;
const numbers = numbersOf(r3);
const moved: Numbers = {
  ...numbers,
  initBit: 55,
  opcodes: { ...numbers.opcodes, IOMAP_BEGIN: 54, IOMAP_CONFIG: 60 },
  mappingFlags: { ...numbers.mappingFlags, WANT_IOMAP_END: 0x4000, STALE: 0x80 },
};

test('should be the revision itself where the numbers are those of its table', () => {
  expect(revisionWith('r3', undefined)).toBe(r3);
  expect(revisionWith('r3', structuredClone(numbers))).toBe(r3);
  // What a kernel has besides changes nothing.
  expect(revisionWith('r1', numbers)).toBe(r1);
});

test('should have the numbers of the kernel for what it has, and its own rules', () => {
  const revision = revisionWith('r3', moved);
  expect(revision).toMatchObject({ id: 'r3', initBit: 55, minor: 99, lacksRules: r3.lacksRules });
  expect(operationsByName(revision).get('IOMAP_BEGIN')?.opcode).toBe(54);
  expect(operationsByName(revision).get('IOMAP_END')?.opcode).toBe(4095);
  // The flags that a server may set are the same, by other bits.
  expect(revision.serverFlagsMask).toBe(0x407f);
  // Made once, although a guest is sent the numbers again and again.
  expect(revisionWith('r3', structuredClone(moved))).toBe(revision);
});

test('should not gain what it lacks', () => {
  const revision = revisionWith('r1', moved);
  expect(revision.opcodes).toEqual({ IOMAP_BEGIN: 54, IOMAP_END: 4095 });
  expect(revision.notifications).toEqual({});
});

test('should keep the number of what the kernel does not say', () => {
  const { STALE: _STALE, ...flags } = moved.mappingFlags;
  expect(revisionWith('r3', { ...moved, mappingFlags: flags }).mappingFlags.STALE).toBe(0x200);
});

test('should name each number that is another', () => {
  expect(differences(r3, moved)).toEqual([
    { what: 'initBit', table: 43, kernel: 55 },
    { what: 'opcodes', name: 'IOMAP_CONFIG', table: 4092, kernel: 60 },
    { what: 'opcodes', name: 'IOMAP_BEGIN', table: 4094, kernel: 54 },
    { what: 'mappingFlags', name: 'WANT_IOMAP_END', table: 0x80, kernel: 0x4000 },
    { what: 'mappingFlags', name: 'STALE', table: 0x200, kernel: 0x80 },
  ]);
});

test('should not claim since which minor a kernel honours EXCLUSIVE where its header says another', () => {
  expect(revisionWith('r3', moved).refusedMinor).toBe(98);
  // It may be any of 47 to 120, and Linux without fuse-iomap had 46.
  expect(revisionWith('r3', { ...moved, minor: 120 })).toMatchObject({ minor: 120, refusedMinor: 46 });
  expect(revisionWith('r3', { ...moved, minor: 47 })).toMatchObject({ minor: 47, refusedMinor: 46 });
});
