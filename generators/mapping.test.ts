import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import { revisions } from '../uapi/revision.ts';
import { beginTableOf } from '../oracles/rules/first-violation.ts';
import type { MapContext } from '../oracles/rules/context.ts';
import type { MappingSpec } from '../model/mapping.ts';
import { harmlessFlags, mapping, typesFor } from './mapping.ts';
import { paths, setting, stretch } from './setting.ts';

const { mappingTypes, mappingFlags } = revisions.r3;
const context = (map: MappingSpec, half: 'read' | 'write', blockSizeBytes: bigint, maxBytes: bigint): MapContext => ({
  revision: revisions.r3,
  blockSizeBytes,
  maxBytes,
  devices: new Map(),
  inodeHasCache: false,
  half,
  mapping: {
    offset: map.offset,
    length: map.length,
    addr: map.addr,
    type: mappingTypes[map.type as 'HOLE']!,
    dev: typeof map.dev === 'number' ? map.dev : map.dev.device + 1,
    flags: map.flags.reduce<number>((sum, flag) => sum | mappingFlags[flag as 'NEW']!, 0),
  },
});

const drawn = fc
  .constantFrom(...paths)
  .chain((path) => setting({ path }))
  .chain((cellSetting) =>
    fc
      .constantFrom('read' as const, 'write' as const)
      .chain((half) =>
        fc
          .constantFrom(...typesFor(cellSetting.path, half, half === 'read'))
          .chain((type) =>
            fc
              .record({ of: fc.constant(cellSetting), half: fc.constant(half), area: fc.nat(3), exact: fc.boolean() })
              .chain(({ area, exact }) =>
                mapping({
                  setting: cellSetting,
                  ...stretch(cellSetting),
                  type,
                  area,
                  exact,
                  flags: harmlessFlags(cellSetting.path),
                }).map((map) => ({ of: cellSetting, half, map, area })),
              ),
          ),
      ),
  );

test('every rule of map lets it pass', () => {
  fc.assert(
    fc.property(drawn, ({ of: cellSetting, half, map }) => {
      const facts = context(map, half, cellSetting.blockSize, cellSetting.maxBytes ?? (1n << 63n) - 1n);
      expect(
        beginTableOf(revisions.r3)
          .map.filter((rule) => rule.halves!.includes(half) && rule.applies(facts) && rule.violated(facts))
          .map((rule) => rule.id),
      ).toEqual([]);
    }),
    { numRuns: 500, seed: 2 },
  );
});

test('it covers its range, and stays inside its area of the device', () => {
  fc.assert(
    fc.property(drawn, ({ of: cellSetting, map, area }) => {
      const { start, end } = stretch(cellSetting);
      expect(map.offset <= start && map.offset + map.length >= end).toBe(true);
      if (typeof map.dev === 'object') {
        const size = BigInt(cellSetting.devices[map.dev.device]!.sizeBytes) / 4n;
        expect(map.addr >= BigInt(area) * size && map.addr + map.length <= BigInt(area + 1) * size).toBe(true);
      }
    }),
    { numRuns: 500, seed: 3 },
  );
});
