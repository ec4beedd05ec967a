/**
 * A BEGIN reply one of whose halves lies on a rule's border: the violating mapping and its legal neighbour, in equal
 * surroundings.
 */
import fc from 'fast-check';
import type { MappingSpec } from '../model/mapping.ts';
import type { Revision } from '../uapi/revision.ts';
import type { Half } from '../oracles/rules/rule.ts';
import type { Border, BorderRow } from './broken-map.ts';
import { harmlessFlags, mapping, storageType, typesFor, type TypeName } from './mapping.ts';
import { goodReply, otherHalf, pureOverwrite, typesOf, type Mappings } from './reply-case.ts';
import { isWritePath, stretch, targetOf, type Path, type Setting } from './setting.ts';
import { LOFF_MAX } from '../uapi/units.ts';

/** Types of the valid mapping that a border starts from; none where the revision has none that is valid there. */
export function startTypes(revision: Revision, path: Path, half: Half, row: BorderRow): readonly TypeName[] {
  const here: readonly TypeName[] =
    half === 'write' && isWritePath(path)
      ? [...typesFor(path, 'write', true), 'PURE_OVERWRITE']
      : typesFor(path, half, half === 'read');
  const fitting = (all: readonly TypeName[]): readonly TypeName[] =>
    typesOf(
      revision,
      all.filter((type) => !row.types || row.types.includes(type)),
    );
  const usual = fitting(here);
  // Writeback has nowhere to write to in these, but a write half may stand beside a hole; a reservation passes the
  // rules, and then fails.
  return usual.length === 0 && path === 'writeback'
    ? fitting(half === 'read' ? ['HOLE', 'DELALLOC'] : ['DELALLOC'])
    : usual;
}

export interface BorderReplyConstraints {
  row: BorderRow;
  half: Half;
  setting: Setting;
  /** Types of the valid mapping; see `startTypes`. */
  types: readonly TypeName[];
  /**
   * Registered devices, when the mount has more than those that the setting's mappings may use. Default: the setting's.
   */
  deviceCount?: number;
}

export interface BorderReply {
  on: (side: 'violating' | 'legal') => Mappings;
  note: string;
}

export function borderReply(
  revision: Revision,
  { row, half, setting, types, deviceCount = setting.devices.length }: BorderReplyConstraints,
): fc.Arbitrary<BorderReply> {
  const { start, end } = stretch(setting);
  const flags = row.types?.some((type) => type === 'PURE_OVERWRITE') ? [] : harmlessFlags(setting.path);
  const valid = fc
    .constantFrom(...types)
    .chain((type) => mapping({ setting, start, end, type, flags, exact: isWritePath(setting.path) }));
  const input = {
    revision,
    blockSize: setting.blockSize,
    pos: targetOf(setting),
    maxBytes: setting.maxBytes ?? LOFF_MAX,
    deviceCount,
  };
  return fc
    .tuple(
      valid.chain((map) => row.make({ ...input, valid: map })),
      other(
        revision,
        setting,
        half,
        start,
        end,
        setting.path === 'writeback' && types.every((type) => type === 'HOLE' || type === 'DELALLOC'),
      ),
    )
    .map(([border, otherMapping]: [Border, MappingSpec]) => ({
      on: (side) =>
        half === 'read' ? { read: border[side], write: otherMapping } : { read: otherMapping, write: border[side] },
      note: `${half} ${border.note}`,
    }));
}

/** The half that is not in question, so that the outcome depends on the one that is. */
function other(
  revision: Revision,
  setting: Setting,
  half: Half,
  start: bigint,
  end: bigint,
  beside = false,
): fc.Arbitrary<MappingSpec> {
  if (!isWritePath(setting.path)) {
    return half === 'read'
      ? otherHalf(revision, setting, half, start, end)
      : goodReply(revision, setting, typesFor(setting.path, 'read', true), start, end, 3).map((reply) => reply.read);
  }
  const type = storageType(setting.path);
  if (half === 'write') return mapping({ setting, start, end, type, area: 3, exact: true });
  const block = setting.blockSize;
  const offset = start - (start % block);
  const length = ((end - offset + block - 1n) / block) * block;
  const written = mapping({ setting, start, end, type, area: 3, exact: true });
  return beside
    ? written
    : fc.oneof(
        fc.constant(pureOverwrite(offset, length)),
        mapping({ setting, start, end, type, area: 3, exact: true }),
      );
}
