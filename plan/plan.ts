/**
 * The conformance plan: every rule of map/* and begin/* on every path that reaches it, both sides of its border, and
 * what accepted replies must do. Cells that cannot have cases are there too, with the reason.
 */
import type { Revision } from '../uapi/revision.ts';
import { atomicCells } from './cells/atomic-cells.ts';
import { borderCells } from './cells/border-cells.ts';
import { bufferedWriteCells } from './cells/buffered-write-cells.ts';
import { cacheCells } from './cells/cache-cells.ts';
import type { PlanCell } from './cell.ts';
import { copyCells } from './cells/copy-cells.ts';
import { configEffectCells } from './cells/config-effect-cells.ts';
import { configCells, inodeCells, ioctlCells } from './cells/control-cells.ts';
import { notifyCells } from './cells/notify-cells.ts';
import { flagCells } from './cells/flag-cells.ts';
import { diskSizeCells } from './cells/disk-size-cells.ts';
import { enosysCells } from './cells/enosys-cells.ts';
import { growthCells } from './cells/growth-cells.ts';
import { heldCells } from './cells/held-cells.ts';
import { inlineCells } from './cells/inline-cells.ts';
import { inlineWriteCells } from './cells/inline-write-cells.ts';
import { malformedCells } from './cells/malformed-cells.ts';
import { mixedCells } from './cells/mixed-cells.ts';
import { newsizeCells } from './cells/newsize-cells.ts';
import { partWriteCells } from './cells/part-write-cells.ts';
import { readaheadCells } from './cells/readahead-cells.ts';
import { replyCells } from './cells/reply-cells.ts';
import { resizeCells } from './cells/resize-cells.ts';
import { sizeCells } from './cells/size-cells.ts';
import { superblockCells } from './cells/superblock-cells.ts';
import { swapCells } from './cells/swap-cells.ts';
import { syscallCells } from './cells/syscall-cells.ts';
import { variantCells } from './cells/variant-cells.ts';
import { deviceCells, endCells, ioendCells, typeCells } from './cells/type-cells.ts';

export { casesIn, casesOf, cellId, type PlanCell } from './cell.ts';

export function conformancePlan(revision: Revision): PlanCell[] {
  return [
    ...borderCells(revision),
    ...replyCells(revision),
    ...typeCells(revision),
    ...deviceCells(revision),
    ...endCells(revision),
    ...ioendCells(revision),
    ...inlineCells(revision),
    ...inlineWriteCells(revision),
    ...malformedCells(revision),
    ...notifyCells(revision),
    ...heldCells(revision),
    ...enosysCells(revision),
    ...newsizeCells(revision),
    ...diskSizeCells(revision),
    ...cacheCells(revision),
    ...syscallCells(revision),
    ...sizeCells(revision),
    ...copyCells(revision),
    ...bufferedWriteCells(revision),
    ...flagCells(revision),
    ...mixedCells(revision),
    ...partWriteCells(revision),
    ...resizeCells(revision),
    ...growthCells(revision),
    ...atomicCells(revision),
    ...swapCells(revision),
    ...variantCells(revision),
    ...superblockCells(revision),
    ...configCells(revision),
    ...configEffectCells(revision),
    ...readaheadCells(revision),
    ...inodeCells(revision),
    ...ioctlCells(revision),
  ];
}
