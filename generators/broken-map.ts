/**
 * For every rule of map/* and begin/* that judges a mapping: how to make the violating mapping nearest to the border
 * out of a valid one, and what its nearest legal neighbour is. A new rule is a row in its table and a row here.
 */
import fc from 'fast-check';
import type { MappingSpec } from '../model/mapping.ts';
import type { BeginDeviceRuleId, BeginValidateRuleId } from '../oracles/rules/begin.ts';
import type { MapRuleId } from '../oracles/rules/map.ts';
import type { Half } from '../oracles/rules/rule.ts';
import type { ClauseId } from '../oracles/rules/rule-id.ts';
import { nameOf, NULL_ADDR, type Revision } from '../uapi/revision.ts';
import { borderValue } from './border-value.ts';
import type { TypeName } from './mapping.ts';
import type { SettingConstraints } from './setting.ts';

export interface Border {
  violating: MappingSpec;
  legal: MappingSpec;
  /** What differs, for people. */
  note: string;
}

/** What a row works with. `pos`: where the reply is asked for; sizes and positions in bytes. */
interface BorderInput {
  /** By whose numbers a value is known or not. */
  revision: Revision;
  valid: MappingSpec;
  blockSize: bigint;
  pos: bigint;
  maxBytes: bigint;
  deviceCount: number;
}

export interface BorderRow {
  /** Types that the valid mapping may have; undefined: any. */
  types?: readonly TypeName[];
  /** The border needs the legal neighbour to be this type of mapping, which has none but null fields. */
  setting?: Partial<SettingConstraints>;
  /** The rules leave the types' own constraints alone; the row says which values to try. */
  make: (input: BorderInput) => fc.Arbitrary<Border>;
}

const WRAP = 1n << 64n;
const backed: readonly TypeName[] = ['MAPPED', 'UNWRITTEN'];
const unbacked: readonly TypeName[] = ['HOLE', 'DELALLOC', 'INLINE'];
const hex = (value: bigint | number): string => `0x${value.toString(16)}`;
/** Fields that a mapping without storage has. */
const nulls = { flags: [], dev: 0, addr: NULL_ADDR };

const field = <K extends keyof MappingSpec>(
  input: BorderInput,
  key: K,
  violating: MappingSpec[K],
  legal: MappingSpec[K] = input.valid[key],
): Border => ({
  violating: { ...input.valid, [key]: violating },
  legal: { ...input.valid, [key]: legal },
  note: `${key} ${show(violating)}, legal ${show(legal)}`,
});
const show = (value: MappingSpec[keyof MappingSpec]): string =>
  typeof value === 'bigint' ? hex(value) : typeof value === 'object' ? JSON.stringify(value) : String(value);
const pick = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
/** Cookies that a mapping without storage must not have. */
const someDevice = (input: BorderInput): fc.Arbitrary<MappingSpec['dev']> =>
  pick<MappingSpec['dev']>(1, 0x7fff_fffe, 0xffff_ffff, ...(input.deviceCount > 0 ? [{ device: 0 }] : []));
/** Distances below a block that break an alignment. */
const misalignments = (block: bigint): bigint[] =>
  [1n, -1n, block / 2n, 512n].filter((distance) => distance % block !== 0n);

/** An instruction in the half: nothing but its type and range. */
const instruction = (input: BorderInput, type: TypeName): MappingSpec => ({ ...input.valid, ...nulls, type });
const wrongField = (type: TypeName, key: 'flags' | 'dev' | 'addr'): BorderRow => ({
  make: (input) => {
    const legal = instruction(input, type);
    const values: fc.Arbitrary<Partial<MappingSpec>> =
      key === 'flags'
        ? pick<MappingSpec['flags']>(
            ['NEW'],
            ['WANT_IOMAP_END'],
            ['SHARED', 'DIRTY'],
            [input.revision.serverFlagsMask],
          ).map((flags) => ({ flags }))
        : key === 'dev'
          ? someDevice(input).map((dev) => ({ dev }))
          : borderValue({ max: NULL_ADDR - 1n }).map((addr) => ({ addr }));
    return values.map((wrong) => ({
      violating: { ...legal, ...wrong },
      legal,
      note: `${type} with ${key} ${show(Object.values(wrong)[0]!)}`,
    }));
  },
});

