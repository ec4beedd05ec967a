/** The matrix: rules (one row a half) by paths. A cell says what was learnt, and never more than that. */
import { rowLabel } from '../model/rule-label.ts';
import { noCounts, type CellInfo, type Counts } from '../model/run-summary.ts';
import type { Run, StoredCase } from './run.ts';

export type CellStatus = 'deviates' | 'lost' | 'expected' | 'conforms' | 'unspecified' | 'not-run' | 'impossible';

export interface BorderOutcome {
  info: CellInfo;
  status: CellStatus;
  counts: Counts;
  cases: StoredCase[];
}

export interface MatrixCell {
  path: string;
  status: CellStatus;
  /** Something that could have been judged here was not: one side of the border, or some of the cases. */
  partial: boolean;
  counts: Counts;
  /** Why it is not run, unspecified, lost or impossible; distinct reasons. */
  reasons: string[];
  /** The violating and the legal side, as far as the plan has them. */
  borders: BorderOutcome[];
}

export interface MatrixRow {
  rule: string;
  half?: 'read' | 'write';
  /** `map/length-nonzero@read`. */
  label: string;
  /** By path; a path without an entry is not in the plan for this rule. */
  cells: Map<string, MatrixCell>;
}

export interface Matrix {
  paths: string[];
  /** Rows by the part of the rule's id before the slash, in plan order. */
  groups: { name: string; rows: MatrixRow[] }[];
}

/** What was known least decides; a deviation outranks everything. */
const precedence: CellStatus[] = ['deviates', 'lost', 'expected', 'conforms', 'unspecified', 'not-run', 'impossible'];

const unique = <T>(values: T[]): T[] => [...new Set(values)];

export function buildMatrix(run: Run): Matrix {
  const byCell = new Map<string, StoredCase[]>();
  for (const entry of run.cases) {
    if (entry.cell === undefined) continue;
    const known = byCell.get(entry.cell);
    if (known) known.push(entry);
    else byCell.set(entry.cell, [entry]);
  }
  const groups = new Map<string, Map<string, MatrixRow>>();
  for (const info of run.summary.cells) {
    const group = info.rule.split('/')[0]!;
    const label = rowLabel(info);
    const rows = groups.get(group) ?? new Map<string, MatrixRow>();
    groups.set(group, rows);
    const row = rows.get(label) ?? { rule: info.rule, ...(info.half && { half: info.half }), label, cells: new Map() };
    rows.set(label, row);
    const outcome = toOutcome(info, byCell.get(info.id) ?? []);
    row.cells.set(
      info.path,
      combine(info.path, [...(row.cells.get(info.path)?.borders ?? []), outcome], missingReason(run)),
    );
  }
  return {
    paths: unique(run.summary.cells.map(({ path }) => path)),
    groups: [...groups].map(([name, rows]) => ({ name, rows: [...rows.values()] })),
  };
}

function missingReason({ summary }: Run): string {
  if (summary.shard) return `not in shard ${summary.shard.index}/${summary.shard.count}, or not reached`;
  if (!summary.complete) return `the run ended before this (${summary.endedBy ?? 'it is incomplete'})`;
  return 'the run has no case for this';
}

function toOutcome(info: CellInfo, cases: StoredCase[]): BorderOutcome {
  const counts = noCounts();
  for (const { kind } of cases) counts[kind] += 1;
  const there = new Set<CellStatus>(cases.map(({ kind, expected }) => (expected ? 'expected' : kind)));
  const status =
    info.impossible !== undefined && cases.length === 0
      ? 'impossible'
      : (precedence.find((one) => there.has(one)) ?? 'not-run');
  return { info, status, counts, cases };
}

function combine(path: string, borders: BorderOutcome[], missing: string): MatrixCell {
  const counts = noCounts();
  for (const border of borders)
    for (const kind of Object.keys(counts) as (keyof Counts)[]) counts[kind] += border.counts[kind];
  const status = precedence.find((kind) => borders.some((border) => border.status === kind))!;
  const reasons = borders.flatMap(({ info, status: side, cases }) => [
    ...(side === 'impossible' ? [info.impossible!] : []),
    ...(side === 'not-run' && cases.length === 0 ? [missing] : []),
    ...cases.flatMap(({ reason }) => (reason === undefined ? [] : [reason])),
    ...cases.flatMap(({ unjudged }) => (unjudged === undefined ? [] : [`not judged in part: ${unjudged}`])),
  ]);
  const inPart =
    counts['not-run'] > 0 ||
    borders.some(
      (border) => border.status === 'not-run' || border.cases.some(({ unjudged }) => unjudged !== undefined),
    );
  return { path, status, partial: status === 'conforms' && inPart, counts, reasons: unique(reasons), borders };
}

/** All cells of the matrix, row by row. */
export function matrixCells(matrix: Matrix): { row: MatrixRow; cell: MatrixCell }[] {
  return matrix.groups.flatMap(({ rows }) =>
    rows.flatMap((row) => [...row.cells.values()].map((cell) => ({ row, cell }))),
  );
}

/** How many rule-by-path cells have each status. */
export function countStatuses(matrix: Matrix): Record<CellStatus, number> {
  const tally: Record<CellStatus, number> = {
    deviates: 0,
    lost: 0,
    expected: 0,
    conforms: 0,
    unspecified: 0,
    'not-run': 0,
    impossible: 0,
  };
  for (const { cell } of matrixCells(matrix)) tally[cell.status] += 1;
  return tally;
}

/** Cells that conform, and in which not everything was run or judged. */
export const countPartial = (matrix: Matrix): number => matrixCells(matrix).filter(({ cell }) => cell.partial).length;
