/** Cells of the mapping cache: what it serves and when it must not, what merges, what is dropped. Source: behaviour, the mapping cache. */
import fc from 'fast-check';
import {
  cacheCase, cacheSequence, cacheSetting, calls, inval, NOTHING, pushed, rangeOf, someBlocks, upsert, FILE_BLOCKS, type Blocks, type CacheCase, type CacheSetting,
} from '../../../generators/cache-case.ts';
import type { TypeName } from '../../../generators/mapping.ts';
import { DEVICE_SIZE } from '../../../generators/setting.ts';
import type { Reply, Step } from '../../model/case.ts';
import { INVAL_TO_EOF, type Revision } from '../../uapi/revision.ts';
import { impossible, possible, type CellKey, type PlanCell } from './cell.ts';

type Made = Pick<CacheCase, 'steps' | 'note' | 'devices' | 'script'> & Partial<Pick<CacheCase, 'setting'>>;

const PATHS = ['direct-read', 'buffered-read', 'direct-write', 'buffered-write', 'fiemap', 'seek-data', 'seek-hole'] as const;
type CachePath = (typeof PATHS)[number];
const isDirect = (path: CachePath): boolean => path.startsWith('direct');
const RWF_NOWAIT = 8;

/** The syscalls of a path; a buffered write goes on to its place. */
function callsOf(path: CachePath, setting: CacheSetting, blocks: Blocks): Step[] {
  switch (path) {
    case 'direct-read': case 'buffered-read': return [calls.read(setting, blocks)];
    case 'direct-write': return [calls.write(setting, blocks)];
    case 'buffered-write': return [calls.write(setting, blocks), { call: 'fsync', fd: 0 }];
    case 'fiemap': return [calls.fiemap(setting, blocks)];
    case 'seek-data': return [calls.seekData(setting, blocks)];
    case 'seek-hole': return [calls.seekHole(setting, blocks)];
  }
}

const whole: Blocks = { from: 0, count: FILE_BLOCKS };
const typesFor = (path: CachePath): readonly TypeName[] =>
  (path === 'fiemap' || path.startsWith('seek') ? ['MAPPED', 'UNWRITTEN', 'HOLE', 'DELALLOC'] : path.endsWith('read') ? ['MAPPED', 'UNWRITTEN', 'HOLE'] : ['MAPPED', 'UNWRITTEN']);
const split = (): fc.Arbitrary<[Blocks, Blocks]> => fc.integer({ min: 1, max: FILE_BLOCKS - 1 }).map((at) => [{ from: 0, count: at }, { from: at, count: FILE_BLOCKS - at }]);

interface CacheRule {
  rule: string;
  paths: readonly CachePath[];
  make: (path: CachePath, setting: CacheSetting) => fc.Arbitrary<Made>;
  setting?: Partial<CacheSetting>;
}

const reports: readonly CachePath[] = ['fiemap', 'seek-data', 'seek-hole'];
const writes: readonly CachePath[] = ['direct-write', 'buffered-write'];
/** A report of the whole file tells what is in the cache now. */
const probe = (setting: CacheSetting): Step => calls.fiemap(setting, whole);

/** Answers ZERO by what needs no zeroing. */
const zerosReply = (setting: CacheSetting): Reply => ({ kind: 'mappings', read: pushed(setting, 'read', 'HOLE', whole), write: pushed(setting, 'write', 'PURE_OVERWRITE', whole) });

