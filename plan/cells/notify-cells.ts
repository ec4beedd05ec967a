/**
 * Cells of notifications: upsert/*, inval/*, devinval/* and map/* in both halves of an upsert; every rule with both
 * sides of its border.
 */
import fc from 'fast-check';
import { mapRows } from '../../generators/broken-map.ts';
import {
  notifyCase,
  notifySetting,
  retryCache,
  storable,
  storedTypes,
  validUpsert,
  type NotifyCase,
  type Upsert,
} from '../../generators/notification.ts';
import type { PlannedCase } from '../../generators/reply-case.ts';
import { DEVICE_SIZE, stretch, targetOf, type Setting, type SettingConstraints } from '../../generators/setting.ts';
import { beginTableOf } from '../../oracles/rules/first-violation.ts';
import {
  devInvalRules,
  invalInodeRules,
  invalRangeRules,
  upsertHalfRules,
  upsertInodeRules,
  type DevInvalRuleId,
  type InvalInodeRuleId,
  type InvalRangeRuleId,
  type UpsertHalfRuleId,
  type UpsertInodeRuleId,
} from '../../oracles/rules/notifications.ts';
import type { Half } from '../../oracles/rules/rule.ts';
import type { Geometry, Reply, Step } from '../../model/case.ts';
import { attrOut } from '../../uapi/fuse-structs.ts';
import type { MappingSpec } from '../../model/mapping.ts';
import type { Notification } from '../../model/notification.ts';
import { INVAL_TO_EOF, nameOf, NULL_ADDR, type Revision } from '../../uapi/revision.ts';
import {
  borders,
  cellId,
  impossible,
  possible,
  possibleKinds,
  type Border,
  type CellKey,
  type PlanCell,
} from '../cell.ts';
import { hasRule } from '../../oracles/rules/rule-id.ts';
import { LOFF_MAX } from '../../uapi/units.ts';

const PATH = 'notify';
const U64_MAX = (1n << 64n) - 1n;
const halves: readonly Half[] = ['read', 'write'];

type Inval = Extract<Notification, { kind: 'inval' }>;
type DevInval = Extract<Notification, { kind: 'devInval' }>;
type Made = Pick<NotifyCase, 'notifications' | 'note' | 'geometry' | 'behind' | 'first' | 'extra'>;

const reached = (key: CellKey): string =>
  cellId({ rule: key.rule, ...(key.half && { half: key.half }), path: '' }).trim();
const hex = (value: bigint): string => `0x${value.toString(16)}`;
const blockOf = (value: bigint, block: bigint): bigint => value - (value % block);

/**
 * What must be refused for the first of two reasons has the second one as well in every third case: the order is a
 * rule, too.
 */
const alsoBroken = (map: MappingSpec, border: Border): fc.Arbitrary<MappingSpec> =>
  border === 'legal'
    ? fc.constant(map)
    : fc.oneof(
        { weight: 2, arbitrary: fc.constant(map) },
        { weight: 1, arbitrary: fc.constantFrom<MappingSpec>({ ...map, type: 9 }, { ...map, length: 0n }) },
      );

function cell(
  revision: Revision,
  key: CellKey,
  make: (setting: Setting) => fc.Arbitrary<Made>,
  constraints: Partial<SettingConstraints> = {},
): PlanCell {
  const cases: fc.Arbitrary<PlannedCase> = notifySetting(revision, constraints).chain((setting) =>
    make(setting).map((parts) => notifyCase({ revision, setting: setting, ...parts })),
  );
  return { ...possible(key, cases), ...(key.border && { reaches: reached(key) }) };
}

export function notifyCells(revision: Revision): PlanCell[] {
  const cells = [
    ...mapCells(revision),
    ...upsertCells(revision),
    ...invalCells(revision),
    ...devInvalCells(revision),
    ...ordinaryCells(revision),
  ];
  if (revision.notifications.IOMAP_UPSERT_MAPPINGS !== undefined) return cells;
  return cells.map(({ rule, half, path, border }) =>
    impossible(
      { rule, path, ...(half && { half }), ...(border && { border }) },
      `revision ${revision.id} has no notifications`,
    ),
  );
}

