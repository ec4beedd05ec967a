/** Cells of swap files: what swapon asks and refuses, where pages go, and SWAPOFF. */
import fc from 'fast-check';
import { PLAIN_ERRNOS, WRONG_BEGIN_SIZES } from '../../generators/reply-values.ts';
import { configOf, pureOverwrite, type PlannedCase } from '../../generators/reply-case.ts';
import { CASE_SCHEMA, type Case, type Geometry, type Reply, type ScriptLine, type Step } from '../../model/case.ts';
import type { MappingSpec } from '../../model/mapping.ts';
import { NULL_ADDR, type Revision } from '../../uapi/revision.ts';
import { borders, impossible, ofKinds, possible, type Border, type CellKey, type PlanCell } from '../cell.ts';
import { errnos } from '../../uapi/errno.ts';
import { PAGE } from '../../uapi/units.ts';
import { beginTableOf } from '../../oracles/rules/first-violation.ts';
import type { ClauseId } from '../../oracles/rules/rule-id.ts';

const DEVICE_SIZE = 1 << 20;
const { ENOSYS } = errnos;
/** Each piece of the file has a quarter of the device, so that no two of them touch. */
const AREA = BigInt(DEVICE_SIZE / 4);

interface SwapGround {
  /** Pages of each piece of the file; a piece is one mapping. */
  pieces: readonly number[];
  type: 'MAPPED' | 'UNWRITTEN';
  /** The pieces follow each other on the device. */
  together: boolean;
  /** Bytes of the file behind its last page. */
  odd: bigint;
  blockSize: bigint;
  mount: Geometry['mount'];
  debugIomap: boolean;
}

const swapGround: fc.Arbitrary<SwapGround> = fc.record({
  pieces: fc.array(fc.integer({ min: 2, max: 6 }), { minLength: 1, maxLength: 3 }),
  type: fc.constantFrom<SwapGround['type']>('MAPPED', 'UNWRITTEN'),
  together: fc.boolean(),
  odd: fc.constantFrom(0n, 0n, 512n, 4095n),
  blockSize: fc.constantFrom(4096n, 4096n, 512n),
  mount: fc.constantFrom<Geometry['mount']>('ordinary', 'ordinary', 'syncInit'),
  debugIomap: fc.boolean(),
});

interface SwapAct {
  steps: Step[];
  note: string;
  extra?: ScriptLine[];
  /** Instead of the file's pieces. */
  pieces?: MappingSpec[];
  devices?: Geometry['devices'];
  files?: number;
}

const pagesOf = ({ pieces }: Pick<SwapGround, 'pieces'>): number => pieces.reduce((sum, pages) => sum + pages, 0);
const sizeOf = (setting: SwapGround): bigint => BigInt(pagesOf(setting)) * PAGE + setting.odd;

function piecesOf(setting: SwapGround): MappingSpec[] {
  let offset = 0n;
  return setting.pieces.map((pages, n) => {
    const length = BigInt(pages) * PAGE;
    const piece: MappingSpec = {
      type: setting.type,
      flags: [],
      dev: { device: 0 },
      addr: setting.together ? offset + PAGE : BigInt(n) * AREA + PAGE,
      offset,
      length,
    };
    offset += length;
    return piece;
  });
}

const reply = (read: MappingSpec): Reply => ({
  kind: 'mappings',
  read,
  write: pureOverwrite(read.offset, read.length),
});
const on = (setting: SwapGround, file = 0): Step => ({
  call: 'swapon',
  file,
  header: { device: 0, offset: piecesOf(setting)[0]!.addr, pages: pagesOf(setting) },
});
const off = (file = 0): Step => ({ call: 'swapoff', file });
const pageOut = (pages: number, writer = 0): Step => ({ call: 'pageOut', lengthBytes: pages * 4096, writer });

/**
 * The header's page is data whatever the rest of the file is, or it could not be read. Pieces are told by where they
 * are asked for: how often is the kernel's choice.
 */
