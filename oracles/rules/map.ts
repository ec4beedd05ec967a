/**
 * map/*: one mapping, in the read or in the write half. Function fuse_iomap_check_mapping; all EUCLEAN, all bad data.
 */
import { NULL_ADDR, NULL_DEV, type Revision } from '../../uapi/revision.ts';
import { isBacked, isType, typeName, type MapContext } from './context.ts';
import { errnos } from '../../uapi/errno.ts';
import { perRevision } from '../../uapi/per-revision.ts';
import type { Half, Rule } from './rule.ts';
import { clauseOf } from './clause.ts';

const WRAP = 1n << 64n;
const both = ['read', 'write'] as const;

interface Row<Id extends string> {
  id: Id;
  text: string;
  condition: string;
  /** Revisions that have the rule, of those that do not name it among what they lack; default: all. */
  exists?: (revision: Revision) => boolean;
  halves?: readonly Half[];
  applies?: (c: MapContext) => boolean;
  violated: (c: MapContext) => boolean;
}

const unbacked = (c: MapContext) => isType(c, c.mapping, 'HOLE', 'DELALLOC', 'INLINE');
const overwrite = (c: MapContext) => isType(c, c.mapping, 'PURE_OVERWRITE');
const instruction = (c: MapContext) => isType(c, c.mapping, 'RETRY_CACHE', 'NOCACHE');
const hasDevice = (c: MapContext) => c.mapping.dev !== NULL_DEV;
const hasAddr = (c: MapContext) => c.mapping.addr !== NULL_ADDR;
const hasFlags = (c: MapContext) => c.mapping.flags !== 0;
const backed = (c: MapContext) => isBacked(c, c.mapping);

const rowsWithIds = <const Id extends string>(rows: readonly Row<Id>[]): readonly Row<Id>[] => rows;

