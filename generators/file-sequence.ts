/**
 * Sequences of syscalls on one file that lies in several pieces: reads, writes, mapped pages, writeback, truncation,
 * fallocate and reports in any order, several BEGINs for one syscall. The server's answers hold by position and
 * operation, whatever is asked when; now and then one of them is wrong, malformed or an error.
 */
import fc from 'fast-check';
import { CASE_SCHEMA, type Case, type Geometry, type Reply, type ScriptLine, type Step } from '../model/case.ts';
import type { MappingSpec } from '../model/mapping.ts';
import { FIEMAP } from '../model/syscall-flags.ts';
import { NULL_ADDR, type Revision } from '../uapi/revision.ts';
import type { FuzzGeometry } from './fuzz-geometry.ts';
import { growingAct } from './growing-act.ts';
import { malformedReply } from './malformed-reply.ts';
import { configOf, pureOverwrite, type PlannedCase } from './reply-case.ts';
import { PLAIN_ERRNOS } from './reply-values.ts';
import { sizeAfter, type Act, type Now } from './sequence-act.ts';
import { DEVICE_SIZE } from './setting.ts';
import { PAGE, SECTOR } from '../uapi/units.ts';

export interface FileSequenceConstraints {
  revision: Revision;
  geometry: FuzzGeometry;
  /**
   * `buffered`: through the page cache, by read, write and mapped pages; `direct`: past it; `growing`: through the page
   * cache, where EOF is, which moves on and on; `mixed`: through the page cache and past it, half of the time with one
   * answer that goes wrong.
   */
  mode: SequenceMode;
  /** Most syscalls. Default: 8. */
  most?: number;
  /**
   * Of 16 sequences so many have one answer that is an error or malformed, and as many one mapping with a wrong field.
   * Default: 2, and 8 where they are mixed.
   */
  wrong?: number;
}

export const sequenceModes = ['buffered', 'direct', 'growing', 'mixed'] as const;
export type SequenceMode = (typeof sequenceModes)[number];

/** Pages that a file may reach; behind them its last piece goes on. */
const FILE_PAGES = 24;
/** Where pieces lie on their devices: what is read, and what is written to where that is elsewhere. */
const READ_AT = 1n << 18n,
  WRITE_AT = 1n << 19n;

/** How a piece of the file is stored, and what the server says of it by operation. */
const KINDS = ['mapped', 'unwritten', 'delayed', 'shared', 'hole'] as const;
type Kind = (typeof KINDS)[number];

/** [from, to) of the file. `device`: of those that are large and open for everything. */
interface Piece {
  kind: Kind;
  from: bigint;
  to: bigint;
  device: number;
}

type Mappings = Record<'read' | 'write', MappingSpec>;

const at = (
  piece: Piece,
  type: 'MAPPED' | 'UNWRITTEN',
  base: bigint,
  flags: MappingSpec['flags'] = [],
): MappingSpec => ({
  type,
  flags,
  dev: { device: piece.device },
  addr: base + piece.from,
  offset: piece.from,
  length: piece.to - piece.from,
});
const unbacked = (piece: Piece, type: 'HOLE' | 'DELALLOC'): MappingSpec => ({
  ...pureOverwrite(piece.from, piece.to - piece.from),
  type,
});
const over = (piece: Piece, read: MappingSpec): Mappings => ({
  read,
  write: pureOverwrite(piece.from, piece.to - piece.from),
});

/** What is said when the piece is read or reported. */
function readAnswer(piece: Piece): Mappings {
  switch (piece.kind) {
    case 'mapped':
    case 'shared':
      return over(piece, at(piece, 'MAPPED', READ_AT));
    case 'unwritten':
      return over(piece, at(piece, 'UNWRITTEN', READ_AT));
    default:
      return over(piece, unbacked(piece, 'HOLE'));
  }
}

/** What is said when it is written to; `placed`: data needs a place now. */
function writeAnswer(piece: Piece, placed: boolean): Mappings {
  switch (piece.kind) {
    case 'mapped':
    case 'unwritten':
      return readAnswer(piece);
    case 'shared':
      return { read: at(piece, 'MAPPED', READ_AT), write: at(piece, 'MAPPED', WRITE_AT, ['SHARED']) };
    case 'delayed':
      return placed
        ? { read: unbacked(piece, 'HOLE'), write: at(piece, 'UNWRITTEN', WRITE_AT) }
        : { read: unbacked(piece, 'HOLE'), write: unbacked(piece, 'DELALLOC') };
    case 'hole':
      return { read: unbacked(piece, 'HOLE'), write: at(piece, 'MAPPED', WRITE_AT, ['NEW']) };
  }
}