/** map/* on a half of an upsert. */
function mapCells(revision: Revision): PlanCell[] {
  return beginTableOf(revision).map.flatMap((rule) =>
    rule.halves!.flatMap((half) =>
      borders.map((border): PlanCell => {
        const key = { rule: rule.id, half, path: PATH, border };
        const row = mapRows[rule.id];
        if (rule.id === 'map/retry-needs-cache')
          return cell(revision, key, (setting) => retry(revision, setting, half, border));
        const types = storedTypes(revision, half).filter((type) => !row.types || row.types.includes(type));
        if (types.length === 0) return impossible(key, 'no mapping of that type may be stored in this half');
        return cell(
          revision,
          key,
          (setting) => {
            const input = {
              revision,
              blockSize: setting.blockSize,
              pos: targetOf(setting),
              maxBytes: setting.maxBytes ?? LOFF_MAX,
              deviceCount: setting.devices.length,
            };
            return fc
              .tuple(
                fc
                  .constantFrom(...types)
                  .chain((type) => storable(setting, type, half))
                  .chain((valid) => row.make({ ...input, valid })),
                validUpsert(revision, setting),
              )
              .chain(([borderReply, upsert]) =>
                (half === 'read'
                  ? alsoBroken(upsert.write, border).map((write) => ({ read: borderReply[border], write }))
                  : fc.constant({ read: upsert.read, write: borderReply[border] })
                ).map((both): Made => ({
                  notifications: [{ ...upsert, ...both }],
                  note: `upsert, ${half} ${borderReply.note}`,
                })),
              );
          },
          row.setting,
        );
      }),
    ),
  );
}

/** RETRY_CACHE before and after the inode has a cache; with one, another rule refuses it. */
function retry(revision: Revision, setting: Setting, half: Half, border: Border): fc.Arbitrary<Made> {
  return fc
    .tuple(
      validUpsert(revision, setting),
      fc.constantFrom(...storedTypes(revision, 'read')).chain((type) => storable(setting, type, 'read')),
    )
    .map(([upsert, stored]) => ({
      notifications: [
        ...(border === 'legal' ? [{ ...upsert, read: stored }] : []),
        { ...upsert, [half]: retryCache(upsert[half].offset, upsert[half].length) },
      ],
      note: `upsert of RETRY_CACHE in the ${half} half, ${border === 'legal' ? 'with' : 'without'} a mapping cache`,
    }));
}

interface InodeValue {
  change: Partial<Pick<Upsert, 'node' | 'attrIno' | 'sentBytes'>>;
  geometry?: Partial<Geometry>;
  note: string;
}
/** `size` of `upsert/size`. */
type CheckOf<Id extends string> = Id extends `${string}/${infer Check}` ? Check : never;
type InodeCheck = CheckOf<UpsertInodeRuleId | InvalInodeRuleId>;
type InodeValues = Record<Border, readonly InodeValue[]>;
type AttrFlags = Geometry['files'][number]['attrFlags'];
const attrsWithoutIomap: readonly Readonly<AttrFlags>[] = [[], ['IOMAP'], ['EXCLUSIVE']];
const fileOf = (setting: Setting, attrFlags: AttrFlags = ['IOMAP', 'EXCLUSIVE']) => ({
  sizeBytes: setting.fileSize,
  attrFlags,
});

/**
 * Values on both sides of the rules about connection and inode, the same for UPSERT and INVAL. `size`: the right one.
 */