/** In order of evaluation. */
const rows = rowsWithIds([
  {
    id: 'type-known',
    text: 'the type is none of those that the revision defines',
    condition: '!fuse_iomap_check_type(map->type)',
    violated: (c) => typeName(c.revision, c.mapping) === undefined,
  },
  {
    id: 'flags-known',
    text: 'a flag outside 0xff is set',
    condition: '!fuse_iomap_check_flags(map->flags)',
    violated: (c) => (c.mapping.flags & ~c.revision.serverFlagsMask) !== 0,
  },
  {
    id: 'length-nonzero',
    text: 'length is 0',
    condition: 'map->length == 0',
    violated: (c) => c.mapping.length === 0n,
  },
  {
    id: 'offset-aligned',
    text: 'offset is no multiple of the block size',
    condition: '!IS_ALIGNED(map->offset, blocksize)',
    violated: (c) => c.mapping.offset % c.blockSizeBytes !== 0n,
  },
  {
    id: 'length-aligned',
    text: 'length is no multiple of the block size',
    condition: '!IS_ALIGNED(map->length, blocksize)',
    violated: (c) => c.mapping.length % c.blockSizeBytes !== 0n,
  },
  {
    id: 'range-no-overflow',
    text: 'offset + length wraps 64 bits',
    condition: 'check_add_overflow(map->offset, map->length, &end)',
    violated: (c) => c.mapping.offset + c.mapping.length >= WRAP,
  },
  {
    id: 'offset-below-maxbytes',
    text: "offset >= the superblock's maxbytes",
    condition: 'map->offset >= inode->i_sb->s_maxbytes',
    violated: (c) => c.mapping.offset >= c.maxBytes,
  },
  {
    id: 'backed-has-device',
    text: 'MAPPED or UNWRITTEN, and dev is 0',
    condition: 'map->dev == FUSE_IOMAP_DEV_NULL',
    applies: backed,
    violated: (c) => !hasDevice(c),
  },
  {
    id: 'backed-has-addr',
    text: 'MAPPED or UNWRITTEN, and addr is null',
    condition: 'map->addr == FUSE_IOMAP_NULL_ADDR',
    applies: backed,
    violated: (c) => !hasAddr(c),
  },
  {
    id: 'unbacked-no-device',
    text: 'HOLE, DELALLOC or INLINE, and dev is not 0',
    condition: 'map->dev != FUSE_IOMAP_DEV_NULL',
    applies: unbacked,
    violated: hasDevice,
  },
  {
    id: 'unbacked-no-addr',
    text: 'HOLE, DELALLOC or INLINE, and addr is not null',
    condition: 'map->addr != FUSE_IOMAP_NULL_ADDR',
    applies: unbacked,
    violated: hasAddr,
  },
  {
    id: 'overwrite-write-side',
    text: 'PURE_OVERWRITE in the read half',
    condition: 'iodir != WRITE_MAPPING',
    halves: ['read'],
    applies: overwrite,
    violated: (c) => c.half !== 'write',
  },
  {
    id: 'overwrite-no-flags',
    text: 'PURE_OVERWRITE with flags',
    condition: 'map->flags != 0',
    halves: ['write'],
    applies: overwrite,
    violated: hasFlags,
  },
  {
    id: 'overwrite-no-device',
    text: 'PURE_OVERWRITE with a device',
    condition: 'map->dev != FUSE_IOMAP_DEV_NULL',
    halves: ['write'],
    applies: overwrite,
    violated: hasDevice,
  },
  {
    id: 'overwrite-no-addr',
    text: 'PURE_OVERWRITE with an address',
    condition: 'map->addr != FUSE_IOMAP_NULL_ADDR',
    halves: ['write'],
    applies: overwrite,
    violated: hasAddr,
  },
  {
    id: 'retry-needs-cache',
    text: 'RETRY_CACHE, and the inode has no mapping cache',
    condition: '!fuse_inode_caches_iomaps(inode)',
    applies: (c) => isType(c, c.mapping, 'RETRY_CACHE'),
    violated: (c) => !c.inodeHasCache,
  },
  {
    id: 'instruction-no-flags',
    text: 'RETRY_CACHE or NOCACHE with flags',
    condition: 'map->flags != 0',
    applies: instruction,
    violated: hasFlags,
  },
  {
    id: 'instruction-no-device',
    text: 'RETRY_CACHE or NOCACHE with a device',
    condition: 'map->dev != FUSE_IOMAP_DEV_NULL',
    applies: instruction,
    violated: hasDevice,
  },
  {
    id: 'instruction-no-addr',
    text: 'RETRY_CACHE or NOCACHE with an address',
    condition: 'map->addr != FUSE_IOMAP_NULL_ADDR',
    applies: instruction,
    violated: hasAddr,
  },
  {
    id: 'no-device',
    text: 'dev is not 0, whatever the type',
    condition: 'map->dev != FUSE_IOMAP_DEV_NULL',
    exists: ({ ioctls }) => ioctls.BACKING_OPEN === undefined,
    violated: hasDevice,
  },
  {
    id: 'device-range-no-overflow',
    text: 'addr is not null, and addr + length wraps 64 bits',
    condition: 'check_add_overflow(map->addr, map->length, &end)',
    applies: hasAddr,
    violated: (c) => c.mapping.addr + c.mapping.length >= WRAP,
  },
]);

export type MapRuleId = `map/${(typeof rows)[number]['id']}`;
type MapRule = Rule<MapContext, MapRuleId>;

const rules: readonly (MapRule & Pick<Row<string>, 'exists'>)[] = rows.map((row) => ({
  id: `map/${row.id}` as const,
  group: 'map',
  text: row.text,
  source: clauseOf(`map/${row.id}`),
  errno: errnos.EUCLEAN,
  viaBadData: true,
  conditions: [row.condition],
  func: 'fuse_iomap_check_mapping',
  halves: row.halves ?? both,
  applies: row.applies ?? (() => true),
  violated: row.violated,
  ...(row.exists && { exists: row.exists }),
}));

const ordinaryOnly = (rule: MapRule): MapRule => ({ ...rule, applies: (c) => !instruction(c) && rule.applies(c) });

/** Where instructions are not checked they pass behind these two rules, which then come first. */
const OF_INSTRUCTIONS: readonly MapRuleId[] = ['map/type-known', 'map/retry-needs-cache'];

/** The rules of a revision, in its order of evaluation. */
export const mapRulesOf = perRevision((revision): readonly MapRule[] => {
  const inOrder = rules.filter(
    ({ id, exists }) => !revision.lacksRules.has(id) && (exists === undefined || exists(revision)),
  );
  if (revision.instructionsAreChecked) return inOrder;
  return [
    ...inOrder.filter(({ id }) => OF_INSTRUCTIONS.includes(id)),
    ...inOrder.filter(({ id }) => !OF_INSTRUCTIONS.includes(id)).map(ordinaryOnly),
  ];
});
