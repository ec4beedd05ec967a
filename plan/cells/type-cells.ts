/** Cells of what accepted mappings must do: each type on each path, the device's end, END and IOEND. */
import fc from 'fast-check';
import { harmlessFlags, mapping, typesFor, type FlagName, type TypeName } from '../../generators/mapping.ts';
import { goodReply, pureOverwrite, typesOf, type Mappings, type PlannedCase } from '../../generators/reply-case.ts';
import { isReport, isWritePath, paths, stretch, type Path, type Setting } from '../../generators/setting.ts';
import type { MappingSpec } from '../../model/mapping.ts';
import type { Reply, ScriptLine } from '../../model/case.ts';
import { inlineIsUnsaid, type Revision } from '../../uapi/revision.ts';
import { impossible, possible, possibleKinds, type CellKey, type PlanCell } from '../cell.ts';
import { isInlineWritePath } from './inline-write-cells.ts';
import { caseWith, noDirectWrites } from './reply-cells.ts';

type Made = { reply: Reply; note: string; extra?: ScriptLine[]; refused?: boolean };
const types = [
  'HOLE',
  'DELALLOC',
  'UNWRITTEN',
  'MAPPED',
  'INLINE',
  'PURE_OVERWRITE',
] as const satisfies readonly TypeName[];

/** The acted half of a reply with the other half that leaves it the acted one. */
export function acting(path: Path, acted: MappingSpec, overwrite = true): Mappings {
  const other = pureOverwrite(acted.offset, acted.length);
  return isWritePath(path) && !overwrite
    ? { read: { ...other, type: 'HOLE' }, write: acted }
    : { read: acted, write: other };
}
const answer = (mappings: Mappings, note: string): Made => ({ reply: { kind: 'mappings', ...mappings }, note });

export function typeCells(revision: Revision): PlanCell[] {
  // Inline data that is written through the page cache has cells of its own.
  return paths.flatMap((path) =>
    types
      .filter((type) => type !== 'INLINE' || !isInlineWritePath(path))
      .map((type): PlanCell => {
        const key: CellKey = { rule: `type/${type.toLowerCase() as Lowercase<typeof type>}`, path };
        const against = noDirectWrites(revision, path) ?? reasonAgainst(revision, type, path);
        if (against !== undefined) return impossible(key, against);
        if (type === 'PURE_OVERWRITE') {
          return possible(
            key,
            caseWith(revision, path, {}, (setting) => reply(revision, setting, typesFor(path, 'read', true))),
          );
        }
        return possible(
          key,
          caseWith(revision, path, {}, (setting) => {
            const { start, end } = stretch(setting);
            // Inline data that is moved is a block at most.
            const moved = type === 'INLINE' && !isReport(path);
            return fc
              .tuple(
                mapping({
                  setting: setting,
                  start,
                  end: moved ? start + setting.blockSize : end,
                  type,
                  flags: moved ? [] : harmlessFlags(path),
                  exact: moved || isWritePath(path),
                }),
                fc.boolean(),
              )
              .map(([acted, overwrite]) =>
                answer(
                  acting(path, acted, overwrite),
                  `${type}${isWritePath(path) ? (overwrite ? ' as a pure overwrite' : ' in the write half') : ''}`,
                ),
              );
          }),
        );
      }),
  );
}

function reasonAgainst(revision: Revision, type: TypeName, path: Path): string | undefined {
  if (type === 'INLINE' && !isReport(path) && revision.inlineLimit === 'unsaid') return inlineIsUnsaid(revision);
  if (type === 'PURE_OVERWRITE' && !isWritePath(path)) return 'only write-type operations use the write half';
  if (typesOf(revision, [type]).length === 0) return `revision ${revision.id} has no devices: no backed mapping passes`;
  return undefined;
}

const reply = (revision: Revision, setting: Setting, allowed: readonly TypeName[]): fc.Arbitrary<Made> => {
  const { start, end } = stretch(setting);
  return goodReply(revision, setting, allowed, start, end, 0).map((mappings) => answer(mappings, 'a valid reply'));
};

/** Addresses at the end of the device, and addresses between sectors. */
export function deviceCells(revision: Revision): PlanCell[] {
  const moving: readonly Path[] = ['direct-read', 'direct-write', 'buffered-read', 'writeback', 'mmap-read'];
  return paths
    .flatMap((path): PlanCell[] => {
      if (!moving.includes(path)) {
        // A report names places and moves no bytes; what is written or zeroed through the page cache meets them when it
        // is written back.
        return (['type/past-device-end', 'type/unaligned-address'] as const).map((rule) =>
          possible(
            { rule, path },
            placed(revision, path, (setting, map) =>
              fc
                .constantFrom(BigInt(setting.devices[0]!.sizeBytes), 1n << 40n, 1n, 511n)
                .map((addr) => ({ ...map, addr })),
            ),
          ),
        );
      }
      return [
        possible(
          { rule: 'type/past-device-end', path, border: 'violating' },
          placed(
            revision,
            path,
            (setting, map) => {
              const size = BigInt(setting.devices[0]!.sizeBytes);
              return fc
                .constantFrom(size - map.length + 512n, size, size + 512n, 1n << 40n)
                .map((addr) => ({ ...map, addr }));
            },
            true,
          ),
        ),
        possible(
          { rule: 'type/past-device-end', path, border: 'legal' },
          placed(revision, path, (setting, map) =>
            fc.constant({ ...map, addr: BigInt(setting.devices[0]!.sizeBytes) - map.length }),
          ),
        ),
        possible(
          { rule: 'type/unaligned-address', path },
          placed(revision, path, (_, map) =>
            fc.constantFrom(1n, 8n, 256n, 511n).map((shift) => ({ ...map, addr: 4096n + shift })),
          ),
        ),
      ];
    })
    .map((cell) =>
      revision.ioctls.BACKING_OPEN === undefined
        ? impossible(
            { rule: cell.rule, path: cell.path, ...(cell.border && { border: cell.border }) },
            `revision ${revision.id} has no devices`,
          )
        : cell,
    );
}