function inodeValues(size: number, setting: Setting): Readonly<Record<InodeCheck, InodeValues>> {
  const plain = [{ change: {}, note: 'as it should be' }];
  const second = { files: [fileOf(setting), fileOf(setting)] };
  return {
    size: {
      violating: [0, 8, 16, 24, 47, 48, 64, size - 1, size + 1, size + 8, 79, 80, 81, 4096]
        .filter((bytes) => bytes !== size)
        .map((sentBytes) => ({ change: { sentBytes }, note: `${sentBytes} bytes` })),
      legal: [{ change: { sentBytes: size }, note: `${size} bytes` }],
    },
    'iomap-connection': {
      violating: [{ change: {}, geometry: { initIomap: false }, note: 'INIT answered without iomap' }],
      legal: plain,
    },
    'node-known': {
      violating: [
        ...[0n, 2n, 0xffffn, U64_MAX].map((nodeid): InodeValue => ({
          change: { node: { nodeid } },
          note: `nodeid ${hex(nodeid)}`,
        })),
        { change: { node: { file: 1 } }, geometry: second, note: 'a file that the kernel has not looked up' },
      ],
      legal: [{ change: {}, geometry: second, note: 'a file that is open' }],
    },
    'ino-matches': {
      violating: [0n, 1n, U64_MAX].map((attrIno) => ({ change: { attrIno }, note: `attr_ino ${hex(attrIno)}` })),
      legal: plain,
    },
    'iomap-inode': {
      violating: attrsWithoutIomap.map((flags) => ({
        change: {},
        geometry: { files: [fileOf(setting, [...flags])] },
        note: `file with ${flags.join() || 'no attribute flags'}`,
      })),
      legal: plain,
    },
    'inode-healthy': {
      violating: [{ change: {}, note: 'an inode whose attributes were those of a directory' }],
      legal: [{ change: {}, note: 'an inode whose attributes were asked for' }],
    },
  };
}

/** An inode whose type changes is marked bad (fs/fuse/dir.c, fuse_do_getattr). */
const ofDirectory: Reply = {
  kind: 'raw',
  payload: attrOut
    .encode({
      attrValid: 3600n,
      attr: {
        ino: 0n,
        size: 0n,
        blocks: 0n,
        atime: 0n,
        mtime: 0n,
        ctime: 0n,
        atimensec: 0,
        mtimensec: 0,
        ctimensec: 0,
        mode: 0o40755,
        nlink: 2,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 0,
        flags: 0,
      },
    })
    .toString('hex'),
};

function inodeCells(
  revision: Revision,
  group: 'upsert' | 'inval',
  rules: readonly { id: UpsertInodeRuleId | InvalInodeRuleId }[],
  size: number,
  base: (setting: Setting, border: Border) => fc.Arbitrary<Upsert | Inval>,
): PlanCell[] {
  return rules.flatMap(({ id }) =>
    borders.map((border): PlanCell => {
      const key: CellKey = { rule: id, path: PATH, border };
      const name = id.slice(group.length + 1) as InodeCheck;
      if (!hasRule(revision, id))
        return impossible(
          key,
          name === 'iomap-inode'
            ? `revision ${revision.id} does not look whether the inode uses iomap`
            : `revision ${revision.id} has no such rule`,
        );
      return cell(revision, key, (setting) => {
        const values = inodeValues(size, setting)[name];
        return fc
          .tuple(base(setting, border), fc.constantFrom(...values[border]))
          .map(([made, { change, geometry, note }]): Made => ({
            notifications: [{ ...made, ...change } as Notification],
            note: `${group}, ${note}`,
            ...(geometry && { geometry }),
            // What an ordinary file answers to a report is not the plan's.
            ...((id.endsWith('iomap-inode') || id.endsWith('iomap-connection') || name === 'inode-healthy') &&
              border === 'violating' && { behind: [] }),
            ...(name === 'inode-healthy' && {
              first: [{ call: 'ordinary' as const, syscall: 'stat' as const, file: 0 }],
              extra: [
                {
                  on: 'GETATTR' as const,
                  reply:
                    border === 'violating' ? ofDirectory : { kind: 'attributes' as const, sizeBytes: setting.fileSize },
                },
              ],
            }),
          }));
      });
    }),
  );
}

