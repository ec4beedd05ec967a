/**
 * Cells of inline data that is written through the page cache, or zeroed: the small file whose bytes are all with the
 * server. In any other place such a write may fail, and nothing could be learnt from it.
 */
import fc from 'fast-check';
import type { PlannedCase } from '../../generators/reply-case.ts';
import { PLAIN_ERRNOS } from '../../generators/reply-values.ts';
import type { Path } from '../../generators/setting.ts';
import { serverBytes } from '../../model/pattern.ts';
import { CASE_SCHEMA, type Case, type Reply, type ScriptLine, type Step } from '../../model/case.ts';
import type { MappingSpec } from '../../model/mapping.ts';
import { writeOut } from '../../uapi/fuse-structs.ts';
import { inlineIsUnsaid, NULL_ADDR, type Revision } from '../../uapi/revision.ts';
import { borders, impossible, possible, type Border, type PlanCell } from '../cell.ts';
import type { ClauseId } from '../../oracles/rules/rule-id.ts';

const inlineWritePaths = [
  'buffered-write',
  'mmap-write',
  'truncate',
  'fallocate',
  'zeroing',
] as const satisfies readonly Path[];
type InlineWritePath = (typeof inlineWritePaths)[number];
export const isInlineWritePath = (path: Path): path is InlineWritePath =>
  (inlineWritePaths as readonly Path[]).includes(path);

/** A file of `size` bytes in its first block, and the bytes [from, until) of it that are written or zeroed. */
interface Small {
  block: number;
  size: number;
  from: number;
  until: number;
  debug: boolean;
  want: boolean;
  inPlaceOfHole: boolean;
}

/** What the syscall writes to the server lies in the block; where it writes depends on the path. */
function smallFile(path: InlineWritePath, longest: (block: number) => number = (block) => block): fc.Arbitrary<Small> {
  return fc
    .record({
      block: fc.constantFrom(512, 1024, 2048, 4096, 4096, 4096),
      a: fc.nat(4095),
      b: fc.nat(4095),
      c: fc.nat(4095),
      debug: fc.boolean(),
      want: fc.boolean(),
      inPlaceOfHole: fc.boolean(),
      grow: fc.boolean(),
    })
    .map(({ block: drawn, a, b, c, debug, want, inPlaceOfHole, grow }): Small => {
      // Faults ask for whole pages.
      const block = path === 'mmap-write' ? 4096 : drawn;
      const most = longest(block);
      const [low, middle, high] = [a % (most - 3), b % (most - 3), c % (most - 3)]
        .sort((x, y) => x - y)
        .map((at, index) => at + index + 1) as [number, number, number];
      const small = { block, debug, want, inPlaceOfHole };
      switch (path) {
        // Inside the file, up to its end or beyond it.
        case 'buffered-write':
          return { ...small, size: grow ? middle : high, from: low, until: grow ? high : middle };
        case 'mmap-write':
          return { ...small, size: high, from: low, until: middle };
        case 'truncate':
          return grow
            ? { ...small, size: low, from: low, until: high }
            : { ...small, size: high, from: low, until: low };
        case 'fallocate':
          return grow
            ? { ...small, size: low, from: middle, until: high }
            : { ...small, size: high, from: low, until: middle };
        case 'zeroing':
          return { ...small, size: low, from: middle, until: high };
      }
    });
}

function stepsOf(path: InlineWritePath, { size, from, until }: Small): Step[] {
  const [offset, lengthBytes] = [BigInt(from), until - from];
  switch (path) {
    case 'buffered-write':
    case 'zeroing':
      return [{ call: 'pwrite', fd: 0, offset, lengthBytes, writer: 0 }];
    case 'mmap-write':
      return [{ call: 'mmapWrite', fd: 0, offset, lengthBytes, writer: 0, msync: true }];
    case 'truncate':
      return [{ call: 'ftruncate', fd: 0, sizeBytes: BigInt(from === size ? until : from) }];
    case 'fallocate':
      return [
        {
          call: 'fallocate',
          fd: 0,
          mode: from > size ? 0 : from % 2 === 0 ? 3 : 0x11,
          offset,
          lengthBytes: BigInt(lengthBytes),
        },
      ];
  }
}

interface Inline {
  note: string;
  extra?: readonly ScriptLine[];
  /** Blocks that the mapping says it has. */
  blocks?: number;
}

