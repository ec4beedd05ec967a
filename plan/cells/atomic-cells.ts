/**
 * Cells of writes with RWF_ATOMIC: which are refused unasked, what the server may answer, and that they happen as a
 * whole where the mapping says.
 */
import fc from 'fast-check';
import { PLAIN_ERRNOS, WRONG_BEGIN_SIZES } from '../../generators/reply-values.ts';
import { configOf, pureOverwrite, type PlannedCase } from '../../generators/reply-case.ts';
import { CASE_SCHEMA, type Geometry, type Reply, type ScriptLine, type Step } from '../../model/case.ts';
import type { MappingSpec } from '../../model/mapping.ts';
import { RWF } from '../../model/syscall-flags.ts';
import { NULL_ADDR, type Revision } from '../../uapi/revision.ts';
import { borders, impossible, possible, type Border, type CellKey, type PlanCell } from '../cell.ts';
import type { ClauseId } from '../../oracles/rules/rule-id.ts';

const path = 'atomic-write';
const MAX_BYTES = 1n << 20n;
const DEVICE_BYTES = 1 << 20;
/** Devices 0 and 1 take atomic writes, device 2 does not. */
const devices = (access: 'rw' | 'ro' | 'wo' = 'rw'): Geometry['devices'] => [
  { sizeBytes: DEVICE_BYTES, access, atomic: true },
  { sizeBytes: DEVICE_BYTES, access: 'rw', atomic: true },
  { sizeBytes: DEVICE_BYTES, access: 'rw' },
];

interface Ground {
  blockSize: bigint;
  /** Blocks of the file. */
  blocks: bigint;
  /** The block that is written; may be the one behind EOF. */
  block: bigint;
  mount: Geometry['mount'];
  debugIomap: boolean;
  /** The acted mapping is the read half, and the write half a pure overwrite. */
  overwrite: boolean;
  type: 'MAPPED' | 'UNWRITTEN';
}

const ground: fc.Arbitrary<Ground> = fc
  .record({
    blockSize: fc.constantFrom(512n, 1024n, 4096n, 4096n),
    blocks: fc.bigInt({ min: 2n, max: 9n }),
    at: fc.nat(9),
    mount: fc.constantFrom<Geometry['mount']>('ordinary', 'ordinary', 'ordinary', 'syncInit'),
    debugIomap: fc.boolean(),
    overwrite: fc.boolean(),
    type: fc.constantFrom<Ground['type']>('MAPPED', 'UNWRITTEN'),
  })
  .map(({ at, ...rest }) => ({ ...rest, block: BigInt(at) % (rest.blocks + 1n) }));

/** What an atomic write leads to; everything but `note` has a default that is served. */
interface Act {
  note: string;
  reply?: Reply;
  extra?: ScriptLine[];
  attrFlags?: Geometry['files'][number]['attrFlags'];
  flags?: Extract<Step, { call: 'open' }>['flags'];
  devices?: Geometry['devices'];
  before?: Step[];
  write?: Partial<Extract<Step, { call: 'pwrite' }>>;
}

const hole = (offset: bigint, length: bigint): MappingSpec => ({ ...pureOverwrite(offset, length), type: 'HOLE' });
/** All that the file may have, on a device from byte `addr` on. */
const backed = (
  of: Pick<Ground, 'type'>,
  device: number,
  addr: bigint,
  flags: MappingSpec['flags'] = ['ATOMIC_BIO'],
): MappingSpec => ({ type: of.type, flags, dev: { device }, addr, offset: 0n, length: MAX_BYTES / 2n });
const acted = ({ overwrite }: Pick<Ground, 'overwrite'>, map: MappingSpec): Reply => ({
  kind: 'mappings',
  ...(overwrite
    ? { read: map, write: pureOverwrite(map.offset, map.length) }
    : { read: hole(map.offset, map.length), write: map }),
});

