/** Cells of the rules that judge a mapping of a BEGIN reply: each half, path and side of the border. */
import fc from 'fast-check';
import { borderRows, type BorderRow } from '../../../generators/broken-map.ts';
import { harmlessFlags, mapping, typesFor, type TypeName } from '../../../generators/mapping.ts';
import { goodReply, otherHalf, pureOverwrite, repliesBefore, replyCase, typesOf, type Mappings, type PlannedCase } from '../../../generators/reply-case.ts';
import { paths, setting, stretch, targetOf, type Path, type Setting } from '../../../generators/setting.ts';
import { beginTables } from '../../../oracles/rules/first-violation.ts';
import type { Half } from '../../../oracles/rules/rule.ts';
import type { Revision } from '../../uapi/revision.ts';
import { noDirectWrites } from './reply-cells.ts';
import { borders, cellId, impossible, possible, type Border, type PlanCell } from './cell.ts';

const LOFF_MAX = (1n << 63n) - 1n;

/** Why a rule has no case on a path; undefined where it has. */
function reasonAgainst(rule: string, path: Path, border: Border, revision: Revision): string | undefined {
  if (rule.startsWith('map/instruction-') && border === 'legal') {
    return 'without a mapping cache a legal instruction is refused by begin/*-not-nocache, whose own cells show it';
  }
  if (rule.endsWith('-no-retry-uncached')) {
    return path === 'direct-write'
      ? 'RETRY_CACHE gets past map/retry-needs-cache only with a mapping cache, and ATOMIC needs RWF_ATOMIC: neither is in the plan yet'
      : 'ATOMIC and SWAPFILE are never set on this path';
  }
  if (rule === 'begin/write-device-known' && path !== 'direct-write') return 'the write half\'s device is looked up for write-type operations only';
  if (rule === 'map/offset-below-maxbytes' && path === 'direct-read' && revision.opcodes.IOMAP_CONFIG === undefined) {
    return `revision ${revision.id} cannot set maxbytes, and direct I/O that ends on a block stays below the default`;
  }
  return noDirectWrites(revision, path);
}

export function borderCells(revision: Revision): PlanCell[] {
  const table = beginTables[revision.id];
  const rules = [...table.map, ...table.validate, ...table.devices].filter((rule) => borderRows[rule.id] !== undefined || rule.id.endsWith('-no-retry-uncached'));
  return rules.flatMap((rule) => rule.halves!.flatMap((half) => paths.flatMap((path) => borders.map((border): PlanCell => {
    const key = { rule: rule.id, half, path, border };
    const row = borderRows[rule.id];
    const against = reasonAgainst(rule.id, path, border, revision);
    if (against !== undefined || !row) return impossible(key, against ?? 'no generator');
    const types = typesOf(revision, startTypes(path, half, row));
    if (types.length === 0) return impossible(key, `no mapping of that type is valid here in revision ${revision.id}`);
    const cases = borderCases(revision, { row, half, path, border, types });
    return { ...possible(key, cases), reaches: cellId({ rule: rule.id, half, path: '' }).trim() };
  }))));
}

/** Types of the valid mapping that a border starts from. */
function startTypes(path: Path, half: Half, row: BorderRow): readonly TypeName[] {
  const here: readonly TypeName[] = half === 'write' && path === 'direct-write'
    ? [...typesFor(path, 'write', true), 'PURE_OVERWRITE'] : typesFor(path, half, half === 'read');
  return here.filter((type) => !row.types || row.types.includes(type));
}

interface BorderCase {
  row: BorderRow;
  half: Half;
  path: Path;
  border: Border;
  types: readonly TypeName[];
}

function borderCases(revision: Revision, of: BorderCase): fc.Arbitrary<PlannedCase> {
  const { row, half, path, border, types } = of;
  const noDevices = revision.ioctls.BACKING_OPEN === undefined;
  return setting({ path, configurable: revision.opcodes.IOMAP_CONFIG !== undefined, ...row.setting, ...(noDevices && { devices: [] }) }).chain((drawn) => {
    const { start, end } = stretch(drawn);
    const flags = row.types?.some((type) => type === 'PURE_OVERWRITE') ? [] : harmlessFlags(path);
    const valid = fc.constantFrom(...types).chain((type) => mapping({ setting: drawn, start, end, type, flags, exact: path === 'direct-write' }));
    const input = { blockSize: drawn.blockSize, pos: targetOf(drawn), maxBytes: drawn.maxBytes ?? LOFF_MAX, deviceCount: drawn.devices.length };
    return fc.tuple(valid.chain((map) => row.make({ ...input, valid: map })), other(revision, drawn, half, start, end), repliesBefore(revision, drawn))
      .map(([made, otherMapping, before]): PlannedCase => {
        const mappings: Mappings = half === 'read' ? { read: made[border], write: otherMapping } : { read: otherMapping, write: made[border] };
        return {
          case: replyCase(revision, drawn, { kind: 'mappings', ...mappings }, before, { refused: border === 'violating' }),
          note: `${half} ${made.note}; reply ${drawn.cuts.length}, block size ${drawn.blockSize}`,
        };
      });
  });
}

/** The half that is not in question, so that the outcome depends on the one that is. */
function other(revision: Revision, drawn: Setting, half: Half, start: bigint, end: bigint) {
  if (drawn.path !== 'direct-write') {
    return half === 'read' ? otherHalf(revision, drawn, half, start, end)
      : goodReply(revision, drawn, typesFor(drawn.path, 'read', true), start, end, 3).map((reply) => reply.read);
  }
  if (half === 'write') return mapping({ setting: drawn, start, end, type: 'MAPPED', area: 3, exact: true });
  const block = drawn.blockSize;
  const offset = start - (start % block);
  const length = ((end - offset + block - 1n) / block) * block;
  return fc.oneof(fc.constant(pureOverwrite(offset, length)), mapping({ setting: drawn, start, end, type: 'MAPPED', area: 3, exact: true }));
}
