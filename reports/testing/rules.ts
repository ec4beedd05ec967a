/** Rule texts for sample runs, written from the same tables of the rules as the oracles'. */
import type { RuleText, RuleTexts } from '../rule-text.ts';

const map: [string, string, string, ('read' | 'write')[]?][] = [
  ['type-known', 'type is none of the eight', '!fuse_iomap_check_type(map->type)'],
  ['flags-known', 'a flag outside 0xff is set', '!fuse_iomap_check_flags(map->flags)'],
  ['length-nonzero', 'length is 0', 'map->length == 0'],
  ['offset-aligned', 'offset is no multiple of the block size', '!IS_ALIGNED(map->offset, blocksize)'],
  ['length-aligned', 'length is no multiple of the block size', '!IS_ALIGNED(map->length, blocksize)'],
  ['range-no-overflow', 'offset + length wraps 64 bits', 'check_add_overflow(map->offset, map->length, &end)'],
  ['offset-below-maxbytes', "offset >= the superblock's maxbytes", 'map->offset >= inode->i_sb->s_maxbytes'],
  ['backed-has-device', 'MAPPED or UNWRITTEN, dev is 0', 'map->dev == FUSE_IOMAP_DEV_NULL'],
  ['backed-has-addr', 'MAPPED or UNWRITTEN, addr is null', 'map->addr == FUSE_IOMAP_NULL_ADDR'],
  ['unbacked-no-device', 'HOLE, DELALLOC or INLINE, dev is not 0', 'map->dev != FUSE_IOMAP_DEV_NULL'],
  ['unbacked-no-addr', 'HOLE, DELALLOC or INLINE, addr is not null', 'map->addr != FUSE_IOMAP_NULL_ADDR'],
  ['overwrite-write-side', 'PURE_OVERWRITE in the read half', 'iodir != WRITE_MAPPING', ['read']],
  ['overwrite-no-flags', 'PURE_OVERWRITE with flags', 'map->flags != 0', ['write']],
  ['overwrite-no-device', 'PURE_OVERWRITE with a device', 'map->dev != FUSE_IOMAP_DEV_NULL', ['write']],
  ['overwrite-no-addr', 'PURE_OVERWRITE with an address', 'map->addr != FUSE_IOMAP_NULL_ADDR', ['write']],
  ['retry-needs-cache', 'RETRY_CACHE and the inode has no mapping cache', '!fuse_inode_caches_iomaps(inode)'],
  ['instruction-no-flags', 'RETRY_CACHE or NOCACHE with flags', 'map->flags != 0'],
  ['instruction-no-device', 'RETRY_CACHE or NOCACHE with a device', 'map->dev != FUSE_IOMAP_DEV_NULL'],
  ['instruction-no-addr', 'RETRY_CACHE or NOCACHE with an address', 'map->addr != FUSE_IOMAP_NULL_ADDR'],
  [
    'device-range-no-overflow',
    'addr not null and addr + length wraps 64 bits',
    'check_add_overflow(map->addr, map->length, &end)',
  ],
];
const begin: [string, string, string, string][] = [
  ['error', 'the reply carries an error', 'that errno', '-'],
  ['read-not-nocache', 'read type NOCACHE', 'EUCLEAN (117)', 'outarg->read.type == FUSE_IOMAP_TYPE_NOCACHE'],
  ['write-not-nocache', 'write type NOCACHE', 'EUCLEAN (117)', 'outarg->write.type == FUSE_IOMAP_TYPE_NOCACHE'],
  ['read-starts-by-pos', 'read offset > pos', 'EUCLEAN (117)', 'outarg->read.offset > pos'],
  ['write-starts-by-pos', 'write offset > pos', 'EUCLEAN (117)', 'outarg->write.offset > pos'],
  ['read-covers-pos', 'read end <= pos', 'EUCLEAN (117)', 'outarg->read.offset + outarg->read.length <= pos'],
  ['write-covers-pos', 'write end <= pos', 'EUCLEAN (117)', 'outarg->write.offset + outarg->write.length <= pos'],
  ['read-device-known', 'read MAPPED or UNWRITTEN with an unregistered dev', 'EUCLEAN (117)', 'ret == NULL'],
  ['write-device-known', 'the same for write, only for write-type operations', 'EUCLEAN (117)', 'ret == NULL'],
  ['device-readable', 'a device that is read from was opened without read', 'EACCES (13)', '-'],
  ['device-writable', 'a device that is written to was opened without write', 'EACCES (13)', '-'],
];

export interface SampleRule {
  id: string;
  halves: ('read' | 'write' | undefined)[];
  text: RuleText;
}

export const sampleRules: SampleRule[] = [
  ...map.map(([name, clause, condition, halves]): SampleRule => ({
    id: `map/${name}`,
    halves: halves ?? ['read', 'write'],
    text: {
      id: `map/${name}`,
      clause,
      errno: 'EUCLEAN (117)',
      condition,
      source: 'fuse_iomap_check_mapping, revision r3',
    },
  })),
  ...begin.map(([name, clause, errno, condition]): SampleRule => ({
    id: `begin/${name}`,
    halves: [undefined],
    text: { id: `begin/${name}`, clause, errno, condition, source: 'fuse_iomap_begin_validate, revision r3' },
  })),
];

export const sampleRuleTexts: RuleTexts = new Map(sampleRules.map(({ id, text }) => [id, text]));