function swapCase(revision: Revision, setting: SwapGround, action: SwapAct): PlannedCase {
  const config = configOf({ blockSize: setting.blockSize });
  const { SWAPFILE } = revision.opFlags;
  const places = piecesOf(setting);
  const pieces = action.pieces ?? places;
  const header: MappingSpec = { ...places[0]!, type: 'MAPPED' };
  const script: ScriptLine[] = [
    ...pieces
      .slice(0, -1)
      .map((piece, n): ScriptLine => ({
        on: 'IOMAP_BEGIN',
        opflagsSet: SWAPFILE,
        posTo: places[n]!.offset + places[n]!.length,
        reply: reply(piece),
      })),
    { on: 'IOMAP_BEGIN', opflagsSet: SWAPFILE, reply: reply(pieces.at(-1)!) },
    { on: 'IOMAP_BEGIN', reply: reply(header) },
  ];
  const value: Case = {
    schema: CASE_SCHEMA,
    revision: revision.id,
    debugIomap: setting.debugIomap,
    geometry: {
      mount: setting.mount,
      ...(config && { config }),
      devices: action.devices ?? [
        { sizeBytes: DEVICE_SIZE, access: 'rw' },
        { sizeBytes: DEVICE_SIZE, access: 'rw' },
      ],
      files: Array.from({ length: action.files ?? 1 }, () => ({
        sizeBytes: sizeOf(setting),
        attrFlags: ['IOMAP' as const, 'EXCLUSIVE' as const],
      })),
    },
    script: [...(action.extra ?? []), ...script],
    workload: action.steps,
  };
  return {
    case: value,
    note: `${action.note}; ${setting.pieces.join(' + ')} pages of ${setting.type}${setting.together ? ' in a row' : ''}, block size ${setting.blockSize}`,
  };
}

/** Why a revision has no swap files. */
const noSwap = (revision: Revision): string | undefined =>
  revision.opcodes.IOMAP_IOEND === undefined ? `revision ${revision.id} is BEGIN and END only` : undefined;

const hasValidation = (revision: Revision, rule: ClauseId): boolean =>
  beginTableOf(revision).validate.some((other) => other.id === rule);