const twoDevices = [0, 1].map(() => ({ sizeBytes: DEVICE_SIZE, access: 'rw' as const }));

function upsertCells(revision: Revision): PlanCell[] {
  const early = inodeCells(revision, 'upsert', upsertInodeRules, 80, (setting, border) =>
    validUpsert(revision, setting).chain((upsert) =>
      alsoBroken(upsert.read, border).map((read) => ({ ...upsert, read })),
    ),
  );
  const before = (rule: string) => `${rule} refuses such a mapping before`;
  const late = upsertHalfRules.flatMap(({ id }) =>
    halves.flatMap((half) =>
      borders.map((border): PlanCell => {
        const key = { rule: id, half, path: PATH, border };
        const here = (
          make: (
            setting: Setting,
            valid: MappingSpec,
          ) => fc.Arbitrary<{ violating: MappingSpec; legal: MappingSpec; note: string }>,
          types = storedTypes(revision, half),
          constraints: Partial<SettingConstraints> = {},
          geometry?: Partial<Geometry>,
        ): PlanCell =>
          cell(
            revision,
            key,
            (setting) =>
              fc
                .tuple(
                  validUpsert(revision, setting),
                  fc.constantFrom(...types).chain((type) => storable(setting, type, half)),
                )
                .chain(([upsert, valid]) =>
                  make(setting, valid).chain((made) =>
                    alsoBroken(upsert.write, border).map((write): Made => ({
                      notifications: [
                        ...(id === 'upsert/not-retry' ? [{ ...upsert, read: stored(setting) }] : []),
                        { ...upsert, ...(half === 'read' ? { write } : {}), [half]: made[border] },
                      ],
                      note: `upsert, ${half} ${made.note}`,
                      ...(geometry && { geometry }),
                    })),
                  ),
                ),
            constraints,
          );
        const backed = ['MAPPED', 'UNWRITTEN'] as const;
        if (!hasRule(revision, id)) return impossible(key, `revision ${revision.id} has no such rule`);
        const cells: Readonly<Record<UpsertHalfRuleId, () => PlanCell>> = {
          'upsert/not-retry': () =>
            here((_, valid) =>
              fc.constant({
                violating: retryCache(valid.offset, valid.length),
                legal: valid,
                note: `RETRY_CACHE, legal ${String(valid.type)}`,
              }),
            ),
          'upsert/device-known': () =>
            here(
              (setting, valid) =>
                fc
                  .constantFrom(
                    setting.devices.length + 1,
                    1024,
                    1025,
                    0x7fff_fffe,
                    0x7fff_ffff,
                    0x8000_0000,
                    0xffff_ffff,
                  )
                  .map((dev) => ({ violating: { ...valid, dev }, legal: valid, note: `dev ${dev}` })),
              backed,
            ),
          'upsert/addr-without-device': () =>
            half === 'write' && !beginTableOf(revision).map.some(({ id: other }) => other === 'map/overwrite-no-addr')
              ? here(
                  (_, valid) =>
                    fc
                      .constantFrom(0n, 4096n, NULL_ADDR - 1n - valid.length)
                      .map((addr) => ({
                        violating: { ...valid, addr },
                        legal: valid,
                        note: `addr ${hex(addr)} without a device`,
                      })),
                  ['PURE_OVERWRITE'],
                )
              : impossible(key, before('map/unbacked-no-addr or map/overwrite-no-addr')),
          'upsert/device-without-addr': () => impossible(key, before('map/backed-has-addr')),
          'upsert/device-range-no-overflow': () => impossible(key, before('map/device-range-no-overflow')),
          'upsert/device-present': () =>
            here(
              (_, valid) =>
                fc.constant({
                  violating: { ...valid, dev: { device: 2 }, addr: 0n },
                  legal: { ...valid, dev: { device: 1 }, addr: 0n },
                  note: 'a device of 0 bytes',
                }),
              backed,
              { devices: twoDevices },
              { devices: [...twoDevices, { sizeBytes: 0, access: 'rw' }] },
            ),
          'upsert/within-device': () =>
            here(
              (setting, valid) =>
                fc
                  .tuple(
                    fc.nat(setting.devices.length - 1),
                    fc.constantFrom(1n, 2n, 512n, valid.length - 1n, valid.length, valid.length + 1n, 1n << 40n),
                  )
                  .map(([device, beyond]) => {
                    const last = BigInt(setting.devices[device]!.sizeBytes) - valid.length;
                    return {
                      violating: { ...valid, dev: { device }, addr: last + beyond },
                      legal: { ...valid, dev: { device }, addr: last },
                      note: `${beyond} bytes past the end of device ${device}`,
                    };
                  }),
              backed,
            ),
        };
        return cells[id]();
      }),
    ),
  );
  return [...early, ...late];
}