/**
 * Zeroing over a hole asks for nothing; over mapped storage it goes by the page cache, which a direct sequence leaves
 * empty.
 */
const zeroAnswer = (piece: Piece, mode: SequenceMode): Mappings =>
  mode === 'direct' ? over(piece, unbacked(piece, 'HOLE')) : readAnswer(piece);

function linesOf(revision: Revision, pieces: readonly Piece[], mode: SequenceMode): ScriptLine[] {
  const { WRITE, ZERO, DIRECT, WRITEBACK } = revision.opFlags;
  const by = (condition: Partial<ScriptLine>, answer: (piece: Piece) => Mappings): ScriptLine[] =>
    pieces.map((piece, index) => ({
      on: 'IOMAP_BEGIN',
      file: 0,
      ...condition,
      ...(index > 0 && { posFrom: piece.from }),
      ...(index < pieces.length - 1 && { posTo: piece.to }),
      reply: { kind: 'mappings', ...answer(piece) },
    }));
  return [
    ...(mode === 'direct' || mode === 'mixed'
      ? by({ opflagsSet: (WRITE | DIRECT) >>> 0 }, (piece) => writeAnswer(piece, true))
      : []),
    ...(mode === 'direct'
      ? []
      : [
          ...by({ opflagsSet: WRITEBACK }, (piece) => writeAnswer(piece, true)),
          ...by({ opflagsSet: WRITE }, (piece) => writeAnswer(piece, false)),
        ]),
    ...by({ opflagsSet: ZERO }, (piece) => zeroAnswer(piece, mode)),
    ...by({}, readAnswer),
  ];
}

const acts = (mode: SequenceMode, block: bigint): fc.Arbitrary<Act> => {
  if (mode === 'growing') return growingAct({ blockSize: block, most: BigInt(FILE_PAGES) * PAGE });
  const unit = mode === 'direct' ? block : 1n;
  /** A range that mostly begins or ends on a page, a block or beside one. */
  const range = (align: bigint): fc.Arbitrary<{ offset: bigint; length: bigint }> =>
    fc
      .record({
        page: fc.nat(FILE_PAGES - 1),
        pages: fc.nat(3),
        oddStart: fc.constantFrom(0n, 0n, 0n, 1n, block, PAGE - 1n),
        oddEnd: fc.constantFrom(0n, 0n, 0n, 1n, block, PAGE - 1n),
      })
      .map(({ page, pages, oddStart, oddEnd }) => {
        const down = (value: bigint): bigint => value - (value % align);
        const offset = down(BigInt(page) * PAGE + oddStart);
        const end = down(BigInt(page + 1 + pages) * PAGE - oddEnd);
        return { offset, length: end > offset ? end - offset : align };
      });
  const size = fc
    .tuple(fc.nat(FILE_PAGES), fc.constantFrom(0n, 0n, 1n, block, block / 2n + 1n))
    .map(([pages, odd]) => (BigInt(pages) * PAGE > odd ? BigInt(pages) * PAGE - odd : 0n));
  const onFile = (
    weight: number,
    align: bigint,
    make: (of: { offset: bigint; lengthBytes: number }, drawn: number) => Act,
  ): { weight: number; arbitrary: fc.Arbitrary<Act> } => ({
    weight,
    arbitrary: fc
      .tuple(range(align), fc.nat(7))
      .map(([{ offset, length }, drawn]) => make({ offset, lengthBytes: Number(length) }, drawn)),
  });
  const common = [
    onFile(3, unit, (where) => ({ fd }) => ({ call: 'pread', fd, ...where })),
    onFile(4, unit, (where, writer) => ({ fd }) => ({ call: 'pwrite', fd, ...where, writer })),
    { weight: 2, arbitrary: size.map((sizeBytes): Act => ({ fd }) => ({ call: 'ftruncate', fd, sizeBytes })) },
    onFile(2, 1n, ({ offset, lengthBytes }, drawn) => ({ fd }) => ({
      call: 'fallocate',
      fd,
      mode: [0, 1, 3, 0x10, 0x11][drawn % 5]!,
      offset,
      lengthBytes: BigInt(lengthBytes),
    })),
    { weight: 1, arbitrary: fc.constant<Act>(({ fd }) => ({ call: 'fstat', fd })) },
    onFile(1, 1n, ({ offset, lengthBytes }) => ({ fd }) => ({
      call: 'fiemap',
      fd,
      start: offset,
      lengthBytes: BigInt(lengthBytes),
      flags: 0,
      extents: 32,
    })),
  ];
  const seeks = [
    onFile(1, 1n, ({ offset }) => ({ fd }) => ({ call: 'seekData', fd, offset })),
    onFile(1, 1n, ({ offset }) => ({ fd }) => ({ call: 'seekHole', fd, offset })),
  ];
  const cached = [
    { weight: 2, arbitrary: fc.constant<Act>(({ fd }) => ({ call: 'fsync', fd })) },
    onFile(2, 1n, (where) => ({ fd }) => ({ call: 'mmapRead', fd, ...where })),
    onFile(2, 1n, (where, drawn) => ({ fd }) => ({ call: 'mmapWrite', fd, ...where, writer: drawn })),
  ];
  const reopen = { weight: 1, arbitrary: fc.constant<Act>('reopen') };
  const past = [
    onFile(3, SECTOR, (where) => () => ({ call: 'pread', fd: PAST_THE_CACHE, ...where })),
    onFile(2, block, (where, writer) => () => ({ call: 'pwrite', fd: PAST_THE_CACHE, ...where, writer })),
    onFile(2, SECTOR, ({ offset, lengthBytes }, drawn) => () => ({
      call: 'pwrite',
      fd: PAST_THE_CACHE,
      offset,
      // A part of a block, mostly.
      lengthBytes: drawn < 4 ? Math.min(lengthBytes, (drawn + 1) * Number(SECTOR)) : lengthBytes,
      writer: drawn,
    })),
    // What was lost is told to each open file.
    { weight: 1, arbitrary: fc.constant<Act>(() => ({ call: 'fsync', fd: PAST_THE_CACHE })) },
    {
      weight: 1,
      arbitrary: fc.constant<Act>(({ fd }) => ({
        call: 'fadvise',
        fd,
        offset: 0n,
        lengthBytes: 0,
        advice: 'dontneed',
      })),
    },
    onFile(1, 1n, ({ offset, lengthBytes }) => ({ fd }) => ({
      call: 'fiemap',
      fd,
      start: offset,
      lengthBytes: BigInt(lengthBytes),
      flags: FIEMAP.flagSync,
      extents: 32,
    })),
  ];
  return fc.oneof(...common, ...{ direct: seeks, buffered: [...cached, reopen], mixed: [...cached, ...past] }[mode]);
};