function caseOn(revision: Revision, setting: Ground, action: Act): PlannedCase {
  const config = configOf({ blockSize: setting.blockSize, maxBytes: MAX_BYTES });
  const plain: MappingSpec = { type: 'MAPPED', flags: [], dev: { device: 1 }, addr: 0n, offset: 0n, length: MAX_BYTES };
  const { ATOMIC } = revision.opFlags;
  // Where IOEND is answered by an error nothing says how long the file is.
  const sizeIsOpen = action.extra?.some(({ on }) => on === 'IOMAP_IOEND') === true && setting.block === setting.blocks;
  const pwrite: Step = {
    call: 'pwrite',
    fd: 0,
    offset: setting.block * setting.blockSize,
    lengthBytes: Number(setting.blockSize),
    writer: 0,
    rwf: RWF.ATOMIC,
    ...action.write,
  };
  return {
    note: `${action.note}; block ${setting.block} of ${setting.blocks}, block size ${setting.blockSize}`,
    case: {
      schema: CASE_SCHEMA,
      revision: revision.id,
      debugIomap: setting.debugIomap,
      geometry: {
        mount: setting.mount,
        ...(config && { config }),
        devices: action.devices ?? devices(),
        files: [
          {
            sizeBytes: setting.blocks * setting.blockSize,
            attrFlags: action.attrFlags ?? ['IOMAP', 'EXCLUSIVE', 'ATOMIC'],
          },
        ],
      },
      script: [
        ...(action.extra ?? []),
        { on: 'IOMAP_BEGIN', opflagsSet: ATOMIC, reply: action.reply ?? acted(setting, backed(setting, 0, 4096n)) },
        { on: 'IOMAP_BEGIN', reply: { kind: 'mappings', read: plain, write: pureOverwrite(0n, MAX_BYTES) } },
      ],
      workload: [
        { call: 'open', file: 0, flags: action.flags ?? ['rdwr', 'direct'] },
        ...(action.before ?? []),
        pwrite,
        ...(sizeIsOpen ? [] : [{ call: 'fstat' as const, fd: 0 }]),
        { call: 'close', fd: 0 },
      ],
    },
  };
}

type Make = (setting: Ground, border: Border) => fc.Arbitrary<Act>;

