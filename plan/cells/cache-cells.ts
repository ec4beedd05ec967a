/**
 * Cells of the mapping cache: what it serves and when it must not, what merges, what is dropped. Source:
 * docs/spec/behaviour.md#mapping-cache.
 */
import fc from 'fast-check';
import {
  cacheCase,
  cacheSequence,
  cacheSetting,
  calls,
  inval,
  NOTHING,
  pushed,
  rangeOf,
  someBlocks,
  upsert,
  FILE_BLOCKS,
  type Blocks,
  type CacheCase,
  type CacheSetting,
} from '../../generators/cache-case.ts';
import type { TypeName } from '../../generators/mapping.ts';
import { DEVICE_SIZE } from '../../generators/setting.ts';
import type { Reply, Step } from '../../model/case.ts';
import type { MappingSpec } from '../../model/mapping.ts';
import { copyFileRangeOut } from '../../uapi/fuse-structs.ts';
import { INVAL_TO_EOF, type Revision } from '../../uapi/revision.ts';
import { impossible, possible, possibleKinds, type CellKey, type PlanCell } from '../cell.ts';
import type { ClauseId } from '../../oracles/rules/rule-id.ts';

type Made = Pick<CacheCase, 'steps' | 'note' | 'devices' | 'script'> & Partial<Pick<CacheCase, 'setting'>>;

const PATHS = [
  'direct-read',
  'buffered-read',
  'direct-write',
  'buffered-write',
  'fiemap',
  'seek-data',
  'seek-hole',
] as const;
type CachePath = (typeof PATHS)[number];
const isDirect = (path: CachePath): boolean => path.startsWith('direct');
const RWF_NOWAIT = 8;

/** The syscalls of a path; a buffered write goes on to its place. */
function callsOf(path: CachePath, setting: CacheSetting, blocks: Blocks): Step[] {
  switch (path) {
    case 'direct-read':
    case 'buffered-read':
      return [calls.read(setting, blocks)];
    case 'direct-write':
      return [calls.write(setting, blocks)];
    case 'buffered-write':
      return [calls.write(setting, blocks), { call: 'fsync', fd: 0 }];
    case 'fiemap':
      return [calls.fiemap(setting, blocks)];
    case 'seek-data':
      return [calls.seekData(setting, blocks)];
    case 'seek-hole':
      return [calls.seekHole(setting, blocks)];
  }
}

const whole: Blocks = { from: 0, count: FILE_BLOCKS };
const typesFor = (path: CachePath): readonly TypeName[] =>
  path === 'fiemap' || path.startsWith('seek')
    ? ['MAPPED', 'UNWRITTEN', 'HOLE', 'DELALLOC']
    : path.endsWith('read')
      ? ['MAPPED', 'UNWRITTEN', 'HOLE']
      : ['MAPPED', 'UNWRITTEN'];
const split = (): fc.Arbitrary<[Blocks, Blocks]> =>
  fc.integer({ min: 1, max: FILE_BLOCKS - 1 }).map((at) => [
    { from: 0, count: at },
    { from: at, count: FILE_BLOCKS - at },
  ]);

interface CacheRule {
  rule: ClauseId;
  paths: readonly CachePath[];
  make: (path: CachePath, setting: CacheSetting, kind: number) => fc.Arbitrary<Made>;
  /** How many kinds of situation `make` knows. Default: one. */
  kinds?: number;
  setting?: Partial<CacheSetting>;
}

/**
 * What is pushed beside, or over, what is there already: where two mappings of the same type and flags on the same
 * device do not follow each other, they stay two.
 */
interface Neighbour {
  type: TypeName;
  next: TypeName;
  gap?: boolean;
  otherDevice?: boolean;
  flags?: MappingSpec['flags'];
  note: string;
}
const neighbours: readonly Neighbour[] = [
  { type: 'MAPPED', next: 'MAPPED', note: 'one behind the other' },
  { type: 'UNWRITTEN', next: 'UNWRITTEN', note: 'one behind the other' },
  { type: 'HOLE', next: 'HOLE', note: 'without addresses' },
  { type: 'MAPPED', next: 'MAPPED', gap: true, note: 'with a gap on the device' },
  { type: 'UNWRITTEN', next: 'UNWRITTEN', gap: true, note: 'with a gap on the device' },
  { type: 'MAPPED', next: 'MAPPED', otherDevice: true, note: 'on two devices' },
  { type: 'MAPPED', next: 'UNWRITTEN', note: 'of two types' },
  { type: 'HOLE', next: 'DELALLOC', note: 'of two types without addresses' },
  { type: 'MAPPED', next: 'MAPPED', flags: ['MERGED'], note: 'with other flags' },
];