export function swapCells(revision: Revision): PlanCell[] {
  const against = noSwap(revision);
  const path = 'swapon';
  const cell = (
    key: CellKey,
    make: (setting: SwapGround) => fc.Arbitrary<SwapAct>,
    only: Partial<SwapGround> = {},
  ): PlanCell =>
    against !== undefined
      ? impossible(key, against)
      : possible(
          key,
          swapGround
            .map((setting) => ({ ...setting, ...only }))
            .chain((of) => make(of).map((action) => swapCase(revision, of, action))),
        );
  const both = (
    rule: ClauseId,
    make: (setting: SwapGround, border: Border) => fc.Arbitrary<SwapAct>,
    only: Partial<SwapGround> = {},
  ) => borders.map((border) => cell({ rule, path, border }, (setting) => make(setting, border), only));
  const used = (setting: SwapGround, note: string): SwapAct => ({ steps: [on(setting), off()], note });
  return [
    cell({ rule: 'swap/on', path }, (setting) => fc.constant(used(setting, 'on and off'))),
    ...both('swap/in-use', (setting, border) =>
      fc.constant(
        border === 'legal'
          ? used(setting, 'on and off')
          : { steps: [off(), on(setting), on(setting), off(), off()], note: 'off before on, and each of them twice' },
      ),
    ),
    ...both('swap/header', (setting, border) =>
      border === 'legal'
        ? fc.constant(used(setting, 'a header'))
        : fc.constantFrom<SwapAct>(
            { steps: [{ call: 'swapon', file: 0 }], note: 'no header' },
            {
              steps: [{ ...on(setting), header: { ...headerOf(setting), pages: pagesOf(setting) + 1 } } as Step],
              note: 'a header for a page more than the file has',
            },
            {
              steps: [{ ...on(setting), header: { ...headerOf(setting), pages: 1 } } as Step],
              note: 'a header for no page but its own',
            },
            {
              steps: [
                { ...on(setting), header: { ...headerOf(setting), offset: headerOf(setting).offset + 512n } } as Step,
              ],
              note: 'a header a sector further on',
            },
          ),
    ),
    ...both('swap/mapping', (setting, border) =>
      border === 'legal'
        ? fc.constant(used(setting, 'what a swap file may be made of'))
        : fc.tuple(fc.nat(2), fc.constantFrom(...unfit)).map(([at, { change, note }]) => {
            const pieces = piecesOf(setting);
            const which = at % pieces.length;
            return {
              steps: [on(setting)],
              pieces: pieces.map((piece, n) => (n === which ? change(piece) : piece)),
              note: `${note} in piece ${which}`,
            };
          }),
    ),
    cell(
      { rule: 'swap/one-device', path },
      (setting) =>
        fc.constant({
          steps: [on(setting)],
          pieces: piecesOf(setting).map((piece, n) => (n === 1 ? { ...piece, dev: { device: 1 } } : piece)),
          note: 'the second piece on another device',
        }),
      { pieces: [3, 2, 2] },
    ),
    ofKinds(
      [[0], [ENOSYS], [5, 28]].map((errnos) =>
        cell(
          { rule: 'swap/off', path },
          (setting) =>
            fc
              .tuple(fc.constantFrom(...errnos), fc.integer({ min: errnos[0] === ENOSYS ? 2 : 1, max: 2 }))
              .map(([errno, files]) => ({
                files,
                steps: Array.from({ length: files }, (_, file) => [on(setting, file), off(file)]).flat(),
                ...(errno !== 0 && {
                  extra: [{ on: 'IOMAP_IOEND' as const, reply: { kind: 'error' as const, errno } }],
                }),
                note: `${files} files, IOEND ${errno === 0 ? 'acknowledged' : `answered with errno ${errno}`}`,
              })),
          { pieces: [4] },
        ),
      ),
    ),
    ofKinds([
      cell({ rule: 'swap/pages', path }, (setting) =>
        fc
          .tuple(fc.integer({ min: 1, max: 8 }), fc.boolean())
          .map(([pages, twice]) => ({
            steps: [on(setting), pageOut(pages), ...(twice ? [pageOut(pages, 1)] : []), off(), pageOut(1, 2)],
            note: `${pages} pages paged out${twice ? ' twice' : ''}`,
          })),
      ),
      // The place of a page counts from where its mapping begins, not from where it was asked for.
      cell(
        { rule: 'swap/pages', path },
        (setting) =>
          fc.constant({
            steps: [on(setting), pageOut(6), off()],
            note: '6 pages paged out; each mapping but the first begins a page before the position it is asked for',
            pieces: piecesOf(setting).map((piece, n) =>
              n === 0
                ? piece
                : { ...piece, offset: piece.offset - PAGE, addr: piece.addr - PAGE, length: piece.length + PAGE },
            ),
          }),
        { pieces: [3, 3, 2], together: false },
      ),
    ]),
    cell(
      { rule: 'cache/swapfile', path },
      (setting) =>
        fc.boolean().map((far) => ({
          // The inode is in use, so that what was pushed for it stays; the header may be read by that.
          steps: [
            { call: 'open', file: 0, flags: ['rdonly'] },
            pushed(setting, far),
            { ...on(setting), header: { ...headerOf(setting), offset: placeOf(setting, far) } } as Step,
            off(),
            { call: 'close', fd: 0 },
          ],
          note: `${far ? 'other places' : 'the same places'} in the cache`,
        })),
      { pieces: [4] },
    ),
    ...both('begin/error', (setting, border) =>
      border === 'legal'
        ? fc.constant(used(setting, 'mappings'))
        : fc
            .tuple(fc.constantFrom(...PLAIN_ERRNOS, ENOSYS), fc.boolean())
            .map(([errno, header]) => ({
              steps: [on(setting)],
              note: `errno ${errno} for ${header ? 'the header' : 'the first mapping'}`,
              extra: [
                {
                  on: 'IOMAP_BEGIN' as const,
                  ...(header ? { opflagsClear: revision.opFlags.SWAPFILE } : { opflagsSet: revision.opFlags.SWAPFILE }),
                  reply: { kind: 'error' as const, errno },
                },
              ],
            })),
    ),
    ...both('begin/reply-size', (setting, border) =>
      border === 'legal'
        ? fc.constant(used(setting, 'mappings'))
        : fc
            .constantFrom(...WRONG_BEGIN_SIZES)
            .map((size) => ({
              steps: [on(setting)],
              note: `${size} bytes of payload`,
              extra: [
                {
                  on: 'IOMAP_BEGIN' as const,
                  opflagsSet: revision.opFlags.SWAPFILE,
                  reply: { kind: 'raw' as const, payload: '00'.repeat(size) },
                },
              ],
            })),
    ),
    ...(hasValidation(revision, 'begin/read-no-retry-uncached') ? notOfSwap : []).flatMap(([rule, reason]) =>
      borders.map((border) => impossible({ rule, path, border }, reason)),
    ),
    ...(['read', 'write'] as const).flatMap((half) => {
      const rule = `begin/${half}-no-retry-uncached` as const;
      if (against === undefined && !hasValidation(revision, rule))
        return borders.map((border) => impossible({ rule, path, border }, `revision ${revision.id} has no such rule`));
      return both(
        rule,
        (setting, border) =>
          fc.constant({
            steps: [
              { call: 'open', file: 0, flags: ['rdonly'] },
              pushed(setting, false),
              on(setting),
              ...(border === 'legal' ? [off()] : []),
              { call: 'close', fd: 0 },
            ],
            note: border === 'legal' ? 'mappings, with a cache' : `RETRY_CACHE in the ${half} half`,
            ...(border === 'violating' && {
              extra: [
                { on: 'IOMAP_BEGIN' as const, opflagsSet: revision.opFlags.SWAPFILE, reply: retried(setting, half) },
              ],
            }),
          }),
        { pieces: [4] },
      ).map((planCell) => (planCell.cases ? { ...planCell, reaches: rule } : planCell));
    }),
  ];
}

