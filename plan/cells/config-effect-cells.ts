/**
 * Cells of what the fields of CONFIG do, each with the twin whose flag does not announce it: times, UUID, links, block
 * size, maxbytes. The name shows nowhere but in kernel messages.
 */
import fc from 'fast-check';
import { pureOverwrite, type PlannedCase } from '../../generators/reply-case.ts';
import { CASE_SCHEMA, type Case, type Geometry, type Reply, type ScriptLine, type Step } from '../../model/case.ts';
import { entryOut } from '../../uapi/fuse-structs.ts';
import { NULL_ADDR, type Revision } from '../../uapi/revision.ts';
import { impossible, possibleKinds, type CellKey, type PlanCell } from '../cell.ts';
import { entriesOf } from '../entries.ts';
import type { BehaviourId } from '../../oracles/rules/behaviours.ts';

type ConfigReply = Extract<Reply, { kind: 'config' }>;
interface Effect {
  config: ConfigReply;
  steps: Step[];
  extra?: ScriptLine[];
  refused?: boolean;
  fileBytes?: bigint;
  note: string;
}

const FILE_BYTES = 16_384n;
const NS_PER_S = 1_000_000_000;
const hole = (offset: bigint, length: bigint): Reply => ({
  kind: 'mappings',
  read: { type: 'HOLE', flags: [], dev: 0, addr: NULL_ADDR, offset, length },
  write: pureOverwrite(offset, length),
});

function caseOf(
  revision: Revision,
  { config, steps, extra = [], fileBytes = FILE_BYTES }: Effect,
  mount: Geometry['mount'],
  debugIomap: boolean,
): Case {
  return {
    schema: CASE_SCHEMA,
    revision: revision.id,
    debugIomap,
    geometry: { mount, devices: [], files: [{ sizeBytes: fileBytes, attrFlags: ['IOMAP', 'EXCLUSIVE'] }] },
    // By the script, so that the case has its mount for itself.
    script: [{ on: 'IOMAP_CONFIG', reply: config }, ...extra, { on: 'IOMAP_BEGIN', reply: hole(0n, FILE_BYTES) }],
    workload: [{ call: 'open', file: 0, flags: ['rdwr'] }, ...steps, { call: 'close', fd: 0 }],
  };
}

type Stamp = Extract<Step, { call: 'setTimes' }>['atime'];
const setTimes = (atime: Stamp, mtime: Stamp): Step => ({ call: 'setTimes', fd: 0, atime, mtime });

/**
 * Ranges as file systems have them, and values around their borders. 0 is no border, since UTIME_NOW and the like stand
 * behind it.
 */
const ranges: readonly (readonly [bigint, bigint])[] = [
  [0n, 0xffff_ffffn],
  [-(1n << 31n), (1n << 31n) - 1n],
  [1n, 2n],
  [315_532_800n, 4_354_819_199n],
  [-(1n << 63n), (1n << 63n) - 1n],
  [1000n, 1000n],
];
const grans = [1, 2, 100, 1000, 1_000_000, 999_999_999, NS_PER_S];
const timesOf = (rangesOf: typeof ranges, gransOf: readonly number[], announced: boolean): fc.Arbitrary<Effect> =>
  fc.tuple(fc.constantFrom(...rangesOf), fc.constantFrom(...gransOf)).chain(([[timeMin, timeMax], timeGranNs]) => {
    // What fits the file system's times at all: seconds of 40 bits are enough.
    const near = [timeMin - 1n, timeMin, timeMin + 1n, timeMax - 1n, timeMax, timeMax + 1n, 1_700_000_000n, -1n].filter(
      (sec) => sec > -(1n << 40n) && sec < 1n << 40n,
    );
    const stamp = fc.record({
      sec: fc.constantFrom(...near),
      nsec: fc.constantFrom(0, 1, 99, 100, 1001, 123_456_789, NS_PER_S - 1),
    });
    return fc
      .tuple(stamp, stamp)
      .map(([atime, mtime]) => ({
        config: { kind: 'config' as const, flags: announced ? ['TIME' as const] : [], timeGranNs, timeMin, timeMax },
        steps: [setTimes(atime, mtime)],
        note: `${announced ? 'times' : 'not announced: times'} from ${timeMin} to ${timeMax} by ${timeGranNs} ns, set to ${atime.sec}.${atime.nsec} and ${mtime.sec}.${mtime.nsec}`,
      }));
  });

/** Outside of a range, rounded, anything, and unannounced. */
const times: readonly fc.Arbitrary<Effect>[] = [
  timesOf([[1_000_000_000n, 1_000_000_000n]], [1], true),
  timesOf(ranges.slice(0, 2), [NS_PER_S], true),
  timesOf(ranges, grans, true),
  timesOf(ranges, grans, false),
];

const uuids: readonly fc.Arbitrary<Effect>[] = [[1, 8, 15, 16], [0], [16]].map((lengths, kind) =>
  fc
    .tuple(fc.constantFrom(...lengths), fc.constant(kind < 2))
    .map(([sUuidLen, announced]) => ({
      config: {
        kind: 'config' as const,
        flags: announced ? ['UUID' as const] : [],
        sUuid: '5a0102030405060708090a0b0c0d0e0f',
        sUuidLen,
      },
      steps: [{ call: 'fsUuid', fd: 0 }],
      note: `a UUID of ${sUuidLen} bytes, ${announced ? '' : 'not '}announced`,
    })),
);

