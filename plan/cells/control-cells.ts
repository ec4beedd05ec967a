/** Cells of the control plane: the CONFIG answer, the ioctls on /dev/fuse, and which inodes use iomap. */
import fc from 'fast-check';
import type { PlannedCase } from '../../generators/reply-case.ts';
import { configRulesOf, type ConfigRuleId } from '../../oracles/rules/config.ts';
import type { IoctlRuleId } from '../../oracles/rules/ioctls.ts';
import { hasRule, type ClauseId } from '../../oracles/rules/rule-id.ts';
import type { BehaviourId } from '../../oracles/rules/behaviours.ts';
import { entriesOf } from '../entries.ts';
import { CASE_SCHEMA, type Case, type Geometry, type Reply, type ScriptLine, type Step } from '../../model/case.ts';
import { allFlags, nameOf, NULL_ADDR, type Revision } from '../../uapi/revision.ts';
import { borders, impossible, possible, type Border, type CellKey, type PlanCell } from '../cell.ts';

type ConfigReply = Extract<Reply, { kind: 'config' }>;
type Mount = Geometry['mount'];

const FILE_SIZE = 8192n;
const hole = (offset: bigint, length: bigint) => ({
  type: 'HOLE' as const,
  flags: [],
  dev: 0,
  addr: NULL_ADDR,
  offset,
  length,
});
const holes = (offset: bigint, length: bigint): Reply => ({
  kind: 'mappings',
  read: hole(offset, length),
  write: hole(offset, length),
});

/** A file whose first `block` bytes are one mapping, which a coarser block size than that refuses. */
export function probe(
  revision: Revision,
  geometry: Partial<Geometry>,
  extra: ScriptLine[],
  block: bigint,
  debugIomap: boolean,
): Case {
  return {
    schema: CASE_SCHEMA,
    revision: revision.id,
    debugIomap,
    geometry: {
      mount: 'ordinary',
      devices: [],
      files: [{ sizeBytes: FILE_SIZE, attrFlags: ['IOMAP', 'EXCLUSIVE'] }],
      ...geometry,
    },
    script: [
      ...extra,
      { on: 'IOMAP_BEGIN', posTo: block, reply: holes(0n, block) },
      { on: 'IOMAP_BEGIN', reply: holes(0n, FILE_SIZE) },
    ],
    workload: [
      { call: 'open', file: 0, flags: ['rdonly'] },
      { call: 'seekData', fd: 0, offset: 0n },
      { call: 'close', fd: 0 },
    ],
  };
}

/** A value for every field that a revision has. */
const wholeReply = ({ configFlags }: Revision): ConfigReply => ({
  kind: 'config',
  flags: entriesOf(configFlags).map(([name]) => name),
  sId: 'iomapfuzz',
  sUuid: '5a'.repeat(16),
  sUuidLen: 16,
  blockSizeBytes: 4096,
  maxLinks: 1000,
  timeGranNs: 1,
  timeMin: 0n,
  timeMax: 1n << 40n,
  maxBytes: (1n << 63n) - 1n,
  cacheMaxBytes: 262_144,
});
const plain: ConfigReply = { kind: 'config', flags: [] };
type ConfigValues = Record<Border, readonly ConfigReply[]>;
const NS_PER_S = 1_000_000_000;