export function atomicCells(revision: Revision): PlanCell[] {
  const against = revision.atomicIsSaid
    ? undefined
    : revision.ioctls.BACKING_OPEN !== undefined
      ? `revision ${revision.id} lays down nothing about what a server may answer to an atomic write`
      : `revision ${revision.id} has no devices: nothing can be written`;
  const cell = (key: CellKey, make: (setting: Ground) => fc.Arbitrary<Act>, only: Partial<Ground> = {}): PlanCell =>
    against !== undefined
      ? impossible(key, against)
      : possible(
          key,
          ground
            .map((setting) => ({ ...setting, ...only }))
            .chain((of) => make(of).map((action) => caseOn(revision, of, action))),
        );
  const both = (rule: ClauseId, make: Make, only: Partial<Ground> = {}) =>
    borders.map((border) => cell({ rule, path, border }, (setting) => make(setting, border), only));
  /** Rules that the reply breaks in every case of one border and in none of the other. */
  const ruled = (rule: ClauseId, make: Make) =>
    both(rule, make).map((planCell) => (planCell.cases ? { ...planCell, reaches: rule } : planCell));
  const served = (setting: Ground): Act => ({ note: `${setting.type}${setting.overwrite ? ', overwritten' : ''}` });
  return [
    cell({ rule: 'atomic/request', path }, (setting) =>
      fc
        .tuple(
          fc.subarray<'SHARED' | 'NEW' | 'DIRTY' | 'WANT_IOMAP_END' | 'MERGED'>([
            'SHARED',
            'NEW',
            'DIRTY',
            'WANT_IOMAP_END',
            'MERGED',
          ]),
          fc.constantFrom(0n, 512n, 4096n, 0x10000n),
        )
        .map(([flags, addr]) => ({
          reply: acted(setting, backed(setting, 0, addr, ['ATOMIC_BIO', ...flags])),
          note: `${setting.type} ${flags.join(' ')} at 0x${addr.toString(16)}`,
        })),
    ),
    ...both('atomic/allowed', (setting, border) =>
      fc.constant(
        border === 'violating'
          ? { attrFlags: ['IOMAP', 'EXCLUSIVE'], note: 'a file without ATTR_ATOMIC' }
          : served(setting),
      ),
    ),
    ...both('atomic/buffered', (setting, border) =>
      fc.constant(border === 'violating' ? { flags: ['rdwr'], note: 'not opened with O_DIRECT' } : served(setting)),
    ),
    ...both('atomic/one-block', (setting, border) =>
      border === 'legal' ? fc.constant(served(setting)) : fc.constantFrom<Act>(...notOneBlock(setting)),
    ),
    ...both('atomic/device', (setting, border) =>
      fc.constant({
        reply: acted(setting, backed(setting, border === 'violating' ? 2 : 1, 8192n)),
        note: border === 'violating' ? 'a device that takes no atomic writes' : 'a device that takes them',
      }),
    ),
    ...both('type/past-device-end', (setting, border) => {
      // The byte behind the block is the device's last, or the one behind that.
      const last = BigInt(DEVICE_BYTES) - (setting.block + 1n) * setting.blockSize;
      return fc
        .constantFrom(
          ...(border === 'violating' ? [last + 512n, last + setting.blockSize, BigInt(DEVICE_BYTES)] : [last]),
        )
        .map((addr) => ({
          reply: acted(setting, backed(setting, 0, addr)),
          note: `${setting.type} at 0x${addr.toString(16)} of 0x${DEVICE_BYTES.toString(16)}`,
        }));
    }),
    ...ruled('begin/atomic-on-storage', (setting, border) =>
      border === 'legal'
        ? fc.constant(served(setting))
        : fc
            .constantFrom<MappingSpec['type']>('HOLE', 'DELALLOC', 'INLINE')
            .map((type) => ({
              reply: acted(setting, { ...hole(0n, MAX_BYTES / 2n), type, flags: ['ATOMIC_BIO'] }),
              note: `${type}${setting.overwrite ? ', overwritten' : ''}`,
            })),
    ),
    ...ruled('begin/atomic-flagged', (setting, border) =>
      border === 'legal'
        ? fc.constant(served(setting))
        : fc
            .tuple(
              fc.subarray<'SHARED' | 'NEW' | 'BOUNDARY' | 'ANON_WRITE' | 'WANT_IOMAP_END'>([
                'SHARED',
                'NEW',
                'BOUNDARY',
                'ANON_WRITE',
                'WANT_IOMAP_END',
              ]),
              fc.boolean(),
            )
            .map(([flags, other]) => {
              const reply = acted(setting, backed(setting, 0, 4096n, flags)) as Extract<Reply, { kind: 'mappings' }>;
              // The half that is not written to may say what it wants.
              const flagged: Reply =
                other && !setting.overwrite ? { ...reply, read: { ...reply.read, flags: ['ATOMIC_BIO'] } } : reply;
              return {
                reply: flagged,
                note: `${setting.type} ${flags.join(' ')} without ATOMIC_BIO${other && !setting.overwrite ? ', which the other half has' : ''}`,
              };
            }),
    ),
    ...(['read', 'write'] as const).flatMap((half) =>
      ruled(`begin/${half}-no-retry-uncached`, (setting, border) => fc.constant(retried(setting, half, border))),
    ),
    ...both('begin/error', (setting, border) =>
      border === 'legal'
        ? fc.constant(served(setting))
        : fc
            .constantFrom(...PLAIN_ERRNOS)
            .map((errno) => ({ reply: { kind: 'error', errno }, note: `errno ${errno}` })),
    ),
    ...both('begin/reply-size', (setting, border) =>
      border === 'legal'
        ? fc.constant(served(setting))
        : fc
            .constantFrom(...WRONG_BEGIN_SIZES)
            .map((size) => ({ reply: { kind: 'raw', payload: '00'.repeat(size) }, note: `${size} bytes of payload` })),
    ),
    // Whether a write reads the blocks around it is not said: refused with EACCES or done, nothing else.
    cell({ rule: 'begin/device-readable', path }, (setting) =>
      fc.constant({
        reply: acted(setting, backed(setting, 0, 4096n)),
        devices: devices('wo'),
        note: 'device 0, opened for writing only',
      }),
    ),
    cell({ rule: 'begin/enosys', path }, () =>
      fc.constant({ reply: { kind: 'error', errno: 38 }, note: 'errno ENOSYS' }),
    ),
    ...both('begin/device-writable', (setting, border) =>
      fc.constant({
        reply: acted(setting, backed(setting, border === 'violating' ? 0 : 1, 4096n)),
        devices: devices('ro'),
        note: border === 'violating' ? 'a device opened for reading only' : 'another device',
      }),
    ),
    cell({ rule: 'request/end', path }, (setting) =>
      acknowledgement.map(({ reply, note }) => ({
        reply: acted(setting, backed(setting, 0, 4096n, ['ATOMIC_BIO', 'WANT_IOMAP_END'])),
        note: `WANT_IOMAP_END, END ${note}`,
        ...(reply && { extra: [{ on: 'IOMAP_END', reply }] }),
      })),
    ),
    cell({ rule: 'request/ioend', path }, (setting) =>
      fc
        .tuple(acknowledgement, fc.boolean())
        .map(([{ reply, note }, shared]) => ({
          reply: acted(setting, backed(setting, 0, 4096n, ['ATOMIC_BIO', ...(shared ? ['SHARED' as const] : [])])),
          note: `${setting.type}${shared ? ' SHARED' : ''}, IOEND ${note}`,
          ...(reply && { extra: [{ on: 'IOMAP_IOEND', reply }] }),
        })),
    ),
    cell({ rule: 'cache/atomic', path }, (setting) =>
      fc
        .boolean()
        .map((atomic) => ({
          before: [cached(setting)],
          write: atomic ? {} : { rwf: 0 },
          note: `a mapping of device 1 in the cache, ${atomic ? 'an atomic write' : 'an ordinary write'}`,
        })),
    ),
  ];
}

