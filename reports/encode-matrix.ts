/** The matrix without the cases, as plain JSON: `{paths, rows: [{rule, half, cells: [...]}]}`. */
import type { Matrix } from './matrix.ts';

export const encodeMatrix = (matrix: Matrix) => ({
  paths: matrix.paths,
  rows: matrix.groups.flatMap(({ rows }) =>
    rows.map((row) => ({
      rule: row.rule,
      half: row.half,
      cells: [...row.cells.values()].map(({ path, status, partial, counts, reasons, borders }) => ({
        path,
        status,
        partial,
        counts,
        reasons,
        borders: borders.map(({ info, status: side, counts: sides }) => ({
          border: info.border,
          status: side,
          counts: sides,
        })),
      })),
    })),
  ),
});