/**
 * A file in one to four pieces; the last one reaches far behind what a sequence can make of the file. Where a piece is
 * mapped, there are old bytes behind EOF.
 */
const piecesOf = (mode: SequenceMode, devices: number): fc.Arbitrary<Piece[]> =>
  fc
    .array(
      fc.record({
        kind: fc.constantFrom(...(mode === 'growing' ? (['mapped', 'mapped', 'mapped'] as const) : []), ...KINDS),
        pages: fc.integer({ min: 1, max: 9 }),
        device: fc.nat(devices - 1),
      }),
      { minLength: 1, maxLength: 4 },
    )
    .map((drawn) => {
      let from = 0n;
      return drawn.map(({ kind, pages, device }, index) => {
        const to = index === drawn.length - 1 ? 2n * BigInt(FILE_PAGES) * PAGE : from + BigInt(pages) * PAGE;
        const piece = { kind, from, to, device };
        from = to;
        return piece;
      });
    });

/** The open of a mixed sequence that goes past the page cache; its first one goes through it. */
const PAST_THE_CACHE = 1;

/** Requests whose answer may go wrong in a sequence. */
const FALLIBLE: Readonly<Record<SequenceMode, readonly ScriptLine['on'][]>> = {
  direct: ['IOMAP_BEGIN', 'IOMAP_END', 'IOMAP_IOEND', 'FALLOCATE'],
  buffered: ['FALLOCATE', 'FSYNC'],
  growing: ['FALLOCATE', 'FSYNC'],
  mixed: ['IOMAP_BEGIN', 'IOMAP_END', 'IOMAP_IOEND', 'FALLOCATE', 'FSYNC', 'SETATTR'],
};

function wrongLine(revision: Revision, mode: SequenceMode): fc.Arbitrary<ScriptLine> {
  // Of writeback few would be drawn otherwise, and what is lost by it is what others may tell of.
  const whenOf = (on: ScriptLine['on']): Partial<ScriptLine> =>
    mode === 'mixed' && on === 'IOMAP_BEGIN' ? { opflagsSet: revision.opFlags.WRITEBACK } : {};
  return fc.constantFrom(...FALLIBLE[mode]).chain((on) =>
    fc
      .record({
        reply: fc.oneof(
          fc.constantFrom(...PLAIN_ERRNOS).map((errno): Reply => ({ kind: 'error', errno })),
          malformedReply(revision, on).map(({ reply }): Reply => reply),
        ),
        times: fc.constantFrom(...(mode === 'mixed' ? [1, 1, 2, undefined] : [1])),
      })
      .map(({ reply, times }): ScriptLine => ({
        on,
        file: 0,
        ...whenOf(on),
        ...(times !== undefined && { times }),
        reply,
      })),
  );
}

