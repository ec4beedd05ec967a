/**
 * Cells of direct writes of a part of a block: its rest is in place, elsewhere, or reads as zeros, and must show
 * afterwards what it showed before.
 */
import fc from 'fast-check';
import type { FlagName } from '../../generators/mapping.ts';
import { pureOverwrite } from '../../generators/reply-case.ts';
import type { Reply, ScriptLine } from '../../model/case.ts';
import type { MappingSpec } from '../../model/mapping.ts';
import { errnos } from '../../uapi/errno.ts';
import type { Revision } from '../../uapi/revision.ts';
import { SECTOR } from '../../uapi/units.ts';
import { ofKinds, type PlanCell } from '../cell.ts';
import { flatCells, type Made } from './flag-cells.ts';
import type { Ground } from './size-cells.ts';

/** Where position 0 of the file lies: what is read, and what is written to. */
const READ_AT = 1n << 18n,
  WRITE_AT = 1n << 19n;

type Half = { type: 'MAPPED' | 'UNWRITTEN' | 'HOLE'; flags?: FlagName[] };
/** `write` absent: what is read is overwritten in place. */
interface Kind {
  note: string;
  read: Half;
  write?: Half;
  more?: Partial<Made>;
}

const MAPPED: Half = { type: 'MAPPED' },
  SHARED: Half = { type: 'MAPPED', flags: ['SHARED'] };

const KINDS: readonly Kind[] = [
  { note: 'overwritten in place', read: MAPPED },
  { note: 'unwritten', read: { type: 'UNWRITTEN' } },
  { note: 'new', read: { type: 'MAPPED', flags: ['NEW'] } },
  { note: 'shared', read: MAPPED, write: SHARED },
  { note: 'moved', read: MAPPED, write: MAPPED },
  { note: 'moved to unwritten blocks', read: MAPPED, write: { type: 'UNWRITTEN' } },
  { note: 'moved to new blocks', read: MAPPED, write: { type: 'UNWRITTEN', flags: ['SHARED', 'NEW'] } },
  { note: 'a hole', read: { type: 'HOLE' }, write: MAPPED },
  { note: 'a hole, to unwritten blocks', read: { type: 'HOLE' }, write: { type: 'UNWRITTEN' } },
  { note: 'unwritten, moved', read: { type: 'UNWRITTEN' }, write: MAPPED },
  { note: 'shared, END refused', read: MAPPED, write: SHARED, more: { extra: [refusesEnd(errnos.ENOSPC)] } },
  { note: 'shared, END unknown', read: MAPPED, write: SHARED, more: { extra: [refusesEnd(errnos.ENOSYS)] } },
  { note: 'shared, under FOPEN_DIRECT_IO', read: MAPPED, write: SHARED, more: { directIo: true } },
  { note: 'shared, O_DSYNC', read: MAPPED, write: SHARED, more: { flags: ['rdwr', 'direct', 'dsync'] } },
];

function refusesEnd(errno: number): ScriptLine {
  return { on: 'IOMAP_END', reply: { kind: 'error', errno } };
}

const half = ({ type, flags = [] }: Half, device: number, base: bigint, length: bigint): MappingSpec =>
  type === 'HOLE'
    ? { ...pureOverwrite(0n, length), type }
    : { type, flags, dev: { device }, addr: base, offset: 0n, length };

function replyOf({ read, write }: Kind, length: bigint): Reply {
  return {
    kind: 'mappings',
    read: half(read, 0, READ_AT, length),
    write: write ? half(write, 1, WRITE_AT, length) : pureOverwrite(0n, length),
  };
}

export function partWriteCells(revision: Revision): PlanCell[] {
  const cell = flatCells(revision);
  const length = ({ fileSize, blockSize }: Ground): bigint => (fileSize / blockSize + 16n) * blockSize;
  const key = { rule: 'write/rest', path: 'direct-write' } as const;
  const show = (bytes: bigint): string => `0x${bytes.toString(16)}`;
  const made = (kind: Kind, script: ScriptLine[], offset: bigint, lengthBytes: number): Made => ({
    flags: ['rdwr', 'direct'],
    steps: [
      { call: 'pwrite', fd: 0, offset, lengthBytes, writer: 0 },
      { call: 'fstat', fd: 0 },
      { call: 'fsync', fd: 0 },
    ],
    note: `${lengthBytes} bytes at ${show(offset)}, ${kind.note}`,
    ...kind.more,
    extra: [...(kind.more?.extra ?? []), ...script],
  });
  const sectors = (setting: Ground): number => Number(setting.blockSize / SECTOR);
  const one = (kind: Kind) =>
    cell(key, (setting) =>
      fc
        .tuple(
          fc.bigInt({ min: 0n, max: setting.fileSize / setting.blockSize - 1n }),
          fc.nat(sectors(setting) - 1),
          fc.integer({ min: 1, max: 2 * sectors(setting) + 1 }),
        )
        .map(([block, from, count]) => {
          // A whole block has no rest.
          const whole = from === 0 && count % sectors(setting) === 0;
          return made(
            kind,
            [{ on: 'IOMAP_BEGIN', reply: replyOf(kind, length(setting)) }],
            block * setting.blockSize + BigInt(from) * SECTOR,
            (count + (whole ? 1 : 0)) * Number(SECTOR),
          );
        }),
    );
  // The block that is written in part is the last one, and has a mapping of its own.
  const last = (kind: Kind) =>
    cell(key, (setting) =>
      fc
        .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: Math.max(1, sectors(setting) - 1) }))
        .map(([blocks, count]) => {
          const border = BigInt(blocks) * setting.blockSize;
          return made(
            { ...kind, note: `the last block ${kind.note}` },
            [
              { on: 'IOMAP_BEGIN', posTo: border, reply: replyOf(KINDS[0]!, border) },
              { on: 'IOMAP_BEGIN', reply: replyOf(kind, length(setting)) },
            ],
            0n,
            Number(border) + count * Number(SECTOR),
          );
        }),
    );
  return [ofKinds([...KINDS.map(one), ...KINDS.filter(({ write, more }) => write && !more).map(last)])];
}