/** What the server may answer to END and IOEND. */
const acknowledgement = fc.constantFrom<{ reply?: Reply; note: string }>(
  { note: 'acknowledged' },
  { reply: { kind: 'error', errno: 38 }, note: 'ENOSYS' },
  { reply: { kind: 'error', errno: 28 }, note: 'ENOSPC' },
  { reply: { kind: 'error', errno: 5 }, note: 'EIO' },
);

/** The file's blocks at another place than BEGIN says, which ordinary writes go to. */
const cached = (setting: Ground): Step => {
  const length = (setting.blocks + 1n) * setting.blockSize;
  const read: MappingSpec = { ...backed({ type: 'MAPPED' }, 1, 0x20000n), length };
  return {
    call: 'notify',
    notification: { kind: 'upsert', node: { file: 0 }, read, write: pureOverwrite(0n, length) },
  };
};

/**
 * RETRY_CACHE is an answer where the inode has a cache, but not to this question. The legal twin is the same answer to
 * an ordinary write, or another to this.
 */
function retried(setting: Ground, half: 'read' | 'write', border: Border): Act {
  const retry: MappingSpec = {
    type: 'RETRY_CACHE',
    flags: [],
    dev: 0,
    addr: NULL_ADDR,
    offset: 0n,
    length: MAX_BYTES / 2n,
  };
  const { read, write } = acted(setting, backed(setting, 0, 4096n)) as Extract<Reply, { kind: 'mappings' }>;
  const reply: Reply =
    border === 'legal'
      ? { kind: 'mappings', read, write }
      : half === 'read'
        ? { kind: 'mappings', read: retry, write }
        : { kind: 'mappings', read, write: retry };
  return {
    before: [cached(setting)],
    reply,
    note: border === 'legal' ? 'a mapping, with another one in the cache' : `RETRY_CACHE in the ${half} half`,
  };
}

function notOneBlock({ blockSize, block, blocks }: Ground): Act[] {
  const length = Number(blockSize);
  const at = block * blockSize;
  const writes: { offset: bigint; lengthBytes: number; note: string }[] = [
    { offset: at, lengthBytes: 2 * length, note: 'two blocks' },
    { offset: 0n, lengthBytes: Number(blocks) * length, note: 'all blocks' },
    { offset: at, lengthBytes: length + 512, note: 'a block and a sector' },
    { offset: at, lengthBytes: length - 1, note: 'a block but one byte' },
    { offset: at, lengthBytes: 1, note: 'one byte' },
    { offset: at, lengthBytes: length / 2, note: 'half a block' },
    { offset: at + 1n, lengthBytes: length, note: "a byte behind the block's start" },
    { offset: at + blockSize / 2n, lengthBytes: length, note: 'halves of two blocks' },
    { offset: MAX_BYTES - 1n, lengthBytes: length, note: 'across maxbytes' },
  ];
  return writes.map(({ offset, lengthBytes, note }) => ({ write: { offset, lengthBytes }, note }));
}