const WRONG_FIELDS: readonly Partial<MappingSpec>[] = [
  { type: 5 },
  { flags: [0x100] },
  { length: 0n },
  { dev: 1025 },
  { addr: NULL_ADDR - 1n },
  { offset: 1n },
  { type: 'NOCACHE' },
];

/** Sequences on a file of a campaign's mount. */
export function fileSequence({
  revision,
  geometry,
  mode,
  most = 8,
  wrong = mode === 'mixed' ? 8 : 2,
}: FileSequenceConstraints): fc.Arbitrary<PlannedCase> {
  const block = geometry.blockSize;
  // Only what everything can be done with, and only if a whole file fits.
  const devices = geometry.devices.filter(({ access, sizeBytes }) => access === 'rw' && sizeBytes >= DEVICE_SIZE);
  const index = (device: number): number => geometry.devices.indexOf(devices[device]!);
  const config = configOf({
    blockSize: block,
    ...(geometry.maxBytes !== undefined && { maxBytes: geometry.maxBytes }),
  });
  const base: Geometry = {
    mount: geometry.mount,
    ...(config && { config }),
    devices: [...geometry.devices],
    files: [],
  };
  return piecesOf(mode, devices.length).chain((drawn) => {
    const pieces = drawn.map((piece) => ({ ...piece, device: index(piece.device) }));
    const lines = linesOf(revision, pieces, mode);
    return fc
      .record({
        acts: fc.array(acts(mode, block), { minLength: 2, maxLength: most }),
        pages: fc.integer({ min: 1, max: FILE_PAGES }),
        odd: fc.constantFrom(0n, 0n, 1n, block / 2n, PAGE - 1n),
        extra: fc.oneof(
          { withCrossShrink: true },
          { weight: 16 - wrong, arbitrary: fc.constant<ScriptLine[]>([]) },
          { weight: wrong, arbitrary: wrongLine(revision, mode).map((line) => [line]) },
        ),
        spoilt: fc.oneof(
          { withCrossShrink: true },
          { weight: 16 - wrong, arbitrary: fc.constant(undefined) },
          {
            weight: mode === 'direct' ? wrong : 0,
            arbitrary: fc.record({
              line: fc.nat(lines.length - 1),
              half: fc.constantFrom('read' as const, 'write' as const),
              field: fc.constantFrom(...WRONG_FIELDS),
            }),
          },
        ),
      })
      .map(({ acts: drawnActs, pages, odd, extra, spoilt }): PlannedCase => {
        const open: Step = { call: 'open', file: 0, flags: mode === 'direct' ? ['rdwr', 'direct'] : ['rdwr'] };
        const also: Step[] = mode === 'mixed' ? [{ call: 'open', file: 0, flags: ['rdwr', 'direct'] }] : [];
        const now: Now = { fd: 0, sizeBytes: BigInt(pages) * PAGE - odd };
        const steps = drawnActs.flatMap((action): Step[] => {
          if (action === 'reopen') return [{ call: 'close', fd: now.fd++ }, open];
          const made = [action(now)].flat();
          for (const step of made) now.sizeBytes = sizeAfter(step, now.sizeBytes);
          return made;
        });
        const script = lines.map((line, n): ScriptLine =>
          spoilt?.line !== n || line.reply.kind !== 'mappings'
            ? line
            : { ...line, reply: { ...line.reply, [spoilt.half]: { ...line.reply[spoilt.half], ...spoilt.field } } },
        );
        const value: Case = {
          schema: CASE_SCHEMA,
          revision: revision.id,
          debugIomap: geometry.debugIomap,
          geometry: { ...base, files: [{ sizeBytes: BigInt(pages) * PAGE - odd, attrFlags: ['IOMAP', 'EXCLUSIVE'] }] },
          script: [...extra, ...script],
          workload: [
            open,
            ...also,
            ...steps,
            ...also.map((): Step => ({ call: 'close', fd: PAST_THE_CACHE })),
            { call: 'close', fd: now.fd },
          ],
        };
        return {
          case: value,
          note: `${mode}: ${steps.length} steps on ${pieces.map(({ kind }) => kind).join(', ')}; block size ${block}${extra[0] ? `; ${extra[0].on} goes wrong` : ''}${spoilt ? '; a wrong field' : ''}`,
        };
      });
  });
}