function inlineWriteCase(
  revision: Revision,
  path: InlineWritePath,
  small: Small,
  { note, extra = [], blocks = 1 }: Inline,
): PlannedCase {
  const { block, size, debug, want } = small;
  const length = BigInt(block * blocks);
  const half = (type: MappingSpec['type'], flags: MappingSpec['flags'] = []): MappingSpec => ({
    type,
    flags,
    dev: 0,
    addr: NULL_ADDR,
    offset: 0n,
    length,
  });
  const inline = half('INLINE', want ? ['WANT_IOMAP_END'] : []);
  // Data that replaces a hole can only be written to; there is nothing yet to be zeroed or mapped.
  const fresh = small.inPlaceOfHole && path === 'buffered-write';
  const reply: Reply = {
    kind: 'mappings',
    read: fresh ? half('HOLE') : inline,
    write: fresh ? inline : half('PURE_OVERWRITE'),
  };
  const value: Case = {
    schema: CASE_SCHEMA,
    revision: revision.id,
    debugIomap: debug,
    geometry: {
      mount: 'ordinary',
      ...(block !== 4096 && {
        config: { kind: 'config' as const, flags: ['BLOCKSIZE' as const], blockSizeBytes: block },
      }),
      devices: [],
      files: [{ sizeBytes: BigInt(size), attrFlags: ['IOMAP', 'EXCLUSIVE'] }],
    },
    script: [...extra, { on: 'IOMAP_BEGIN', file: 0, reply }],
    workload: [
      { call: 'open', file: 0, flags: ['rdwr'] },
      ...stepsOf(path, small),
      { call: 'fstat', fd: 0 },
      { call: 'fsync', fd: 0 },
      { call: 'close', fd: 0 },
    ],
  };
  return { case: value, note: `${note}; ${fresh ? 'in place of a hole, ' : ''}${size} bytes in a block of ${block}` };
}

/** The same with its mapping in the kernel's cache before, and a report of what is there behind. */
function cached(planned: PlannedCase): PlannedCase {
  const {
    workload: [open, ...rest],
    script,
  } = planned.case;
  const { read, write } = script.at(-1)!.reply as Extract<Reply, { kind: 'mappings' }>;
  const push: Step = {
    call: 'notify',
    notification: { kind: 'upsert', node: { file: 0 }, read: { ...read, flags: [] }, write: { ...write, flags: [] } },
  };
  const report: Step = { call: 'fiemap', fd: 0, start: 0n, lengthBytes: read.length, flags: 0, extents: 4 };
  return { ...planned, case: { ...planned.case, workload: [open!, push, ...rest.slice(0, -1), report, rest.at(-1)!] } };
}

/** The same with a place on a device to write to. */
function moved(planned: PlannedCase, type: 'MAPPED' | 'UNWRITTEN'): PlannedCase {
  const { script, geometry } = planned.case;
  const { read } = script.at(-1)!.reply as Extract<Reply, { kind: 'mappings' }>;
  const write: MappingSpec = { ...read, type, flags: [], dev: { device: 0 }, addr: 8192n };
  return {
    ...planned,
    case: {
      ...planned.case,
      geometry: { ...geometry, devices: [{ sizeBytes: 1 << 20, access: 'rw' }] },
      script: [...script.slice(0, -1), { ...script.at(-1)!, reply: { kind: 'mappings', read, write } }],
    },
  };
}

const on = (reply: Reply, times?: number): ScriptLine => ({
  on: 'WRITE',
  file: 0,
  ...(times !== undefined && { times }),
  reply,
});
const acknowledge = (size: number): Reply => ({
  kind: 'raw',
  payload: writeOut.encode({ size: size >>> 0 }).toString('hex'),
});
const nobodySends =
  'a page of inline data that is made writable has nobody who would send its bytes: SIGBUS is right, and so is an error of writeback';

interface Row {
  rule: ClauseId;
  against?: (path: InlineWritePath, border: Border) => string | undefined;
  /** The rule may not come into play. */
  perhaps?: true;
  make: (border: Border, small: Small) => fc.Arbitrary<Inline>;
}

const rows: readonly Row[] = [
  {
    rule: 'inline/fits-block',
    make: (border) =>
      fc
        .constantFrom(...(border === 'violating' ? [2, 3, 64] : [1]))
        .map((blocks) => ({ blocks, note: `a mapping of ${blocks} blocks` })),
  },
  {
    // Whether a write reads the data around it first is the kernel's own business; when it asks, the answer counts.
    rule: 'inline/read-data',
    perhaps: true,
    make: (border, { size }) =>
      border === 'violating'
        ? fc
            .constantFrom<{ reply: Reply; note: string }>(
              { reply: { kind: 'empty' }, note: 'no bytes' },
              ...[38, ...PLAIN_ERRNOS].map((errno) => ({
                reply: { kind: 'error' as const, errno },
                note: `errno ${errno}`,
              })),
            )
            .map(({ reply, note }) => ({
              extra: [{ on: 'READ' as const, file: 0, reply }],
              note: `READ answered with ${note}`,
            }))
        : fc
            .constantFrom(1, Math.max(1, size - 1), size)
            .map((bytes) => ({
              extra: [
                {
                  on: 'READ' as const,
                  file: 0,
                  reply: {
                    kind: 'raw' as const,
                    payload: Buffer.from(serverBytes(0, 0n, Math.max(1, bytes))).toString('hex'),
                  },
                },
              ],
              note: `READ answered with ${bytes} bytes`,
            })),
  },
  {
    rule: 'inline/write-within-mapping',
    against: (path, border) =>
      path === 'mmap-write'
        ? nobodySends
        : border === 'violating'
          ? 'an operation goes on with the next mapping where one ends: no answer of a server makes it reach further'
          : undefined,
    make: () => fc.constant({ note: 'written in the mapping' }),
  },
  {
    rule: 'inline/write-ack',
    against: (path) => (path === 'mmap-write' ? nobodySends : undefined),
    make: (border, { block }) =>
      border === 'violating'
        ? fc
            .constantFrom<{ reply: Reply; note: string }>(
              { reply: { kind: 'error', errno: 38 }, note: 'ENOSYS' },
              ...[0, block + 1, block + 4096, -1].map((size) => ({ reply: acknowledge(size), note: `${size} bytes` })),
            )
            .map(({ reply, note }) => ({ extra: [on(reply)], note: `WRITE answered with ${note}` }))
        : fc
            .constantFrom(1, 2, 3)
            .map((times) => ({
              extra: [on(acknowledge(1), times)],
              note: `WRITE acknowledged one byte, ${times} times`,
            })),
  },
];

