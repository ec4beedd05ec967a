/**
 * Cases about the mapping cache: upserts, invalidations and syscalls on one file. What the server pushes and what it
 * answers when it is asked lie on different devices, so that bytes tell where a mapping came from.
 */
import fc from 'fast-check';
import { CASE_SCHEMA, type Case, type Geometry, type ScriptLine, type Step } from '../model/case.ts';
import type { MappingSpec } from '../model/mapping.ts';
import type { ByteRange, Notification } from '../model/notification.ts';
import { INVAL_TO_EOF, NULL_ADDR, type Revision } from '../uapi/revision.ts';
import type { TypeName } from './mapping.ts';
import { noCache } from './notification.ts';
import { pureOverwrite, type PlannedCase } from './reply-case.ts';
import { DEVICE_SIZE } from './setting.ts';

/** Size of the file in blocks. */
export const FILE_BLOCKS = 24;
/** What is pushed to read from, what is pushed to write to, what is answered. */
const DEVICES = { read: 0, write: 1, server: 2 } as const;

export interface CacheSetting {
  blockSize: bigint;
  debugIomap: boolean;
  /** Bytes that a fork may take; undefined: the kernel's default. */
  cacheMaxBytes?: number;
  /** How the file is opened. */
  direct: boolean;
  /** Moves what is pushed on its devices, in blocks. */
  shift: number;
}

export const cacheSetting = (constraints: Partial<CacheSetting> = {}): fc.Arbitrary<CacheSetting> =>
  fc
    .record({
      blockSize: fc.oneof(
        { weight: 3, arbitrary: fc.constant(4096n) },
        { weight: 1, arbitrary: fc.constantFrom(512n, 1024n, 2048n) },
      ),
      debugIomap: fc.boolean(),
      direct: fc.boolean(),
      shift: fc.nat(7),
    })
    .map((drawn) => ({ ...drawn, ...constraints }));

/** Blocks [from, from + count) of the file. */
export interface Blocks {
  from: number;
  count: number;
}

/** Blocks of the file, or of [min, min + most) of it. */
export const someBlocks = (most = FILE_BLOCKS, min = 0): fc.Arbitrary<Blocks> =>
  fc
    .tuple(fc.nat(most - 1), fc.nat(most - 1))
    .map(([a, b]) => ({ from: min + Math.min(a, b), count: Math.abs(a - b) + 1 }));

const bytes = (blocks: number, { blockSize }: CacheSetting): bigint => BigInt(blocks) * blockSize;
export const rangeOf = ({ from, count }: Blocks, setting: CacheSetting): ByteRange => ({
  offset: bytes(from, setting),
  length: bytes(count, setting),
});

/** A mapping over these blocks as the server knows it; neighbours are neighbours on the device, too. */
export function pushed(setting: CacheSetting, half: 'read' | 'write', type: TypeName, blocks: Blocks): MappingSpec {
  const { offset, length } = rangeOf(blocks, setting);
  const backed = type === 'MAPPED' || type === 'UNWRITTEN';
  return {
    type,
    flags: [],
    dev: backed ? { device: DEVICES[half] } : 0,
    addr: backed ? bytes(setting.shift, setting) + offset : NULL_ADDR,
    offset,
    length,
  };
}

export const upsert = (
  setting: CacheSetting,
  read: TypeName | 'NOCACHE',
  write: TypeName | 'NOCACHE',
  blocks: Blocks,
): Step => {
  const half = (of: 'read' | 'write', type: TypeName): MappingSpec => {
    const { offset, length } = rangeOf(blocks, setting);
    return type === 'NOCACHE' ? noCache(offset, length) : pushed(setting, of, type, blocks);
  };
  return {
    call: 'notify',
    notification: { kind: 'upsert', node: { file: 0 }, read: half('read', read), write: half('write', write) },
  };
};

export const inval = (read: ByteRange, write: ByteRange): Step => ({
  call: 'notify',
  notification: { kind: 'inval', node: { file: 0 }, read, write } satisfies Notification,
});
export const NOTHING: ByteRange = { offset: 0n, length: 0n };

/** Syscalls about blocks of the file. */
export const calls = {
  read: (setting: CacheSetting, blocks: Blocks): Step => ({
    call: 'pread',
    fd: 0,
    offset: bytes(blocks.from, setting),
    lengthBytes: Number(bytes(blocks.count, setting)),
  }),
  write: (setting: CacheSetting, blocks: Blocks, writer = 0): Step => ({
    call: 'pwrite',
    fd: 0,
    offset: bytes(blocks.from, setting),
    lengthBytes: Number(bytes(blocks.count, setting)),
    writer,
  }),
  fiemap: (setting: CacheSetting, blocks: Blocks): Step => ({
    call: 'fiemap',
    fd: 0,
    start: bytes(blocks.from, setting),
    lengthBytes: bytes(blocks.count, setting),
    flags: 0,
    extents: 32,
  }),
  seekData: (setting: CacheSetting, { from }: Blocks): Step => ({
    call: 'seekData',
    fd: 0,
    offset: bytes(from, setting),
  }),
  seekHole: (setting: CacheSetting, { from }: Blocks): Step => ({
    call: 'seekHole',
    fd: 0,
    offset: bytes(from, setting),
  }),
} as const;