/** Values on both sides of each rule's border. */
const configValues = (revision: Revision): Readonly<Record<ConfigRuleId, ConfigValues>> => {
  const whole = wholeReply(revision);
  const known = BigInt(allFlags(revision.configFlags));
  const unknown = [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 31n, 32n, 63n].filter((bit) => ((known >> bit) & 1n) === 0n);
  return {
    'config/flags-known': {
      violating: unknown.map((bit) => ({ ...whole, flags: [known | (1n << bit)] })),
      legal: [whole, { ...whole, flags: [known] }, plain],
    },
    'config/uuid-length': {
      violating: [17, 18, 255].map((sUuidLen) => ({ ...whole, sUuidLen })),
      legal: [16, 15, 1].map((sUuidLen) => ({ ...whole, sUuidLen })),
    },
    'config/padding-zero': {
      violating: [
        { ...whole, sPad: '010000' },
        { ...whole, sPad: '000100' },
        { ...whole, sPad: '000080' },
        { ...plain, sPad: '800000' },
      ],
      // What follows cache_maxbytes is not looked at.
      legal: [
        { ...whole, pad: 0, sPad: '000000' },
        { ...whole, pad: 1 },
        { ...plain, pad: 0x8000_0000 },
      ],
    },
    'config/time-granularity': {
      violating: [0, NS_PER_S + 1, 0xffff_ffff].map((timeGranNs) => ({ ...whole, timeGranNs })),
      legal: [
        ...[1, NS_PER_S].map((timeGranNs): ConfigReply => ({ ...whole, timeGranNs })),
        { ...plain, timeGranNs: 0 },
        { ...plain, timeGranNs: NS_PER_S + 1 },
      ],
    },
    'config/maxbytes-range': {
      violating: [-1n, -4096n, -(1n << 63n)].map((maxBytes) => ({ ...whole, maxBytes })),
      legal: [
        ...[(1n << 63n) - 1n, FILE_SIZE].map((maxBytes): ConfigReply => ({ ...whole, maxBytes })),
        { ...plain, maxBytes: -1n },
      ],
    },
    'config/blocksize': {
      violating: [0, 1, 256, 511, 513, 1536, 4095, 4097, 8192, 0x8000_0000, 0xffff_ffff].map((blockSizeBytes) => ({
        ...whole,
        blockSizeBytes,
      })),
      legal: [
        ...[512, 1024, 2048, 4096].map((blockSizeBytes): ConfigReply => ({ ...whole, blockSizeBytes })),
        { ...plain, blockSizeBytes: 3 },
      ],
    },
  };
};

/**
 * The answer goes through the script: such a case gets a mount of its own, so that what mounting reported is its own
 * too.
 */
const answered = (reply: Reply): ScriptLine[] => [{ on: 'IOMAP_CONFIG', reply }];
const mounts: readonly Mount[] = ['ordinary', 'syncInit'];
const blockOf = (config: ConfigReply): bigint =>
  config.flags?.some((flag) => flag === 'BLOCKSIZE' || typeof flag === 'bigint')
    ? BigInt(config.blockSizeBytes ?? 4096)
    : 4096n;

export function configCells(revision: Revision): PlanCell[] {
  if (revision.opcodes.IOMAP_CONFIG === undefined) {
    return entriesOf(configValues(revision)).flatMap(([rule]) =>
      borders.map((border) => impossible({ rule, path: 'mount', border }, `revision ${revision.id} has no CONFIG`)),
    );
  }
  const inTable = new Set(configRulesOf(revision).map((rule) => rule.id));
  const configured = (replies: readonly { reply: Reply; block: bigint; note: string }[]): fc.Arbitrary<PlannedCase> =>
    fc
      .tuple(fc.constantFrom(...replies), fc.constantFrom(...mounts), fc.boolean())
      .map(([{ reply, block, note }, mount, debug]) => ({
        case: probe(revision, { mount }, answered(reply), block, debug),
        note: `${note}, ${mount} mount`,
      }));
  const show = (config: ConfigReply): string =>
    JSON.stringify(config, (_, value: unknown) => (typeof value === 'bigint' ? `0x${value.toString(16)}` : value));
  const rules = entriesOf(configValues(revision)).flatMap(([rule, values]) =>
    borders.map((border): PlanCell => {
      const key: CellKey = { rule, path: 'mount', border };
      if (!inTable.has(rule)) return impossible(key, `revision ${revision.id} has no such rule`);
      const replies = values[border].map((reply) => ({
        reply,
        block: border === 'legal' ? blockOf(reply) : 4096n,
        note: show(reply),
      }));
      return { ...possible(key, configured(replies)), reaches: rule };
    }),
  );
  const cut = [0, 8, 40, 64, 88, 96, 103].map((sentBytes) => ({
    // Zero-filled behind what was sent: with so little, no field but those before the cut may be announced.
    reply: {
      kind: 'config' as const,
      flags: sentBytes >= 64 ? ['BLOCKSIZE' as const] : [],
      blockSizeBytes: 1024,
      sentBytes,
    },
    block: sentBytes >= 64 ? 1024n : 4096n,
    note: `CONFIG cut to ${sentBytes} bytes`,
  }));
  const error = (errno: number) => ({
    reply: { kind: 'error' as const, errno },
    block: 4096n,
    note: `CONFIG answered with errno ${errno}`,
  });
  return [
    ...rules,
    possible({ rule: 'config/short', path: 'mount' }, configured(cut)),
    possible({ rule: 'config/error', path: 'mount', border: 'violating' }, configured([5, 12, 13, 22, 95].map(error))),
    possible({ rule: 'config/error', path: 'mount', border: 'legal' }, configured([error(38)])),
  ];
}