/** A mapping that makes the inode have a cache. */
const stored = (setting: Setting): MappingSpec => ({
  type: 'HOLE',
  flags: [],
  dev: 0,
  addr: NULL_ADDR,
  offset: blockOf(stretch(setting).start, setting.blockSize),
  length: setting.blockSize,
});

/** INVAL is shown with something in the cache, in every second case. */
function invalCells(revision: Revision): PlanCell[] {
  const nothing = { offset: 0n, length: 0n };
  const range = (setting: Setting) =>
    fc
      .record({ first: fc.bigInt({ min: 0n, max: 2n }), count: fc.bigInt({ min: 0n, max: 4n }), toEof: fc.nat(3) })
      .map(({ first, count, toEof }) => ({
        offset:
          (stretch(setting).start / setting.blockSize + first - 2n > 0n
            ? stretch(setting).start / setting.blockSize + first - 2n
            : 0n) * setting.blockSize,
        length: toEof === 0 ? INVAL_TO_EOF : count * setting.blockSize,
      }));
  const valid = (setting: Setting): fc.Arbitrary<Inval> =>
    fc
      .tuple(range(setting), range(setting))
      .map(([read, write]) => ({ kind: 'inval', node: { file: 0 }, read, write }));
  const early = inodeCells(revision, 'inval', invalInodeRules, 48, (setting, border) =>
    valid(setting).map((made) =>
      border === 'violating' && made.read.length === INVAL_TO_EOF
        ? { ...made, read: { offset: made.read.offset + 1n, length: setting.blockSize } }
        : made,
    ),
  );
  const late = invalRangeRules.flatMap(({ id }) =>
    halves.flatMap((half) =>
      borders.map((border): PlanCell => {
        const key = { rule: id, half, path: PATH, border };
        if (!hasRule(revision, id)) return impossible(key, `revision ${revision.id} has no such rule`);
        const atEnd = id === 'inval/offset-below-maxbytes' || id === 'inval/range-no-overflow';
        return cell(
          revision,
          key,
          (setting) =>
            fc
              .tuple(valid(setting), fc.boolean(), validUpsert(revision, setting), rangeOf(id, setting, border))
              .map(([base, cached, upsert, { value, note }]): Made => {
                // The write range is looked at first, so that a wrong read range behind it must not matter.
                const other =
                  border === 'violating' && half === 'write' && cached
                    ? { offset: 1n, length: 1n }
                    : border === 'violating' && cached
                      ? nothing
                      : half === 'write'
                        ? base.read
                        : base.write;
                const inval: Inval =
                  half === 'write' ? { ...base, write: value, read: other } : { ...base, read: value, write: other };
                return { notifications: [...(cached ? [upsert] : []), inval], note: `inval, ${half} ${note}` };
              }),
          {
            ...(atEnd && id === 'inval/offset-below-maxbytes' && { atMaxBytes: true }),
            ...(id === 'inval/range-no-overflow' && { minBlocks: 1 }),
          },
        );
      }),
    ),
  );
  return [...early, ...late];
}