export function inlineWriteCells(revision: Revision): PlanCell[] {
  const without = revision.inlineLimit === 'unsaid' ? inlineIsUnsaid(revision) : undefined;
  const cell = (
    key: Parameters<typeof possible>[0],
    cases: () => fc.Arbitrary<PlannedCase>,
    against?: string,
  ): PlanCell => {
    const reason = without ?? against;
    return reason === undefined ? possible(key, cases()) : impossible(key, reason);
  };
  return inlineWritePaths.flatMap((path) => [
    cell({ rule: 'type/inline', path }, () =>
      smallFile(path).map((small) => inlineWriteCase(revision, path, small, { note: 'inline' })),
    ),
    ...rows.flatMap(({ rule, against, make, perhaps }) =>
      borders.map((border): PlanCell => {
        const key = { rule, path, border };
        const limit =
          rule === 'inline/fits-block' && revision.inlineLimit === 'page'
            ? `the limit of ${revision.id} is the page, which the blocks of these cases do not pass`
            : undefined;
        const planCell = cell(
          key,
          () =>
            smallFile(path).chain((small) =>
              make(border, small).map((one) => inlineWriteCase(revision, path, small, one)),
            ),
          limit ?? against?.(path, border),
        );
        return planCell.cases && !perhaps ? { ...planCell, reaches: rule } : planCell;
      }),
    ),
    impossible({ rule: 'inline/no-writeback', path, border: 'violating' }, 'only writeback has WRITEBACK set'),
    impossible({ rule: 'inline/no-writeback', path, border: 'legal' }, 'only writeback has WRITEBACK set'),
    ...(path === 'buffered-write' || path === 'zeroing'
      ? [
          cell(
            { rule: 'cache/inline-written', path },
            () => smallFile(path).map((small) => cached(inlineWriteCase(revision, path, small, { note: 'pushed' }))),
            revision.notifications.IOMAP_UPSERT_MAPPINGS === undefined
              ? `revision ${revision.id} has no mapping cache`
              : undefined,
          ),
        ]
      : []),
    ...(path === 'buffered-write'
      ? [
          cell(
            { rule: 'inline/moved', path },
            () =>
              fc
                .tuple(smallFile(path), fc.constantFrom('MAPPED' as const, 'UNWRITTEN' as const), fc.boolean())
                .map(([small, type, fails]) =>
                  moved(
                    inlineWriteCase(
                      revision,
                      path,
                      { ...small, inPlaceOfHole: false },
                      {
                        note: `moved to ${type}${fails ? ', READ fails' : ''}`,
                        ...(fails && { extra: [{ on: 'READ', file: 0, reply: { kind: 'error', errno: 5 } }] }),
                      },
                    ),
                    type,
                  ),
                ),
            revision.ioctls.BACKING_OPEN === undefined ? `revision ${revision.id} has no devices` : undefined,
          ),
        ]
      : []),
    ...(path === 'mmap-write'
      ? []
      : [
          cell({ rule: 'request/inline', path }, () =>
            smallFile(path).chain((small) =>
              fc
                .constantFrom(
                  ...PLAIN_ERRNOS.map((errno) => ({
                    reply: { kind: 'error' as const, errno },
                    note: `errno ${errno}`,
                  })),
                  ...[0, 4, 7, 9, 16].map((bytes) => ({
                    reply: { kind: 'raw' as const, payload: '00'.repeat(bytes) },
                    note: `${bytes} bytes of payload`,
                  })),
                )
                .map(({ reply, note }) =>
                  inlineWriteCase(revision, path, small, { extra: [on(reply)], note: `WRITE answered with ${note}` }),
                ),
            ),
          ),
        ]),
  ]);
}