export function inodeCells(revision: Revision): PlanCell[] {
  type Attrs = Geometry['files'][number]['attrFlags'];
  const attrs = (attrFlags: Attrs): Partial<Geometry> => ({ files: [{ sizeBytes: FILE_SIZE, attrFlags }] });
  const values: Record<Border, readonly { geometry: Partial<Geometry>; note: string }[]> = {
    violating: [
      { geometry: attrs([]), note: 'no attribute flags' },
      { geometry: attrs(['IOMAP']), note: 'IOMAP without EXCLUSIVE' },
      { geometry: attrs(['EXCLUSIVE']), note: 'EXCLUSIVE without IOMAP' },
      { geometry: { initIomap: false }, note: 'INIT answered without iomap' },
      { geometry: { initMinor: revision.refusedMinor }, note: `INIT answered with minor ${revision.refusedMinor}` },
    ],
    legal: [
      { geometry: attrs(['IOMAP', 'EXCLUSIVE']), note: 'IOMAP and EXCLUSIVE' },
      { geometry: attrs(['IOMAP', 'EXCLUSIVE', 'ATOMIC']), note: 'also ATOMIC' },
      { geometry: attrs(['IOMAP', 'EXCLUSIVE', 'SYNC']), note: 'also SYNC' },
    ],
  };
  return borders.map((border) =>
    possible(
      { rule: 'inode/uses-iomap', path: 'fiemap', border },
      fc.constantFrom(...values[border]).map(({ geometry, note }) => {
        const base = probe(revision, geometry, [], FILE_SIZE, false);
        const fiemap: Step = { call: 'fiemap', fd: 0, start: 0n, lengthBytes: FILE_SIZE, flags: 0, extents: 4 };
        return { case: { ...base, workload: [base.workload[0]!, fiemap, base.workload[2]!] }, note };
      }),
    ),
  );
}

type IoctlStep = Extract<Step, { call: 'fuseIoctl' }>;
interface IoctlValue {
  step: Omit<IoctlStep, 'call'>;
  note: string;
  before?: Step[];
  geometry?: Partial<Geometry>;
}

const device0 = { sizeBytes: 1 << 20, access: 'rw' as const };
const withDevice: Partial<Geometry> = { devices: [device0] };
const withoutIomap: Partial<Geometry> = { devices: [device0], initIomap: false };
const mounted = (
  ioctl: IoctlStep['ioctl'],
  rest: Partial<IoctlStep>,
  note: string,
  more: Partial<IoctlValue> = {},
): IoctlValue => ({ step: { on: 'mounted', ioctl, ...rest }, note: `${ioctl} ${note}`, ...more });
const unmounted = (ioctl: IoctlStep['ioctl'], rest: Partial<IoctlStep>): IoctlValue => ({
  step: { on: 'unmounted', ioctl, ...rest },
  note: `${ioctl} on an fd that is not mounted`,
});
const openStep = (rest: Partial<IoctlStep>, note: string, more: Partial<IoctlValue> = {}): IoctlValue =>
  mounted('BACKING_OPEN', { target: 'device', device: 0, ...rest }, note, { geometry: withDevice, ...more });

/** IOMAP is type 1 in the low byte of fuse_backing_map.flags. */
const iomapType = (revision: Revision): number => revision.backingTypes.IOMAP ?? 0;

/** Undefined: the revision has no such cell. A rule that has neither values nor that is an error of the compiler. */
type IoctlValues = Readonly<
  Record<IoctlRuleId, readonly IoctlValue[] | undefined> &
    Partial<Record<BehaviourId, readonly IoctlValue[] | undefined>>