const rules: readonly CacheRule[] = [
  {
    rule: 'cache/hit', paths: PATHS,
    make: (path, setting) => fc.tuple(fc.constantFrom(...typesFor(path)), someBlocks(), someBlocks()).map(([type, blocks, inside]) => ({
      steps: [upsert(setting, type, 'PURE_OVERWRITE', blocks), ...callsOf(path, setting, { from: blocks.from + (inside.from % blocks.count), count: Math.max(1, Math.min(inside.count, blocks.count - (inside.from % blocks.count))) })],
      note: `${type} over ${blocks.count} blocks from ${blocks.from}`,
    })),
  },
  {
    // A mapping that writeback asks for is good for what is cached behind it, too: where both are in play the place of the bytes is open.
    rule: 'cache/miss', paths: PATHS.filter((path) => path !== 'buffered-write'),
    make: (path, setting) => fc.tuple(fc.constantFrom(...typesFor(path)), split(), fc.boolean()).map(([type, [first, second], front]) => ({
      steps: [upsert(setting, type, 'NOCACHE', front ? first : second), ...callsOf(path, setting, whole)], note: `${type} over the ${front ? 'first' : 'last'} of the file's blocks`,
    })),
  },
  {
    rule: 'cache/write-fork', paths: ['direct-write'],
    make: (path, setting) => fc.tuple(fc.constantFrom('MAPPED', 'UNWRITTEN'), someBlocks(), fc.constantFrom('both', 'read', 'write', 'overwrite'), someBlocks()).map(([type, blocks, filled, second]) => ({
      steps: [
        ...(filled === 'read' ? [upsert(setting, 'NOCACHE', type, { from: FILE_BLOCKS - 1, count: 1 }), upsert(setting, 'MAPPED', 'NOCACHE', blocks)] : []),
        ...(filled === 'write' ? [upsert(setting, 'NOCACHE', type, blocks)] : []),
        ...(filled === 'both' ? [upsert(setting, 'MAPPED', type, blocks)] : []),
        ...(filled === 'overwrite' ? [upsert(setting, 'MAPPED', type, blocks), upsert(setting, 'NOCACHE', 'PURE_OVERWRITE', blocks)] : []),
        ...callsOf(path, setting, second),
      ],
      note: `${filled} half of blocks ${blocks.from} to ${blocks.from + blocks.count}`,
    })),
  },
  {
    rule: 'cache/hole-asks', paths: ['direct-write', 'buffered-write'],
    make: (path, setting) => fc.tuple(someBlocks(), fc.constantFrom<[TypeName, TypeName]>(['HOLE', 'PURE_OVERWRITE'], ['HOLE', 'HOLE'], ['MAPPED', 'HOLE'])).map(([blocks, [read, write]]) => ({
      steps: [upsert(setting, read, write, blocks), ...callsOf(path, setting, blocks)], note: `${read} to read, ${write} to write`,
    })),
  },
  {
    rule: 'cache/delalloc', paths: ['direct-write', 'buffered-write', ...reports],
    make: (path, setting) => fc.tuple(someBlocks(), fc.boolean()).map(([blocks, overwrite]) => ({
      steps: [upsert(setting, overwrite ? 'DELALLOC' : 'MAPPED', overwrite ? 'PURE_OVERWRITE' : 'DELALLOC', blocks), ...callsOf(path, setting, blocks)], note: `DELALLOC to ${overwrite ? 'overwrite' : 'write to'}`,
    })),
  },
  {
    rule: 'cache/merge', paths: ['fiemap', 'direct-read'],
    make: (path, setting) => fc.tuple(split(), fc.constantFrom<TypeName[]>(['MAPPED', 'MAPPED'], ['UNWRITTEN', 'UNWRITTEN'], ['HOLE', 'HOLE'], ['MAPPED', 'UNWRITTEN'], ['DELALLOC', 'DELALLOC']), fc.boolean(), fc.boolean()).map(([[first, second], [a, b], swapped, gap]) => {
      const both = [upsert(setting, a!, 'NOCACHE', first), upsert(gap ? { ...setting, shift: setting.shift + 1 } : setting, b!, 'NOCACHE', second)];
      return { steps: [...(swapped ? both.reverse() : both), ...callsOf(path, setting, whole)], note: `${a} and ${b} side by side in the file${gap ? ', not on the device' : ''}` };
    }).filter(({ note }) => path === 'fiemap' || !note.startsWith('DELALLOC')),
  },
  {
    rule: 'cache/replaced', paths: ['fiemap', 'direct-read'],
    make: (path, setting) => fc.tuple(someBlocks(), someBlocks(), fc.constantFrom<TypeName>('MAPPED', 'UNWRITTEN', 'HOLE'), fc.constantFrom<TypeName>('MAPPED', 'UNWRITTEN', 'HOLE')).map(([first, second, a, b]) => ({
      steps: [upsert(setting, a, 'NOCACHE', first), upsert({ ...setting, shift: setting.shift + 3 }, b, 'NOCACHE', second), ...callsOf(path, setting, whole)],
      note: `${a} from ${first.from}, then ${b} from ${second.from}`,
    })),
  },
  {
    rule: 'cache/nocache', paths: ['fiemap', 'direct-write'],
    make: (path, setting) => fc.tuple(someBlocks(), someBlocks()).map(([first, second]) => ({
      steps: [upsert(setting, 'MAPPED', 'UNWRITTEN', first), upsert(setting, 'NOCACHE', 'MAPPED', second), upsert(setting, 'NOCACHE', 'NOCACHE', whole), ...callsOf(path, setting, first)], note: 'halves that are left alone',
    })),
  },
  {
    rule: 'cache/maxbytes', paths: ['fiemap'], setting: { blockSize: 512n },
    make: (_path, drawn) => fc.tuple(fc.constantFrom(undefined, 0, 1, 256, 257, 320, 4096), fc.constantFrom(1, 2, 9, 10, 11, 12)).map(([cacheMaxBytes, records]) => {
      const setting = { ...drawn, ...(cacheMaxBytes !== undefined && { cacheMaxBytes }) };
      // Every second block, so that none of them merge.
      const each = Array.from({ length: records }, (_, n) => upsert(setting, 'MAPPED', 'NOCACHE', { from: n * 2, count: 1 }));
      return { setting, steps: [...each, probe(setting)], note: `${records} records in ${cacheMaxBytes ?? 'the default number of'} bytes` };
    }),
  },
  {
    rule: 'inval/dropped', paths: ['fiemap', 'direct-read', 'direct-write'],
    make: (path, setting) => fc.tuple(someBlocks(), someBlocks(), fc.boolean(), fc.constantFrom('read', 'write', 'both')).map(([stored, gone, toEof, half]) => {
      const range = toEof ? { ...rangeOf(gone, setting), length: INVAL_TO_EOF } : rangeOf(gone, setting);
      return {
        steps: [upsert(setting, 'MAPPED', 'UNWRITTEN', stored), inval(half === 'write' ? NOTHING : range, half === 'read' ? NOTHING : range), ...callsOf(path, setting, whole)],
        note: `${half} mappings from block ${gone.from}${toEof ? ' to EOF' : ''}`,
      };
    }),
  },
  {
    rule: 'cache/written', paths: writes,
    make: (path, setting) => fc.tuple(fc.constantFrom<TypeName>('UNWRITTEN', 'MAPPED'), someBlocks()).map(([type, blocks]) => ({
      steps: [upsert(setting, type, 'PURE_OVERWRITE', whole), ...callsOf(path, setting, blocks), probe(setting)], note: `${type}, ${blocks.count} blocks written`,
    })),
  },
  {
    rule: 'cache/written-fork', paths: writes,
    make: (path, setting) => fc.tuple(fc.constantFrom<TypeName>('UNWRITTEN', 'MAPPED'), someBlocks(), fc.boolean()).map(([type, blocks, read]) => ({
      steps: [upsert(setting, read ? 'MAPPED' : 'HOLE', type, whole), ...callsOf(path, setting, blocks), probe(setting)], note: `${type} to write to, ${blocks.count} blocks written`,
    })),
  },
  {
    rule: 'cache/truncated', paths: ['direct-read'],
    make: (path, setting) => fc.tuple(fc.integer({ min: 0, max: FILE_BLOCKS - 1 }), fc.integer({ min: 1, max: FILE_BLOCKS })).map(([size, again]) => ({
      steps: [
        upsert(setting, 'UNWRITTEN', 'PURE_OVERWRITE', whole), { call: 'ftruncate', fd: 0, sizeBytes: rangeOf({ from: size, count: 0 }, setting).offset } as Step,
        { call: 'ftruncate', fd: 0, sizeBytes: rangeOf({ from: Math.max(again, size + 1), count: 0 }, setting).offset } as Step, ...callsOf(path, setting, whole), probe(setting),
      ],
      // What becomes part of the file again reads as zeros by what the server says, too.
      script: [{ on: 'IOMAP_BEGIN', file: 0, opflagsSet: 2, reply: zerosReply(setting) }], note: `truncated to ${size} blocks, then to ${Math.max(again, size + 1)}`,
    })),
  },
  {
    rule: 'cache/emptied', paths: ['direct-read'],
    make: (path, setting) => fc.tuple(fc.integer({ min: 1, max: FILE_BLOCKS }), fc.boolean()).map(([size, empties]) => ({
      steps: [
        upsert(setting, 'UNWRITTEN', 'PURE_OVERWRITE', whole), { call: 'open', file: 0, flags: empties ? ['rdwr', 'trunc'] : ['rdwr'] } as Step,
        { call: 'ftruncate', fd: 0, sizeBytes: rangeOf({ from: size, count: 0 }, setting).offset } as Step, ...callsOf(path, setting, whole), probe(setting),
      ],
      script: [{ on: 'IOMAP_BEGIN', file: 0, opflagsSet: 2, reply: zerosReply(setting) }], note: `opened ${empties ? 'with' : 'without'} O_TRUNC, then ${size} blocks`,
    })),
  },
  {
    rule: 'cache/inline-written', paths: ['direct-write', 'direct-read'],
    make: (path, setting) => fc.boolean().map((all) => ({
      // One block is all that inline data may be.
      steps: [upsert(setting, 'INLINE', 'PURE_OVERWRITE', { from: 3, count: 1 }), upsert(setting, 'MAPPED', 'NOCACHE', { from: 4, count: 2 }), ...callsOf(path, setting, { from: 3, count: all ? 3 : 1 }), probe(setting)],
      note: `inline data ${path === 'direct-read' ? 'read, which changes nothing' : 'written'}`,
    })),
  },
  {
    rule: 'cache/allocated', paths: ['direct-read', 'fiemap'],
    make: (path, setting) => fc.tuple(someBlocks(), fc.constantFrom(1, 3, 0x11)).map(([blocks, mode]) => ({
      steps: [upsert(setting, 'UNWRITTEN', 'PURE_OVERWRITE', whole), { call: 'fallocate', fd: 0, mode, offset: rangeOf(blocks, setting).offset, lengthBytes: rangeOf(blocks, setting).length } as Step, ...callsOf(path, setting, whole)],
      script: [{ on: 'IOMAP_BEGIN', file: 0, opflagsSet: 2, reply: zerosReply(setting) }], note: `fallocate mode 0x${mode.toString(16)} of ${blocks.count} blocks from ${blocks.from}`,
    })),
  },
  {
    rule: 'cache/access', paths: ['direct-read', 'direct-write'],
    make: (path, setting) => fc.constantFrom('ro' as const, 'wo' as const, 'rw' as const).filter((access) => path !== 'direct-write' || access !== 'wo').map((access) => ({
      steps: [upsert(setting, 'MAPPED', 'PURE_OVERWRITE', whole), ...callsOf(path, setting, whole)], note: `a device opened ${access}`,
      devices: [{ sizeBytes: DEVICE_SIZE, access }, ...[1, 2].map(() => ({ sizeBytes: DEVICE_SIZE, access: 'rw' as const }))],
    })),
  },
  {
    rule: 'cache/nowait', paths: ['direct-read'],
    make: (_path, setting) => fc.tuple(someBlocks(), someBlocks(), fc.constantFrom<TypeName>('MAPPED', 'UNWRITTEN', 'HOLE')).map(([stored, read, type]) => ({
      steps: [upsert(setting, type, 'NOCACHE', stored), { ...calls.read(setting, { from: read.from, count: 1 }), rwf: RWF_NOWAIT } as Step],
      note: `${type} over ${stored.count} blocks from ${stored.from}, read of block ${read.from} without waiting`,
    })),
  },
];

export function cacheCells(revision: Revision): PlanCell[] {
  const has = revision.notifications.IOMAP_UPSERT_MAPPINGS !== undefined;
  const cell = (key: CellKey, cases: () => PlanCell): PlanCell => (has ? cases() : impossible(key, `revision ${revision.id} has no mapping cache`));
  return [
    ...rules.flatMap(({ rule, paths, make, setting }) => paths.map((path) => cell({ rule, path }, () => possible({ rule, path }, cacheSetting({ ...setting, direct: isDirect(path) })
      .chain((drawn) => make(path, drawn).map((made) => cacheCase({ revision, setting: drawn, ...made }))))))),
    ...(['direct-read', 'buffered-read'] as const).map((path) => cell({ rule: 'cache/sequence', path }, () => possible({ rule: 'cache/sequence', path },
      cacheSetting({ direct: isDirect(path) }).chain((drawn) => cacheSequence(revision, drawn))))),
  ];
}
