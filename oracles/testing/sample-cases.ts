/**
 * Random cases for properties of the judges: operations over valid and wrong mappings, without the plan's care for
 * borders.
 */
import fc from 'fast-check';
import { CASE_SCHEMA, type Case, type ScriptLine, type Step } from '../../model/case.ts';
import type { MappingSpec } from '../../model/mapping.ts';
import type { Observation } from '../../model/observation.ts';
import { NULL_ADDR } from '../../uapi/revision.ts';
import { runIdeal } from './ideal-kernel.ts';

const BLOCK = 4096n;
const AREA = 1n << 18n;

/** A mapping over blocks [from, from + blocks); `area` keeps backed mappings of one case apart. */
const someMapping = (from: bigint, blocks: bigint, area: bigint, write: boolean): fc.Arbitrary<MappingSpec> =>
  fc
    .record({
      type: fc.constantFrom<MappingSpec['type']>(
        ...(write
          ? (['MAPPED', 'UNWRITTEN', 'DELALLOC'] as const)
          : (['HOLE', 'MAPPED', 'UNWRITTEN', 'DELALLOC'] as const)),
      ),
      flags: fc.subarray<MappingSpec['flags'][number]>(['SHARED', 'MERGED', 'WANT_IOMAP_END']),
      wrong: fc.oneof(
        { weight: 8, arbitrary: fc.constant<Partial<MappingSpec>>({}) },
        {
          weight: 1,
          arbitrary: fc.constantFrom<Partial<MappingSpec>>(
            { type: 9 },
            { flags: [0x200] },
            { length: 0n },
            { length: 100n },
            { offset: 3n },
            { type: 'NOCACHE', dev: 0, addr: NULL_ADDR, flags: [] },
            { type: 'MAPPED', dev: 77, addr: 0n },
          ),
        },
      ),
    })
    .map(({ type, flags, wrong }) => {
      const backed = type === 'MAPPED' || type === 'UNWRITTEN';
      return {
        type,
        flags,
        dev: backed ? { device: 0 } : 0,
        addr: backed ? area * AREA : NULL_ADDR,
        offset: from * BLOCK,
        length: blocks * BLOCK,
        ...wrong,
      };
    });

const operation = (start: bigint, lengthBytes: number): fc.Arbitrary<Step> =>
  fc.constantFrom<Step>(
    { call: 'pread', fd: 0, offset: start, lengthBytes },
    { call: 'pwrite', fd: 0, offset: start, lengthBytes, writer: 0 },
    { call: 'seekData', fd: 0, offset: start },
    { call: 'seekHole', fd: 0, offset: start },
    { call: 'fiemap', fd: 0, start, lengthBytes: BigInt(lengthBytes), flags: 0, extents: 2 },
  );

const someCase: fc.Arbitrary<Case> = fc
  .record({
    start: fc.bigInt({ min: 0n, max: 4n }),
    cuts: fc.array(fc.bigInt({ min: 1n, max: 3n }), { minLength: 1, maxLength: 3 }),
    debug: fc.boolean(),
  })
  .chain(({ start, cuts, debug }) => {
    const blocks = cuts.reduce((sum, count) => sum + count, 0n);
    return operation(start * BLOCK, Number(blocks * BLOCK)).chain((step) => {
      const write = step.call === 'pwrite';
      const starts = cuts.map((_, index) => start + cuts.slice(0, index).reduce((sum, count) => sum + count, 0n));
      return fc
        .tuple(...cuts.map((count, index) => someMapping(starts[index]!, count, BigInt(index), write)))
        .map((reads): Case => {
          const lines = reads.map((read, index): ScriptLine => ({
            on: 'IOMAP_BEGIN',
            times: 1,
            reply: {
              kind: 'mappings',
              read,
              write: {
                type: 'PURE_OVERWRITE',
                flags: [],
                dev: 0,
                addr: NULL_ADDR,
                offset: starts[index]! * BLOCK,
                length: cuts[index]! * BLOCK,
              },
            },
          }));
          return {
            schema: CASE_SCHEMA,
            revision: 'r3',
            debugIomap: debug,
            script: lines,
            geometry: {
              mount: 'ordinary',
              devices: [{ sizeBytes: 1 << 20, access: 'rw' }],
              files: [{ sizeBytes: (start + blocks) * BLOCK, attrFlags: ['IOMAP', 'EXCLUSIVE'] }],
            },
            workload: [{ call: 'open', file: 0, flags: ['rdwr', 'direct'] }, step, { call: 'close', fd: 0 }],
          };
        });
    });
  });

/** Cases with what an ideal kernel shows of them. */
export function sampleCases(count: number, seed: number): { of: Case; ideal: Observation }[] {
  return fc.sample(someCase, { seed, numRuns: count }).map((testCase) => ({ of: testCase, ideal: runIdeal(testCase) }));
}