/** Rules about mappings that swapon does not come to. */
const notOfSwap: readonly (readonly [rule: ClauseId, reason: string])[] = [
  ['begin/atomic-on-storage', 'ATOMIC is set on the path atomic-write only'],
  ['begin/atomic-flagged', 'ATOMIC is set on the path atomic-write only'],
  [
    'begin/device-readable',
    'swapon reads the header as any reader does, which the path buffered-read shows; nothing is read by the mappings it asks for',
  ],
  [
    'begin/device-writable',
    'swapon writes nothing, and the rules do not say whether the device must be open for what comes later',
  ],
];

type Header = NonNullable<Extract<Step, { call: 'swapon' }>['header']>;
const headerOf = (setting: SwapGround): Header => (on(setting) as Extract<Step, { call: 'swapon' }>).header!;

const unbacked =
  (type: MappingSpec['type']) =>
  (piece: MappingSpec): MappingSpec => ({ ...piece, type, dev: 0, addr: NULL_ADDR });
/** Linux, fs/iomap/swapfile.c, iomap_swapfile_iter. */
const unfit: readonly { change: (piece: MappingSpec) => MappingSpec; note: string }[] = [
  ...(['HOLE', 'DELALLOC', 'INLINE'] as const).map((type) => ({ change: unbacked(type), note: type })),
  ...(['SHARED', 'DIRTY'] as const).map((flag) => ({
    change: (piece: MappingSpec): MappingSpec => ({ ...piece, flags: [flag] }),
    note: flag,
  })),
];

/** All of the file in the mapping cache; `far`: at other places than BEGIN says. */
function pushed(setting: SwapGround, far: boolean): Step {
  const read: MappingSpec = { ...piecesOf(setting)[0]!, type: 'MAPPED', addr: placeOf(setting, far) };
  return {
    call: 'notify',
    notification: { kind: 'upsert', node: { file: 0 }, read, write: pureOverwrite(read.offset, read.length) },
  };
}
const placeOf = (setting: SwapGround, far: boolean): bigint =>
  piecesOf(setting)[0]!.addr + (far ? 3n * AREA - 2n * PAGE : 0n);

function retried(setting: SwapGround, half: 'read' | 'write'): Reply {
  const [piece] = piecesOf(setting);
  const retry: MappingSpec = {
    type: 'RETRY_CACHE',
    flags: [],
    dev: 0,
    addr: NULL_ADDR,
    offset: 0n,
    length: piece!.length,
  };
  return half === 'read'
    ? { kind: 'mappings', read: retry, write: pureOverwrite(0n, piece!.length) }
    : { kind: 'mappings', read: piece!, write: retry };
}