const link: ScriptLine = {
  on: 'LINK',
  reply: {
    kind: 'raw',
    payload: entryOut
      .encode({
        nodeid: 0x71n,
        generation: 0n,
        entryValid: 3600n,
        attrValid: 3600n,
        entryValidNsec: 0,
        attrValidNsec: 0,
        attr: {
          ino: 0x71n,
          size: 0n,
          blocks: 0n,
          atime: 0n,
          mtime: 0n,
          ctime: 0n,
          atimensec: 0,
          mtimensec: 0,
          ctimensec: 0,
          mode: 0o100644,
          nlink: 2,
          uid: 0,
          gid: 0,
          rdev: 0,
          blksize: 0,
          flags: 0,
        },
      })
      .toString('hex'),
  },
};
const links: readonly fc.Arbitrary<Effect>[] = [
  fc.constant([1, true] as const),
  fc.constantFrom([1, false] as const, [2, true] as const, [1000, true] as const, [0, true] as const),
].map((kind) =>
  kind.map(([maxLinks, announced]) => ({
    config: { kind: 'config' as const, flags: announced ? ['MAX_LINKS' as const] : [], maxLinks: Number(maxLinks) },
    extra: [link],
    steps: [{ call: 'ordinary', syscall: 'link', file: 0 }],
    note: `${Number(maxLinks)} links, ${announced ? '' : 'not '}announced, of which the file has one`,
  })),
);

/** The first mapping is one block of that size, which coarser blocks refuse. */
const blocks: readonly fc.Arbitrary<Effect>[] = (
  [
    [true, false],
    [true, true],
    [false, false],
  ] as const
).map(([announced, finer]) =>
  fc
    .tuple(
      fc.constantFrom(512, 1024, 2048, ...(finer ? [4096] : [])),
      fc.constantFrom<Step>(
        { call: 'seekData', fd: 0, offset: 0n },
        { call: 'pread', fd: 0, offset: 0n, lengthBytes: 4096 },
        { call: 'ftruncate', fd: 0, sizeBytes: 1n },
      ),
    )
    .map(([blockSizeBytes, step]) => {
      const bytes = BigInt(finer ? blockSizeBytes / 2 : blockSizeBytes);
      return {
        config: { kind: 'config' as const, flags: announced ? ['BLOCKSIZE' as const] : [], blockSizeBytes },
        extra: [{ on: 'IOMAP_BEGIN' as const, posTo: bytes, reply: hole(0n, bytes) }],
        steps: [step],
        note: `blocks of ${blockSizeBytes} bytes, ${announced ? '' : 'not '}announced, and a mapping of ${bytes}`,
      };
    }),
);

/** Mappings and sizes around maxbytes. */
const most: readonly fc.Arbitrary<Effect>[] = (
  [
    [true, 1n],
    [true, 0n],
    [true, -1n],
    [false, 1n],
  ] as const
).map(([announced, over]) =>
  fc.constantFrom(8192n, 12_288n, 1n << 20n).chain((maxBytes) =>
    fc
      .constantFrom<{ steps: Step[]; what: string }>(
        {
          steps: [
            { call: 'ftruncate', fd: 0, sizeBytes: maxBytes + over },
            { call: 'fstat', fd: 0 },
          ],
          what: 'truncated to',
        },
        {
          steps: [
            { call: 'fallocate', fd: 0, mode: 0, offset: 0n, lengthBytes: maxBytes + over },
            { call: 'fstat', fd: 0 },
          ],
          what: 'allocated to',
        },
      )
      .map(({ steps, what }) => ({
        config: { kind: 'config' as const, flags: announced ? ['MAXBYTES' as const] : [], maxBytes },
        fileBytes: 4096n,
        steps,
        extra: [{ on: 'IOMAP_BEGIN' as const, reply: hole(0n, 1n << 21n) }],
        note: `maxbytes ${maxBytes}, ${announced ? '' : 'not '}announced, ${what} ${maxBytes + over}`,
      })),
  ),
);

const effects: Readonly<Partial<Record<BehaviourId, readonly fc.Arbitrary<Effect>[]>>> = {
  'config/time': times,
  'config/uuid': uuids,
  'config/max-links': links,
  'config/block-size': blocks,
  'config/maxbytes': most,
};

export function configEffectCells(revision: Revision): PlanCell[] {
  return entriesOf(effects).map(([rule, kinds]): PlanCell => {
    const key: CellKey = { rule, path: 'config' };
    if (revision.opcodes.IOMAP_CONFIG === undefined) return impossible(key, `revision ${revision.id} has no CONFIG`);
    return possibleKinds(
      key,
      kinds.map((drawn) =>
        fc
          .tuple(drawn, fc.constantFrom<Geometry['mount']>('ordinary', 'syncInit'), fc.boolean())
          .map(([effect, mount, debug]): PlannedCase => ({
            case: caseOf(revision, effect, mount, debug),
            note: `${effect.note}; ${mount} mount`,
          })),
      ),
    );
  });
}
