/** Cells of the rules that judge a mapping of a BEGIN reply: each half, path and side of the border. */
import fc from 'fast-check';
import { borderReply, startTypes } from '../../generators/border-reply.ts';
import { borderRowOf, type BorderRow } from '../../generators/broken-map.ts';
import type { TypeName } from '../../generators/mapping.ts';
import { repliesBefore, replyCase, type PlannedCase } from '../../generators/reply-case.ts';
import { isWritePath, paths, setting, type Path } from '../../generators/setting.ts';
import { beginTableOf } from '../../oracles/rules/first-violation.ts';
import type { Half } from '../../oracles/rules/rule.ts';
import type { Revision } from '../../uapi/revision.ts';
import { retryCell } from './held-cells.ts';
import { noDirectWrites } from './reply-cells.ts';
import { borders, cellId, impossible, possible, type Border, type PlanCell } from '../cell.ts';
import type { ClauseId } from '../../oracles/rules/rule-id.ts';

/** Why a rule has no case on a path; undefined where it has. */
export function reasonAgainst(rule: ClauseId, path: Path, border: Border, revision: Revision): string | undefined {
  if (rule.endsWith('-no-retry-uncached')) {
    return 'ATOMIC and SWAPFILE are set on the paths atomic-write and swapon only, whose own cells show it';
  }
  if (rule === 'begin/write-device-known' && !isWritePath(path) && border === 'violating')
    return "the write half's device is looked up for write-type operations only";
  if (rule === 'map/offset-below-maxbytes' && path === 'direct-read' && revision.opcodes.IOMAP_CONFIG === undefined) {
    return `revision ${revision.id} cannot set maxbytes, and direct I/O that ends on a block stays below the default`;
  }
  if (rule === 'map/offset-below-maxbytes' && path.startsWith('mmap-') && revision.opcodes.IOMAP_CONFIG === undefined) {
    return `revision ${revision.id} cannot set maxbytes, and mmap refuses the last page below the default (mm/mmap.c, file_mmap_ok)`;
  }
  return noDirectWrites(revision, path);
}

export function borderCells(revision: Revision): PlanCell[] {
  const table = beginTableOf(revision);
  const rules = [...table.map, ...table.validate, ...table.devices].filter(
    (rule) => borderRowOf(rule.id) !== undefined || rule.id.endsWith('-no-retry-uncached'),
  );
  return rules.flatMap((rule) =>
    rule.halves!.flatMap((half) =>
      paths.flatMap((path) =>
        borders.map((border): PlanCell => {
          const key = { rule: rule.id, half, path, border };
          const row = borderRowOf(rule.id);
          const against = reasonAgainst(rule.id, path, border, revision);
          if (against !== undefined || !row) return impossible(key, against ?? 'no generator');
          // What tells the kernel to look into its cache must look so; what tells it to keep nothing (NOCACHE) no
          // answer to BEGIN may be.
          if (rule.id.startsWith('map/instruction-') && border === 'legal')
            return { ...retryCell(revision, path, key), reaches: cellId({ rule: rule.id, half, path: '' }).trim() };
          const types = startTypes(revision, path, half, row);
          if (types.length === 0)
            return impossible(key, `no mapping of that type is valid here in revision ${revision.id}`);
          const cases = borderCases(revision, {
            row,
            half,
            path,
            border,
            types,
            unused: rule.id === 'begin/write-device-known' && !isWritePath(path),
          });
          return { ...possible(key, cases), reaches: cellId({ rule: rule.id, half, path: '' }).trim() };
        }),
      ),
    ),
  );
}

interface BorderCase {
  row: BorderRow;
  half: Half;
  path: Path;
  border: Border;
  types: readonly TypeName[];
  /** The half in question means nothing on the path. */
  unused?: boolean;
}

function borderCases(revision: Revision, of: BorderCase): fc.Arbitrary<PlannedCase> {
  const { row, half, path, border, types, unused = false } = of;
  const noDevices = revision.ioctls.BACKING_OPEN === undefined;
  return setting({
    path,
    configurable: revision.opcodes.IOMAP_CONFIG !== undefined,
    ...row.setting,
    ...(noDevices && { devices: [] }),
  }).chain((drawnSetting) =>
    fc
      .tuple(borderReply(revision, { row, half, setting: drawnSetting, types }), repliesBefore(revision, drawnSetting))
      .map(([made, before]): PlannedCase => ({
        // Nobody looks up a device that is not written to.
        case: replyCase(
          revision,
          drawnSetting,
          { kind: 'mappings', ...made.on(unused ? 'violating' : border) },
          before,
          { refused: border === 'violating' },
        ),
        note: `${made.note}; reply ${drawnSetting.cuts.length}, block size ${drawnSetting.blockSize}`,
      })),
  );
}
