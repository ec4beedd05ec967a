/**
 * The conformance plan: every rule of map/* and begin/* on every path that reaches it, both sides of its border, and what accepted replies
 * must do. Cells that cannot have cases are there too, with the reason.
 */
import { revisions, type RevisionId } from '../uapi/revision.ts';
import { atomicCells } from './plan/atomic-cells.ts';
import { borderCells } from './plan/border-cells.ts';
import { bufferedWriteCells } from './plan/buffered-write-cells.ts';
import { cacheCells } from './plan/cache-cells.ts';
import type { PlanCell } from './plan/cell.ts';
import { copyCells } from './plan/copy-cells.ts';
import { configEffectCells } from './plan/config-effect-cells.ts';
import { configCells, inodeCells, ioctlCells } from './plan/control-cells.ts';
import { notifyCells } from './plan/notify-cells.ts';
import { flagCells } from './plan/flag-cells.ts';
import { diskSizeCells } from './plan/disk-size-cells.ts';
import { enosysCells } from './plan/enosys-cells.ts';
import { growthCells } from './plan/growth-cells.ts';
import { heldCells } from './plan/held-cells.ts';
import { inlineCells } from './plan/inline-cells.ts';
import { inlineWriteCells } from './plan/inline-write-cells.ts';
import { malformedCells } from './plan/malformed-cells.ts';
import { mixedCells } from './plan/mixed-cells.ts';
import { newsizeCells } from './plan/newsize-cells.ts';
import { readaheadCells } from './plan/readahead-cells.ts';
import { replyCells } from './plan/reply-cells.ts';
import { resizeCells } from './plan/resize-cells.ts';
import { sizeCells } from './plan/size-cells.ts';
import { superblockCells } from './plan/superblock-cells.ts';
import { swapCells } from './plan/swap-cells.ts';
import { syscallCells } from './plan/syscall-cells.ts';
import { variantCells } from './plan/variant-cells.ts';
import { deviceCells, endCells, ioendCells, typeCells } from './plan/type-cells.ts';

export { casesIn, casesOf, cellId, type PlanCell } from './plan/cell.ts';

export function conformancePlan(id: RevisionId): PlanCell[] {
  const revision = revisions[id];
  return [
    ...borderCells(revision), ...replyCells(revision), ...typeCells(revision), ...deviceCells(revision), ...endCells(revision), ...ioendCells(revision),
    ...inlineCells(revision), ...inlineWriteCells(revision), ...malformedCells(revision),
    ...notifyCells(revision), ...heldCells(revision), ...enosysCells(revision), ...newsizeCells(revision), ...diskSizeCells(revision), ...cacheCells(revision), ...syscallCells(revision), ...sizeCells(revision), ...copyCells(revision), ...bufferedWriteCells(revision),
    ...flagCells(revision), ...mixedCells(revision), ...resizeCells(revision), ...growthCells(revision),
    ...atomicCells(revision), ...swapCells(revision), ...variantCells(revision), ...superblockCells(revision), ...configCells(revision), ...configEffectCells(revision), ...readaheadCells(revision), ...inodeCells(revision), ...ioctlCells(revision),
  ];
}