function placed(
  revision: Revision,
  path: Path,
  place: (setting: Setting, map: MappingSpec) => fc.Arbitrary<MappingSpec>,
  fails = false,
): fc.Arbitrary<PlannedCase> {
  return caseWith(revision, path, { maxBefore: 0, mayExtend: false }, (setting) => {
    const { start, end } = stretch(setting);
    return fc
      .constantFrom<TypeName>('MAPPED', 'UNWRITTEN')
      .chain((type) => mapping({ setting: setting, start, end, type, device: 0, exact: true }))
      .chain((map) => fc.tuple(place(setting, map), fc.boolean()))
      .map(([map, overwrite]) => ({
        ...answer(acting(path, map, overwrite), `${String(map.type)} at 0x${map.addr.toString(16)} of device 0`),
        refused: fails,
      }));
  });
}

/**
 * What the server may answer to END and IOEND. ENOSYS is remembered for the connection, so that such a case needs its
 * own.
 */
const acknowledgements: readonly { reply?: Reply; note: string }[] = [
  { note: 'acknowledged' },
  { reply: { kind: 'error', errno: 38 }, note: 'ENOSYS' },
  { reply: { kind: 'error', errno: 28 }, note: 'ENOSPC' },
  { reply: { kind: 'error', errno: 5 }, note: 'EIO' },
];

export function endCells(revision: Revision): PlanCell[] {
  return paths.map((path): PlanCell => {
    const key: CellKey = { rule: 'request/end', path };
    const against = noDirectWrites(revision, path);
    if (against !== undefined) return impossible(key, against);
    return possibleKinds(
      key,
      acknowledgements.map((end_) =>
        caseWith(revision, path, { maxBefore: 1 }, (setting) => {
          const { start, end } = stretch(setting);
          const allowed = typesOf(revision, typesFor(path, 'read', true));
          return fc
            .constantFrom(...allowed)
            .chain((type) => mapping({ setting: setting, start, end, type, exact: true }))
            .map((map) => ({
              ...answer(
                acting(path, { ...map, flags: ['WANT_IOMAP_END'] }),
                `${String(map.type)} with WANT_IOMAP_END, END ${end_.note}`,
              ),
              ...(end_.reply && { extra: [{ on: 'IOMAP_END' as const, reply: end_.reply }] }),
            }));
        }),
      ),
    );
  });
}

export function ioendCells(revision: Revision): PlanCell[] {
  return (['direct-write', 'writeback'] as const).map((path) => ioendCell(revision, path));
}

function ioendCell(revision: Revision, path: Path): PlanCell {
  const key: CellKey = { rule: path === 'writeback' ? 'request/writeback-ioend' : 'request/ioend', path };
  const against = revision.opcodes.IOMAP_IOEND === undefined ? `revision ${revision.id} has no IOEND` : undefined;
  if (against !== undefined) return impossible(key, against);
  const shapes: readonly { type: TypeName; flags: FlagName[] }[] = [
    { type: 'MAPPED', flags: [] },
    { type: 'MAPPED', flags: ['SHARED'] },
    { type: 'UNWRITTEN', flags: [] },
    { type: 'UNWRITTEN', flags: ['SHARED', 'NEW'] },
  ];
  const [acknowledged, ...refused] = acknowledgements;
  const kinds = [
    ...shapes.map((shape) => ({ shape: fc.constant(shape), ioend: acknowledged! })),
    ...refused.map((ioend) => ({ shape: fc.constantFrom(...shapes), ioend })),
  ];
  return possibleKinds(
    key,
    kinds.map(({ shape: shapeOf, ioend }) =>
      caseWith(revision, path, { maxBefore: 1 }, (setting) => {
        const { start, end } = stretch(setting);
        return fc
          .tuple(shapeOf, fc.boolean())
          .chain(([shape, overwrite]) =>
            mapping({ setting: setting, start, end, type: shape.type, exact: true }).map((map) => ({
              ...answer(
                acting(path, { ...map, flags: shape.flags }, overwrite),
                `${shape.type} ${shape.flags.join(' ')}, IOEND ${ioend.note}`,
              ),
              ...(ioend.reply && { extra: [{ on: 'IOMAP_IOEND' as const, reply: ioend.reply }] }),
            })),
          );
      }),
    ),
  );
}