function rangeOf(
  rule: InvalRangeRuleId,
  setting: Setting,
  border: Border,
): fc.Arbitrary<{ value: Inval['read']; note: string }> {
  const block = setting.blockSize;
  const at = blockOf(stretch(setting).start, block);
  const show = (offset: bigint, length: bigint) => ({
    value: { offset, length },
    note: `[${hex(offset)}, +${hex(length)})`,
  });
  const lengths = fc.constantFrom(block, 2n * block, INVAL_TO_EOF);
  const misalignments = [1n, block / 2n, block - 1n, 511n];
  const ranges: Readonly<Record<InvalRangeRuleId, () => fc.Arbitrary<ReturnType<typeof show>>>> = {
    'inval/offset-below-maxbytes': () => {
      const maxBytes = setting.maxBytes ?? LOFF_MAX;
      const first = maxBytes + ((block - (maxBytes % block)) % block);
      return border === 'legal'
        ? fc.oneof(
            lengths.map((length) => show(first - block, length)),
            fc.constant(show(first, 0n)),
          )
        : fc.tuple(fc.constantFrom(0n, 1n, block), lengths).map(([beyond, length]) => show(first + beyond, length));
    },
    'inval/offset-aligned': () =>
      border === 'legal'
        ? lengths.map((length) => show(at, length))
        : fc.tuple(fc.constantFrom(...misalignments), lengths).map(([by, length]) => show(at + by, length)),
    'inval/length-aligned': () =>
      border === 'legal'
        ? fc.oneof(
            lengths.map((length) => show(at, length)),
            fc.constant(show(at + 1n, 0n)),
          )
        : fc.constantFrom(...misalignments, block + 1n, INVAL_TO_EOF - 1n).map((length) => show(at, length)),
    'inval/range-no-overflow': () => {
      const offset = at === 0n ? block : at;
      const wraps = (1n << 64n) - offset;
      return border === 'legal'
        ? fc.constantFrom(wraps - block, INVAL_TO_EOF).map((length) => show(offset, length))
        : fc.constantFrom(...(offset > block ? [wraps, wraps + block] : [wraps])).map((length) => show(offset, length));
    },
  };
  return ranges[rule]();
}