/** Rules about mappings that other cases show: those of requests that are atomic or of a swap file, and of access. */
type ShownOtherwise =
  | `begin/${Half}-no-retry-uncached`
  | 'begin/atomic-on-storage'
  | 'begin/atomic-flagged'
  | 'begin/device-readable'
  | 'begin/device-writable';
export type BorderRuleId = MapRuleId | Exclude<BeginValidateRuleId | BeginDeviceRuleId, ShownOtherwise>;

/** Both halves' rows of a clause. */
const perHalf = <Name extends string>(name: Name, row: BorderRow) =>
  Object.fromEntries((['read', 'write'] as const).map((half) => [`begin/${half}-${name}`, row])) as Record<
    `begin/${Half}-${Name}`,
    BorderRow
  >;

const rows: Readonly<Record<BorderRuleId, BorderRow>> = {
  'map/type-known': {
    make: (input) =>
      pick(
        ...[5, 252, 256, 6, 128, 0x7fff, 0x8000, 0xffff, 0x0102].filter(
          (type) => nameOf(input.revision.mappingTypes, type) === undefined,
        ),
      ).map((type) => field(input, 'type', type)),
  },
  'map/flags-known': {
    types: ['HOLE', 'DELALLOC', 'MAPPED', 'UNWRITTEN', 'INLINE'],
    make: (input) =>
      pick(
        ...[0x100, 0x200, 0x400, 0x800, 0x1000, 0x8000, 0xff00].filter(
          (flag) => (flag & ~input.revision.serverFlagsMask) !== 0,
        ),
      ).chain((flag) =>
        pick<MappingSpec['flags']>(['WANT_IOMAP_END'], ['WANT_IOMAP_END', 'MERGED']).map((legal) =>
          field(input, 'flags', [flag], legal),
        ),
      ),
  },
  'map/length-nonzero': { make: (input) => fc.constant(field(input, 'length', 0n)) },
  'map/offset-aligned': {
    make: (input) =>
      pick(...misalignments(input.blockSize))
        .filter((distance) => input.valid.offset + distance >= 0n)
        .map((distance) => field(input, 'offset', input.valid.offset + distance)),
  },
  'map/length-aligned': {
    make: (input) =>
      pick(...misalignments(input.blockSize)).map((distance) => field(input, 'length', input.valid.length + distance)),
  },
  'map/range-no-overflow': {
    setting: { minBlocks: 1 },
    // Backed mappings of that length would wrap on the device too; 2^64 is the first end that wraps.
    types: ['HOLE', 'DELALLOC', 'PURE_OVERWRITE'],
    make: (input) =>
      pick(0n, 1n).map((blocks) => {
        const offset = input.valid.offset === 0n ? input.blockSize : input.valid.offset;
        const at = { ...input, valid: { ...input.valid, offset } };
        const wraps = WRAP - offset;
        return field(
          at,
          'length',
          blocks === 1n && offset > input.blockSize ? wraps + input.blockSize : wraps,
          wraps - input.blockSize,
        );
      }),
  },
  'map/offset-below-maxbytes': {
    setting: { atMaxBytes: true },
    make: (input) => {
      const first = input.maxBytes + ((input.blockSize - (input.maxBytes % input.blockSize)) % input.blockSize);
      return pick(0n, 1n, 2n).map((blocks) =>
        field(input, 'offset', first + blocks * input.blockSize, first - input.blockSize),
      );
    },
  },
  'map/backed-has-device': { types: backed, make: (input) => fc.constant(field(input, 'dev', 0)) },
  'map/backed-has-addr': { types: backed, make: (input) => fc.constant(field(input, 'addr', NULL_ADDR)) },
  'map/unbacked-no-device': {
    types: unbacked,
    make: (input) => someDevice(input).map((dev) => field(input, 'dev', dev)),
  },
  'map/unbacked-no-addr': {
    types: unbacked,
    make: (input) =>
      fc
        .oneof(fc.constant(NULL_ADDR - 1n), borderValue({ max: NULL_ADDR - 1n }))
        .map((addr) => field(input, 'addr', addr)),
  },
  'map/no-device': {
    make: (input) =>
      pick<TypeName>('MAPPED', 'UNWRITTEN').map((type) => ({
        violating: { ...input.valid, flags: [], type, dev: 1, addr: 0n },
        legal: input.valid,
        note: `${type} with dev 1, legal ${String(input.valid.type)}`,
      })),
  },
  'map/overwrite-write-side': {
    make: (input) =>
      fc.constant({
        violating: instruction(input, 'PURE_OVERWRITE'),
        legal: input.valid,
        note: `type PURE_OVERWRITE, legal ${String(input.valid.type)}`,
      }),
  },
  'map/overwrite-no-flags': wrongField('PURE_OVERWRITE', 'flags'),
  'map/overwrite-no-device': wrongField('PURE_OVERWRITE', 'dev'),
  'map/overwrite-no-addr': wrongField('PURE_OVERWRITE', 'addr'),
  'map/retry-needs-cache': {
    make: (input) =>
      fc.constant({
        violating: instruction(input, 'RETRY_CACHE'),
        legal: input.valid,
        note: `type RETRY_CACHE without a mapping cache, legal ${String(input.valid.type)}`,
      }),
  },
  'map/instruction-no-flags': wrongField('NOCACHE', 'flags'),
  'map/instruction-no-device': wrongField('NOCACHE', 'dev'),
  'map/instruction-no-addr': wrongField('NOCACHE', 'addr'),
  'map/device-range-no-overflow': {
    types: backed,
    make: (input) => {
      const wraps = WRAP - input.valid.length;
      return pick(0n, 1n, input.valid.length - 2n).map((beyond) => field(input, 'addr', wraps + beyond, wraps - 1n));
    },
  },
  ...perHalf('not-nocache', {
    make: (input) =>
      fc.constant({
        violating: instruction(input, 'NOCACHE'),
        legal: input.valid,
        note: `type NOCACHE, legal ${String(input.valid.type)}`,
      }),
  }),
  ...perHalf('starts-by-pos', {
    make: (input) =>
      pick(0n, 1n).map((blocks) => {
        const last = input.pos - (input.pos % input.blockSize);
        return field(input, 'offset', last + (blocks + 1n) * input.blockSize, last);
      }),
  }),
  ...perHalf('covers-pos', {
    setting: { minBlocks: 1 },
    // The mapping ends at pos, or at the last block border before it.
    make: (input) =>
      pick(1n, 2n).map((blocks) => {
        const last = input.pos - (input.pos % input.blockSize);
        const length = blocks * input.blockSize <= last ? blocks * input.blockSize : input.blockSize;
        const at = { ...input.valid, offset: last - length };
        return {
          violating: { ...at, length },
          legal: { ...at, length: length + input.blockSize },
          note: `[${hex(at.offset)}, ${hex(last)}) for pos ${hex(input.pos)}, legal to ${hex(last + input.blockSize)}`,
        };
      }),
  }),
  ...perHalf('device-known', {
    types: backed,
    make: (input) =>
      pick(
        input.deviceCount + 1,
        input.deviceCount + 2,
        1024,
        1025,
        0x7fff_fffe,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_ffff,
      ).map((dev) => field(input, 'dev', dev)),
  }),
};

/** Those of map/*, which stand for halves of an upsert, too. */
export const mapRows: Readonly<Record<MapRuleId, BorderRow>> = rows;

export const borderRowOf = (id: ClauseId): BorderRow | undefined =>
  Object.hasOwn(rows, id) ? rows[id as BorderRuleId] : undefined;