/** The mapping as it was, but elsewhere on its device, on another one, or with flags. */
const altered = (step: Step, change: Partial<MappingSpec>): Step => {
  if (step.call !== 'notify' || step.notification.kind !== 'upsert') return step;
  return { ...step, notification: { ...step.notification, read: { ...step.notification.read, ...change } } };
};

/** Which part of a mapping is cut off: its front, its end, its middle, more than all of it; or it is left alone. */
const CUTS = ['front', 'end', 'middle', 'all', 'beside'] as const;
const cutOf = (kind: number): fc.Arbitrary<{ there: Blocks; cut: Blocks; part: (typeof CUTS)[number] }> => {
  const part = CUTS[kind % CUTS.length]!;
  return fc
    .tuple(fc.integer({ min: 3, max: 8 }), fc.integer({ min: 2, max: 8 }), fc.integer({ min: 1, max: 2 }))
    .map(([count, from, some]) => {
      const there = { from, count };
      const cuts: Record<typeof part, Blocks> = {
        front: { from: from - some, count: 2 * some },
        end: { from: from + count - some, count: 2 * some },
        middle: { from: from + 1, count: Math.min(some, count - 2) },
        all: { from: from - 1, count: count + 2 },
        beside: { from: from + count, count: some },
      };
      return { there, cut: cuts[part], part };
    });
};

const reports: readonly CachePath[] = ['fiemap', 'seek-data', 'seek-hole'];
const writes: readonly CachePath[] = ['direct-write', 'buffered-write'];
/** A report of the whole file tells what is in the cache now. */
const probe = (setting: CacheSetting): Step => calls.fiemap(setting, whole);

/** Answers ZERO by what needs no zeroing. */
const zerosReply = (setting: CacheSetting): Reply => ({
  kind: 'mappings',
  read: pushed(setting, 'read', 'HOLE', whole),
  write: pushed(setting, 'write', 'PURE_OVERWRITE', whole),
});

/** A hole to write to, by either half. */
const HOLES: readonly [TypeName, TypeName][] = [
  ['HOLE', 'PURE_OVERWRITE'],
  ['HOLE', 'HOLE'],
  ['MAPPED', 'HOLE'],
];
/** Which halves are pushed. */
const FILLED = ['both', 'read', 'write', 'overwrite', 'absent'] as const;