function devInvalCells(revision: Revision): PlanCell[] {
  const cookie = { device: 0 };
  const size = BigInt(DEVICE_SIZE);
  const whole = { offset: 0n, length: size };
  const value = (change: Partial<DevInval>, note: string, geometry?: Partial<Geometry>): Made => ({
    notifications: [{ kind: 'devInval', dev: cookie, range: whole, ...change }],
    note: `devinval, ${note}`,
    behind: [],
    ...(geometry && { geometry }),
  });
  const values: Readonly<Record<DevInvalRuleId, Record<Border, readonly Made[]>>> = {
    'devinval/size': {
      violating: [
        ...[0, 8, 16, 23, 25, 32, 48].map((sentBytes) => value({ sentBytes }, `${sentBytes} bytes`)),
        ...[1, 0x8000_0000].map((reserved) => value({ reserved, dev: 0 }, `reserved ${reserved}`)),
      ],
      legal: [value({ sentBytes: 24 }, '24 bytes')],
    },
    'devinval/device-named': {
      violating: [value({ dev: 0 }, 'dev 0'), value({}, 'INIT answered without iomap', { initIomap: false })],
      legal: [value({}, 'device 0')],
    },
    'devinval/device-known': {
      violating: [4, 1024, 1025, 0x7fff_fffe, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff].map((dev) =>
        value({ dev, range: { offset: U64_MAX, length: 1n } }, `dev ${dev}`),
      ),
      legal: [0, 1, 2].map((device) =>
        value({ dev: { device }, range: { offset: 0n, length: 512n } }, `device ${device}`),
      ),
    },
    'devinval/offset-in-device': {
      violating: [size, size + 1n, size + 512n, 1n << 32n, 1n << 63n, U64_MAX]
        .flatMap((offset) =>
          [0n, 1n, 512n, ...(revision.devInvalChecksLengthFirst ? [U64_MAX] : [])].map((length) =>
            value({ range: { offset, length } }, `offset ${hex(offset)}, length ${hex(length)}`),
          ),
        )
        .filter(
          ({ notifications: [one] }) =>
            revision.devInvalChecksLengthFirst ||
            (one as DevInval).range.offset + (one as DevInval).range.length < 1n << 64n,
        ),
      legal: [size - 1n, size - 512n, 0n].flatMap((offset) =>
        [0n, 1n, 512n, size, U64_MAX - offset].map((length) =>
          value({ range: { offset, length } }, `offset ${hex(offset)}, length ${hex(length)}`),
        ),
      ),
    },
    'devinval/range-no-overflow': {
      violating: [1n, 512n, size - 1n].flatMap((offset) =>
        [(1n << 64n) - offset, U64_MAX].map((length) =>
          value({ range: { offset, length } }, `offset ${hex(offset)}, length ${hex(length)}`),
        ),
      ),
      legal: [0n, 1n, 512n, size - 1n].map((offset) =>
        value({ range: { offset, length: U64_MAX - offset } }, `offset ${hex(offset)}, to 2^64-1`),
      ),
    },
  };
  const rules = devInvalRules.flatMap(({ id }) =>
    borders.map((border): PlanCell => {
      const key: CellKey = { rule: id, path: PATH, border };
      return hasRule(revision, id)
        ? cell(revision, key, () => fc.constantFrom(...values[id][border]))
        : impossible(key, `revision ${revision.id} has no such rule`);
    }),
  );
  return [
    ...rules,
    possibleKinds(
      { rule: 'devinval/dropped', path: PATH },
      [false, true].map((beyond) =>
        notifySetting(revision, { devices: [{ sizeBytes: DEVICE_SIZE, access: 'rw' }], blockSizes: [4096n] }).chain(
          (setting) => dropped(revision, setting, beyond),
        ),
      ),
    ),
  ];
}

/** The device is read, written to by the file system, and read again: stale unless it was dropped. */
function dropped(revision: Revision, setting: Setting, beyond: boolean): fc.Arbitrary<PlannedCase> {
  const blocks = 16n;
  return fc
    .record({
      addr: fc.bigInt({ min: 0n, max: 200n }),
      from: fc.bigInt({ min: 0n, max: beyond ? blocks - 1n : 7n }),
      count: fc.bigInt({ min: 2n, max: 8n }),
      odd: beyond ? fc.constantFrom(0n, 1n, 511n, 512n, 4095n) : fc.constant(0n),
      again: fc.boolean(),
    })
    .map(({ addr: page, from, count, odd, again }) => {
      const addr = page * 4096n;
      const length = blocks * 4096n;
      const range = { offset: addr + from * 4096n + odd, length: beyond ? BigInt(DEVICE_SIZE) * 4n : count * 4096n };
      const map: MappingSpec = { type: 'MAPPED', flags: [], dev: { device: 0 }, addr, offset: 0n, length };
      const read: Step = { call: 'deviceRead', device: 0, offset: addr, lengthBytes: Number(length) };
      const notify: Step = { call: 'notify', notification: { kind: 'devInval', dev: { device: 0 }, range } };
      const planned = notifyCase({
        revision,
        setting: { ...setting, fileSize: length },
        notifications: [],
        note: `device read, written at ${hex(addr)}, ${beyond ? 'all' : `${count} pages`} behind ${hex(range.offset)} dropped`,
        script: [
          {
            on: 'IOMAP_BEGIN',
            reply: {
              kind: 'mappings',
              read: map,
              write: { type: 'PURE_OVERWRITE', flags: [], dev: 0, addr: NULL_ADDR, offset: 0n, length },
            },
          },
        ],
        behind: [
          read,
          { call: 'pwrite', fd: 0, offset: 0n, lengthBytes: Number(length), writer: 0 },
          ...(again ? [read] : []),
          notify,
          read,
        ],
      });
      return {
        ...planned,
        case: {
          ...planned.case,
          workload: planned.case.workload.map((step): Step =>
            step.call === 'open' ? { ...step, flags: ['rdwr', 'direct'] } : step,
          ),
        },
      };
    });
}