/** What the server answers when it is asked: the whole file on a device of its own, to read and to write. */
function serverLine(setting: CacheSetting): ScriptLine {
  const length = bytes(FILE_BLOCKS, setting);
  const read: MappingSpec = {
    type: 'MAPPED',
    flags: [],
    dev: { device: DEVICES.server },
    addr: 0n,
    offset: 0n,
    length,
  };
  return { on: 'IOMAP_BEGIN', file: 0, reply: { kind: 'mappings', read, write: pureOverwrite(0n, length) } };
}

export interface CacheCase {
  revision: Revision;
  setting: CacheSetting;
  steps: readonly Step[];
  note: string;
  script?: readonly ScriptLine[];
  devices?: Geometry['devices'];
}

export function cacheCase({ revision, setting, steps, note, script = [], devices }: CacheCase): PlannedCase {
  const { blockSize, cacheMaxBytes } = setting;
  const config: Geometry['config'] =
    blockSize === 4096n && cacheMaxBytes === undefined
      ? undefined
      : {
          kind: 'config',
          flags: [
            ...(blockSize === 4096n ? [] : ['BLOCKSIZE' as const]),
            ...(cacheMaxBytes === undefined ? [] : ['CACHE_MAXBYTES' as const]),
          ],
          ...(blockSize !== 4096n && { blockSizeBytes: Number(blockSize) }),
          ...(cacheMaxBytes !== undefined && { cacheMaxBytes }),
        };
  const value: Case = {
    schema: CASE_SCHEMA,
    revision: revision.id,
    debugIomap: setting.debugIomap,
    geometry: {
      mount: 'ordinary',
      ...(config && { config }),
      devices: devices ?? [0, 1, 2].map(() => ({ sizeBytes: DEVICE_SIZE, access: 'rw' as const })),
      files: [{ sizeBytes: bytes(FILE_BLOCKS, setting), attrFlags: ['IOMAP', 'EXCLUSIVE'] }],
    },
    script: [...script, serverLine(setting)],
    workload: [
      { call: 'open', file: 0, flags: setting.direct ? ['rdwr', 'direct'] : ['rdwr'] },
      ...steps,
      { call: 'close', fd: 0 },
    ],
  };
  return { case: value, note: `${note}; block size ${blockSize}` };
}

const READ_TYPES: readonly (TypeName | 'NOCACHE')[] = ['MAPPED', 'MAPPED', 'MAPPED', 'UNWRITTEN', 'HOLE', 'NOCACHE'];
const WRITE_TYPES: readonly (TypeName | 'NOCACHE')[] = [
  'PURE_OVERWRITE',
  'PURE_OVERWRITE',
  'NOCACHE',
  'MAPPED',
  'UNWRITTEN',
  'HOLE',
];

const someRange = (setting: CacheSetting): fc.Arbitrary<ByteRange> =>
  fc.oneof(
    { weight: 3, arbitrary: someBlocks().map((blocks) => rangeOf(blocks, setting)) },
    {
      weight: 1,
      arbitrary: fc.nat(FILE_BLOCKS - 1).map((from) => ({ offset: bytes(from, setting), length: INVAL_TO_EOF })),
    },
    { weight: 1, arbitrary: fc.constant(NOTHING) },
  );

/** One thing that the server pushes or takes back. */
export const cacheChange = (setting: CacheSetting): fc.Arbitrary<Step> =>
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc
        .tuple(fc.constantFrom(...READ_TYPES), fc.constantFrom(...WRITE_TYPES), someBlocks())
        .map(([read, write, blocks]) => upsert(setting, read, write, blocks)),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(someRange(setting), someRange(setting)).map(([read, write]) => inval(read, write)),
    },
  );

/**
 * A syscall about some blocks. Buffered files are only read: what a write leaves in their page cache is not modelled
 * for all that may follow.
 */
const someCall = (setting: CacheSetting): fc.Arbitrary<Step> => {
  const kinds = setting.direct
    ? (['read', 'write', 'fiemap', 'seekData', 'seekHole'] as const)
    : (['read', 'fiemap'] as const);
  return fc
    .tuple(fc.constantFrom(...kinds), someBlocks(), fc.nat(3))
    .map(([kind, blocks, writer]) =>
      kind === 'write' ? calls.write(setting, blocks, writer) : calls[kind](setting, blocks),
    );
};

/** Upserts, invalidations and syscalls in any order. */
export const cacheSequence = (revision: Revision, setting: CacheSetting, most = 10): fc.Arbitrary<PlannedCase> =>
  fc
    .array(fc.oneof({ weight: 2, arbitrary: cacheChange(setting) }, { weight: 3, arbitrary: someCall(setting) }), {
      minLength: 2,
      maxLength: most,
    })
    .map((steps) => cacheCase({ revision, setting, steps, note: `${steps.length} notifications and syscalls` }));