const rules: readonly CacheRule[] = [
  {
    rule: 'cache/hit',
    paths: PATHS,
    make: (path, setting) =>
      fc
        .tuple(fc.constantFrom(...typesFor(path)), someBlocks(), someBlocks())
        .map(([type, blocks, inside]) => ({
          steps: [
            upsert(setting, type, 'PURE_OVERWRITE', blocks),
            ...callsOf(path, setting, {
              from: blocks.from + (inside.from % blocks.count),
              count: Math.max(1, Math.min(inside.count, blocks.count - (inside.from % blocks.count))),
            }),
          ],
          note: `${type} over ${blocks.count} blocks from ${blocks.from}`,
        })),
  },
  {
    // A mapping that writeback asks for is good for what is cached behind it, too: where both are in play the place of
    // the bytes is open.
    rule: 'cache/miss',
    paths: PATHS.filter((path) => path !== 'buffered-write'),
    make: (path, setting) =>
      fc
        .tuple(fc.constantFrom(...typesFor(path)), split(), fc.boolean())
        .map(([type, [first, second], front]) => ({
          steps: [upsert(setting, type, 'NOCACHE', front ? first : second), ...callsOf(path, setting, whole)],
          note: `${type} over the ${front ? 'first' : 'last'} of the file's blocks`,
        })),
  },
  {
    rule: 'cache/write-fork',
    paths: ['direct-write'],
    kinds: FILLED.length,
    make: (path, setting, kind) =>
      fc
        .tuple(fc.constantFrom('MAPPED', 'UNWRITTEN'), someBlocks(), fc.constant(FILLED[kind]!), someBlocks())
        .map(([type, blocks, filled, second]) => ({
          steps: [
            ...(filled === 'read'
              ? [
                  upsert(setting, 'NOCACHE', type, { from: FILE_BLOCKS - 1, count: 1 }),
                  upsert(setting, 'MAPPED', 'NOCACHE', blocks),
                ]
              : []),
            ...(filled === 'write' ? [upsert(setting, 'NOCACHE', type, blocks)] : []),
            ...(filled === 'both' ? [upsert(setting, 'MAPPED', type, blocks)] : []),
            ...(filled === 'overwrite'
              ? [upsert(setting, 'MAPPED', type, blocks), upsert(setting, 'NOCACHE', 'PURE_OVERWRITE', blocks)]
              : []),
            // PURE_OVERWRITE does not make the write half present: what has a mapping to read from needs no other.
            ...(filled === 'absent'
              ? [
                  upsert(setting, 'MAPPED', 'PURE_OVERWRITE', { from: FILE_BLOCKS - 1, count: 1 }),
                  upsert(setting, 'MAPPED', 'NOCACHE', second),
                ]
              : []),
            ...callsOf(path, setting, second),
          ],
          note: `${filled} half of blocks ${blocks.from} to ${blocks.from + blocks.count}`,
        })),
  },
  {
    rule: 'cache/hole-asks',
    paths: ['direct-write', 'buffered-write'],
    kinds: HOLES.length,
    make: (path, setting, kind) =>
      fc
        .tuple(someBlocks(), fc.constant(HOLES[kind]!))
        .map(([blocks, [read, write]]) => ({
          steps: [upsert(setting, read, write, blocks), ...callsOf(path, setting, blocks)],
          note: `${read} to read, ${write} to write`,
        })),
  },
  {
    rule: 'cache/delalloc',
    paths: ['direct-write', 'buffered-write', ...reports],
    make: (path, setting) =>
      fc
        .tuple(someBlocks(), fc.boolean())
        .map(([blocks, overwrite]) => ({
          steps: [
            upsert(setting, overwrite ? 'DELALLOC' : 'MAPPED', overwrite ? 'PURE_OVERWRITE' : 'DELALLOC', blocks),
            ...callsOf(path, setting, blocks),
          ],
          note: `DELALLOC to ${overwrite ? 'overwrite' : 'write to'}`,
        })),
  },
  {
    rule: 'cache/merge',
    paths: ['fiemap', 'direct-read'],
    kinds: neighbours.length,
    make: (path, setting, kind) =>
      fc.tuple(split(), fc.boolean()).map(([[first, second], swapped]) => {
        // Direct reads have no use for delayed allocation.
        const { type, next, gap, otherDevice, flags, note } =
          path === 'fiemap' || neighbours[kind]!.next !== 'DELALLOC' ? neighbours[kind]! : neighbours[0]!;
        const behind = altered(
          upsert(gap ? { ...setting, shift: setting.shift + 1 } : setting, next, 'NOCACHE', second),
          { ...(otherDevice && { dev: { device: 1 } }), ...(flags && { flags }) },
        );
        const both = [upsert(setting, type, 'NOCACHE', first), behind];
        return {
          steps: [...(swapped ? both.reverse() : both), ...callsOf(path, setting, whole)],
          note: `${type} and ${next} side by side in the file, ${note}`,
        };
      }),
  },
  {
    rule: 'cache/replaced',
    paths: ['fiemap', 'direct-read'],
    kinds: CUTS.length,
    make: (path, setting, kind) =>
      fc
        .tuple(
          cutOf(kind),
          fc.constantFrom<TypeName>('MAPPED', 'UNWRITTEN'),
          fc.constantFrom<TypeName>('MAPPED', 'UNWRITTEN', 'HOLE'),
        )
        .map(([{ there, cut, part }, a, b]) => ({
          steps: [
            upsert(setting, path === 'fiemap' ? a : 'MAPPED', 'NOCACHE', there),
            upsert({ ...setting, shift: setting.shift + 3 }, b, 'NOCACHE', cut),
            ...callsOf(path, setting, whole),
          ],
          note: `${b} in place of ${part === 'all' ? 'all' : `the ${part}`} of ${there.count} blocks from ${there.from}`,
        })),
  },
  {
    rule: 'cache/nocache',
    paths: ['fiemap', 'direct-write'],
    make: (path, setting) =>
      fc
        .tuple(someBlocks(), someBlocks())
        .map(([first, second]) => ({
          steps: [
            upsert(setting, 'MAPPED', 'UNWRITTEN', first),
            upsert(setting, 'NOCACHE', 'MAPPED', second),
            upsert(setting, 'NOCACHE', 'NOCACHE', whole),
            ...callsOf(path, setting, first),
          ],
          note: 'halves that are left alone',
        })),
  },
  {
    rule: 'cache/maxbytes',
    paths: ['fiemap'],
    setting: { blockSize: 512n },
    make: (_path, drawnSetting) =>
      fc
        .tuple(fc.constantFrom(undefined, 0, 1, 256, 257, 320, 4096), fc.constantFrom(1, 2, 9, 10, 11, 12))
        .map(([cacheMaxBytes, records]) => {
          const setting = { ...drawnSetting, ...(cacheMaxBytes !== undefined && { cacheMaxBytes }) };
          // Every second block, so that none of them merge.
          const each = Array.from({ length: records }, (_, n) =>
            upsert(setting, 'MAPPED', 'NOCACHE', { from: n * 2, count: 1 }),
          );
          return {
            setting,
            steps: [...each, probe(setting)],
            note: `${records} records in ${cacheMaxBytes ?? 'the default number of'} bytes`,
          };
        }),
  },
  {
    rule: 'inval/dropped',
    paths: ['fiemap', 'direct-read', 'direct-write'],
    kinds: 2 * CUTS.length,
    make: (path, setting, kind) =>
      fc
        .tuple(
          cutOf(kind),
          fc.constantFrom(
            ...(path === 'direct-write' ? (['read', 'write', 'both'] as const) : (['read', 'both'] as const)),
          ),
        )
        .map(([{ there, cut: gone }, half]) => {
          const toEof = kind >= CUTS.length;
          const range = toEof ? { ...rangeOf(gone, setting), length: INVAL_TO_EOF } : rangeOf(gone, setting);
          return {
            steps: [
              upsert(setting, 'MAPPED', 'UNWRITTEN', there),
              inval(half === 'write' ? NOTHING : range, half === 'read' ? NOTHING : range),
              ...callsOf(path, setting, whole),
            ],
            note: `${half} mappings from block ${gone.from}${toEof ? ' to EOF' : ''}`,
          };
        }),
  },
  {
    rule: 'cache/written',
    paths: writes,
    make: (path, setting) =>
      fc
        .tuple(fc.constantFrom<TypeName>('UNWRITTEN', 'MAPPED'), someBlocks())
        .map(([type, blocks]) => ({
          steps: [upsert(setting, type, 'PURE_OVERWRITE', whole), ...callsOf(path, setting, blocks), probe(setting)],
          note: `${type}, ${blocks.count} blocks written`,
        })),
  },
  {
    rule: 'cache/written-fork',
    paths: writes,
    kinds: 2,
    make: (path, setting, kind) =>
      fc
        .tuple(fc.constantFrom<TypeName>('UNWRITTEN', 'MAPPED'), someBlocks(), fc.boolean())
        .map(([type, blocks, read]) => ({
          // The second write has a mapping to read from, and must ask where to write.
          steps: [
            upsert(setting, read ? 'MAPPED' : 'HOLE', type, whole),
            ...callsOf(path, setting, blocks),
            ...(kind === 0
              ? [probe(setting)]
              : [upsert(setting, 'MAPPED', 'NOCACHE', whole), ...callsOf(path, setting, blocks)]),
          ],
          note: `${type} to write to, ${blocks.count} blocks written${kind === 0 ? '' : ' twice'}`,
        })),
  },
  {
    rule: 'cache/truncated',
    paths: ['direct-read'],
    make: (path, setting) =>
      fc
        .tuple(fc.integer({ min: 0, max: FILE_BLOCKS - 1 }), fc.integer({ min: 1, max: FILE_BLOCKS }))
        .map(([size, again]) => ({
          steps: [
            upsert(setting, 'UNWRITTEN', 'PURE_OVERWRITE', whole),
            { call: 'ftruncate', fd: 0, sizeBytes: rangeOf({ from: size, count: 0 }, setting).offset } as Step,
            {
              call: 'ftruncate',
              fd: 0,
              sizeBytes: rangeOf({ from: Math.max(again, size + 1), count: 0 }, setting).offset,
            } as Step,
            ...callsOf(path, setting, whole),
            probe(setting),
          ],
          // What becomes part of the file again reads as zeros by what the server says, too.
          script: [{ on: 'IOMAP_BEGIN', file: 0, opflagsSet: 2, reply: zerosReply(setting) }],
          note: `truncated to ${size} blocks, then to ${Math.max(again, size + 1)}`,
        })),
  },
  {
    // What was to be written to is gone, too: a write asks, although there is a mapping to read from again.
    rule: 'cache/truncated',
    paths: ['direct-write'],
    kinds: 2,
    make: (path, setting, kind) =>
      fc
        .integer({ min: 0, max: FILE_BLOCKS - 2 })
        .map((size) => ({
          steps: [
            upsert(setting, 'MAPPED', 'UNWRITTEN', whole),
            { call: 'ftruncate', fd: 0, sizeBytes: rangeOf({ from: size, count: 0 }, setting).offset } as Step,
            upsert(setting, 'MAPPED', 'NOCACHE', whole),
            ...callsOf(
              path,
              setting,
              kind === 0 ? { from: size, count: FILE_BLOCKS - size } : { from: 0, count: Math.max(1, size) },
            ),
          ],
          script: [{ on: 'IOMAP_BEGIN', file: 0, opflagsSet: 2, reply: zerosReply(setting) }],
          note: `truncated to ${size} blocks, then written ${kind === 0 ? 'behind it' : 'before it'}`,
        })),
  },
  {
    rule: 'cache/emptied',
    paths: ['direct-read'],
    kinds: 2,
    make: (path, setting, kind) =>
      fc
        .tuple(fc.integer({ min: 1, max: FILE_BLOCKS }), fc.constant(kind === 0))
        .map(([size, empties]) => ({
          steps: [
            upsert(setting, 'UNWRITTEN', 'PURE_OVERWRITE', whole),
            { call: 'open', file: 0, flags: empties ? ['rdwr', 'trunc'] : ['rdwr'] } as Step,
            { call: 'ftruncate', fd: 0, sizeBytes: rangeOf({ from: size, count: 0 }, setting).offset } as Step,
            ...callsOf(path, setting, whole),
            probe(setting),
          ],
          script: [{ on: 'IOMAP_BEGIN', file: 0, opflagsSet: 2, reply: zerosReply(setting) }],
          note: `opened ${empties ? 'with' : 'without'} O_TRUNC, then ${size} blocks`,
        })),
  },
  {
    rule: 'cache/inline-written',
    paths: ['direct-write', 'direct-read'],
    make: (path, setting) =>
      fc.boolean().map((all) => ({
        // One block is all that inline data may be.
        steps: [
          upsert(setting, 'INLINE', 'PURE_OVERWRITE', { from: 3, count: 1 }),
          upsert(setting, 'MAPPED', 'NOCACHE', { from: 4, count: 2 }),
          ...callsOf(path, setting, { from: 3, count: all ? 3 : 1 }),
          probe(setting),
        ],
        note: `inline data ${path === 'direct-read' ? 'read, which changes nothing' : 'written'}`,
      })),
  },
  {
    rule: 'cache/allocated',
    paths: ['direct-read', 'fiemap'],
    kinds: 3,
    make: (path, setting, kind) =>
      fc
        .tuple(someBlocks(), fc.constant([1, 3, 0x11][kind]!))
        .map(([blocks, mode]) => ({
          steps: [
            upsert(setting, 'UNWRITTEN', 'PURE_OVERWRITE', whole),
            {
              call: 'fallocate',
              fd: 0,
              mode,
              offset: rangeOf(blocks, setting).offset,
              lengthBytes: rangeOf(blocks, setting).length,
            } as Step,
            ...callsOf(path, setting, whole),
          ],
          script: [{ on: 'IOMAP_BEGIN', file: 0, opflagsSet: 2, reply: zerosReply(setting) }],
          note: `fallocate mode 0x${mode.toString(16)} of ${blocks.count} blocks from ${blocks.from}`,
        })),
  },
  {
    rule: 'cache/allocated',
    paths: ['direct-write'],
    kinds: 3,
    make: (path, setting, kind) =>
      someBlocks().map((blocks) => ({
        steps: [
          upsert(setting, 'MAPPED', 'UNWRITTEN', whole),
          {
            call: 'fallocate',
            fd: 0,
            mode: [1, 3, 0x11][kind]!,
            offset: rangeOf(blocks, setting).offset,
            lengthBytes: rangeOf(blocks, setting).length,
          } as Step,
          upsert(setting, 'MAPPED', 'NOCACHE', whole),
          ...callsOf(path, setting, blocks),
        ],
        script: [{ on: 'IOMAP_BEGIN', file: 0, opflagsSet: 2, reply: zerosReply(setting) }],
        note: `fallocate mode 0x${[1, 3, 0x11][kind]!.toString(16)} of ${blocks.count} blocks from ${blocks.from}, then written`,
      })),
  },
  {
    rule: 'cache/copied',
    paths: ['direct-read', 'fiemap'],
    make: (path, setting) =>
      fc
        .tuple(someBlocks(FILE_BLOCKS / 2), fc.integer({ min: FILE_BLOCKS / 2, max: FILE_BLOCKS - 1 }))
        .map(([from, to]) => {
          const count = Math.min(from.count, FILE_BLOCKS - to);
          const { offset: fromOffset, length } = rangeOf({ from: from.from, count }, setting);
          return {
            steps: [
              upsert(setting, 'UNWRITTEN', 'PURE_OVERWRITE', whole),
              {
                call: 'copyFileRange',
                from: 0,
                fromOffset,
                fd: 0,
                offset: rangeOf({ from: to, count }, setting).offset,
                lengthBytes: Number(length),
              } as Step,
              ...callsOf(path, setting, whole),
            ],
            script: [
              {
                on: 'COPY_FILE_RANGE_64',
                reply: {
                  kind: 'raw',
                  payload: Buffer.from(copyFileRangeOut.encode({ bytesCopied: length })).toString('hex'),
                },
              },
            ],
            note: `${count} blocks copied to block ${to}`,
          };
        }),
  },
  {
    rule: 'cache/access',
    paths: ['direct-read', 'direct-write'],
    kinds: 3,
    make: (path, setting, kind) =>
      fc
        .constant((['rw', 'ro', path === 'direct-write' ? 'rw' : 'wo'] as const)[kind]!)
        .map((access) => ({
          steps: [upsert(setting, 'MAPPED', 'PURE_OVERWRITE', whole), ...callsOf(path, setting, whole)],
          note: `a device opened ${access}`,
          devices: [
            { sizeBytes: DEVICE_SIZE, access },
            ...[1, 2].map(() => ({ sizeBytes: DEVICE_SIZE, access: 'rw' as const })),
          ],
        })),
  },
  {
    rule: 'cache/nowait',
    paths: ['direct-read'],
    make: (_path, setting) =>
      fc
        .tuple(someBlocks(), someBlocks(), fc.constantFrom<TypeName>('MAPPED', 'UNWRITTEN', 'HOLE'))
        .map(([stored, read, type]) => ({
          steps: [
            upsert(setting, type, 'NOCACHE', stored),
            { ...calls.read(setting, { from: read.from, count: 1 }), rwf: RWF_NOWAIT } as Step,
          ],
          note: `${type} over ${stored.count} blocks from ${stored.from}, read of block ${read.from} without waiting`,
        })),
  },
];

export function cacheCells(revision: Revision): PlanCell[] {
  const has = revision.notifications.IOMAP_UPSERT_MAPPINGS !== undefined;
  const cell = (key: CellKey, cases: () => PlanCell): PlanCell =>
    has ? cases() : impossible(key, `revision ${revision.id} has no mapping cache`);
  return [
    ...rules.flatMap(({ rule, paths, make, kinds = 1, setting }) =>
      paths.map((path) =>
        cell({ rule, path }, () =>
          possibleKinds(
            { rule, path },
            Array.from({ length: kinds }, (_, kind) =>
              cacheSetting({ ...setting, direct: isDirect(path) }).chain((drawnSetting) =>
                make(path, drawnSetting, kind).map((parts) => cacheCase({ revision, setting: drawnSetting, ...parts })),
              ),
            ),
          ),
        ),
      ),
    ),
    ...(['direct-read', 'buffered-read'] as const).map((path) =>
      cell({ rule: 'cache/sequence', path }, () =>
        possible(
          { rule: 'cache/sequence', path },
          cacheSetting({ direct: isDirect(path) }).chain((drawnSetting) => cacheSequence(revision, drawnSetting)),
        ),
      ),
    ),
  ];
}