>;
const ioctlValues = (revision: Revision): IoctlValues => {
  const type = iomapType(revision);
  const setsBlockSize = revision.ioctls.IOMAP_SET_BLOCKSIZE !== undefined;
  return {
    'backing-open/mounted': [unmounted('BACKING_OPEN', { target: 'bad', flags: type })],
    'backing-open/type-known': [2, 3, 0x80, 0xff]
      .filter((value) => nameOf(revision.backingTypes, value) === undefined)
      .map((flags) => openStep({ flags }, `with type ${flags}`)),
    'backing-open/iomap-connection': [openStep({ flags: type }, 'without iomap', { geometry: withoutIomap })],
    'backing-open/flags-known': [0x100, 0x200, 0x8000_0000].map((flag) =>
      openStep({ flags: (flag | type) >>> 0 }, `with flags 0x${flag.toString(16)}`),
    ),
    'backing-open/padding-zero': [1n, 1n << 32n, 1n << 63n].map((padding) =>
      openStep({ padding }, `with padding 0x${padding.toString(16)}`),
    ),
    'backing-open/fd-open': [openStep({ target: 'bad' }, 'with a bad fd')],
    'backing-open/fd-usable': [openStep({ target: 'device-opath' }, 'with an O_PATH fd')],
    'backing-open/block-device': [openStep({ target: 'regular' }, 'with a regular file')],
    'backing-open/id': [openStep({}, 'once more'), openStep({ flags: type }, 'with the type alone')],
    'backing-close/id-positive': [0, -1, -0x8000_0000].map((id) => mounted('BACKING_CLOSE', { id }, `of id ${id}`)),
    'backing-close/id-known': [2, 1024, 1025, 0x7fff_ffff].map((id) =>
      mounted('BACKING_CLOSE', { id }, `of id ${id}`, { geometry: withDevice }),
    ),
    'backing-close/in-use': [
      mounted('BACKING_CLOSE', { id: { device: 0 } }, 'while an iomap inode lives', {
        geometry: { ...withDevice, files: [{ sizeBytes: FILE_SIZE, attrFlags: ['IOMAP', 'EXCLUSIVE'] }] },
        before: [{ call: 'open', file: 0, flags: ['rdonly'] }],
      }),
    ],
    'backing-close/ok': revision.closesIdleDevices
      ? [mounted('BACKING_CLOSE', { id: { device: 0 } }, 'of an idle device', { geometry: withDevice })]
      : undefined,
    'iomap-support/flags': [mounted('IOMAP_SUPPORT', {}, 'on a mounted fd'), unmounted('IOMAP_SUPPORT', {})],
    'set-nofs/ok': [0, 1].map((value) => mounted('SET_NOFS', { value }, `with ${value}`)),
    'set-nofs/value': [2, 3, 0x8000_0000, 0xffff_ffff].map((value) => mounted('SET_NOFS', { value }, `with ${value}`)),
    'set-nofs/unmounted': [unmounted('SET_NOFS', { value: 1 })],
    'add-iomap/ok': [unmounted('ADD_IOMAP', {})],
    'sync-init/ok': [unmounted('SYNC_INIT', {})],
    'add-iomap/unmounted': hasRule(revision, 'add-iomap/unmounted')
      ? [mounted('ADD_IOMAP', {}, 'on a mounted fd')]
      : undefined,
    'set-blocksize/iomap-connection': setsBlockSize
      ? [mounted('IOMAP_SET_BLOCKSIZE', { id: 1, value: 4096 }, 'without iomap', { geometry: withoutIomap })]
      : undefined,
    'set-blocksize/id-known': setsBlockSize
      ? [2, 0, 1025].map((id) =>
          mounted('IOMAP_SET_BLOCKSIZE', { id, value: 4096 }, `of id ${id}`, { geometry: withDevice }),
        )
      : undefined,
  };
};

export function ioctlCells(revision: Revision): PlanCell[] {
  return entriesOf<ClauseId, readonly IoctlValue[] | undefined>(ioctlValues(revision)).flatMap(
    ([rule, values]): PlanCell[] => {
      if (!values) return [];
      return [ioctlCell(revision, rule, values)];
    },
  );
}

function ioctlCell(revision: Revision, rule: ClauseId, values: readonly IoctlValue[]): PlanCell {
  const key: CellKey = { rule, path: 'ioctl' };
  if (revision.ioctls.BACKING_OPEN === undefined) return impossible(key, `revision ${revision.id} has no ioctls`);
  if (revision.lacksRules.has(rule))
    return impossible(
      key,
      rule === 'backing-open/fd-usable'
        ? `revision ${revision.id} does not look for O_PATH`
        : `revision ${revision.id} has no such rule`,
    );
  return possible(
    key,
    fc.constantFrom(...values).map(({ step, note, before = [], geometry = {} }) => {
      const base = probe(revision, { files: [], ...geometry }, [], FILE_SIZE, false);
      return { case: { ...base, script: [], workload: [...before, { call: 'fuseIoctl' as const, ...step }] }, note };
    }),
  );
}