/** A file of the case, mostly, or a node that no kernel has: 1 is the root directory. */
const unusualNode: fc.Arbitrary<Extract<Notification, { kind: 'store' }>['node']> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ file: 0 }) },
  { weight: 1, arbitrary: fc.constantFrom(0n, 2n, 1n << 32n, 1n << 63n, U64_MAX).map((nodeid) => ({ nodeid })) },
);

/** Both sides of where an offset stops to be one of a file, of 32 bits, or of this file. */
const offsetBorder = (fileSize: bigint): fc.Arbitrary<bigint> =>
  fc.constantFrom(
    ...[
      0n,
      1n,
      512n,
      4095n,
      fileSize - 1n,
      fileSize,
      0xffff_ffffn,
      1n << 32n,
      LOFF_MAX - 1n,
      LOFF_MAX,
      LOFF_MAX + 1n,
      U64_MAX,
    ].filter((offset) => offset >= 0n),
  );

/** Notifications that are older than iomap, and codes that no kernel knows. */
function ordinaryCells(revision: Revision): PlanCell[] {
  const about = (kind: 'store' | 'retrieve'): PlanCell[] => [
    possible(
      { rule: `notify/${kind}`, path: PATH, border: 'violating' },
      notifySetting(revision, { minBlocks: 1 }).chain((setting) =>
        fc
          .tuple(
            unusualNode,
            offsetBorder(setting.fileSize),
            fc.constantFrom(...(kind === 'store' ? [0, 1, 512, 4096, 1 << 16] : [0, 1, 4096, 2 ** 31, 2 ** 32 - 1])),
          )
          .map(([node, offset, lengthBytes]) =>
            notifyCase({
              revision,
              setting: setting,
              notifications: [{ kind, node, offset, lengthBytes }],
              note: `${kind} of ${lengthBytes} bytes at ${hex(offset)} of ${'file' in node ? 'a file that uses iomap' : `node ${hex(node.nodeid)}, which is unknown`}`,
            }),
          ),
      ),
    ),
    possible(
      { rule: `notify/${kind}`, path: PATH, border: 'legal' },
      notifySetting(revision, { minBlocks: 1 }).chain((setting) =>
        fc.tuple(fc.constantFrom(0n, 1n, 512n, 4095n), fc.constantFrom(0, 1, 512, 4096)).map(([offset, length]) => {
          const lengthBytes = Number(
            BigInt(length) > setting.fileSize - (offset % setting.fileSize) ? 1n : BigInt(length),
          );
          return notifyCase({
            revision,
            setting: setting,
            notifications: [{ kind, node: { file: 0 }, offset: offset % setting.fileSize, lengthBytes }],
            behind: [],
            note: `${kind} of ${lengthBytes} bytes on an ordinary file`,
            geometry: { files: [fileOf(setting, [])] },
          });
        }),
      ),
    ),
  ];
  const codes = possible(
    { rule: 'notify/code-known', path: PATH },
    notifySetting(revision).chain((setting) =>
      fc
        .constantFrom(
          ...[10, 11, 98, 102, 103, 255, 1 << 16, 0x7fff_ffff].filter(
            (code) => nameOf(revision.notifications, code) === undefined,
          ),
        )
        .chain((code) =>
          fc
            .constantFrom(0, 24, 48, 80)
            .map((size) =>
              notifyCase({
                revision,
                setting: setting,
                notifications: [{ kind: 'raw', code, payload: '00'.repeat(size) }],
                behind: [],
                note: `code ${code} with ${size} bytes`,
              }),
            ),
        ),
    ),
  );
  return [...about('store'), ...about('retrieve'), codes];
}
