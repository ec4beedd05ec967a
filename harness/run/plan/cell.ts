/** A cell of the conformance matrix: a rule or behaviour on a path, with one side of its border. */
import fc from 'fast-check';
import type { PlannedCase } from '../../../generators/reply-case.ts';
import type { CellInfo } from '../../model/results.ts';

export type Border = NonNullable<CellInfo['border']>;

export const borders: readonly Border[] = ['violating', 'legal'];

export interface PlanCell extends CellInfo {
  /** Draws the cell's cases; absent exactly when the cell is impossible. */
  cases?: fc.Arbitrary<PlannedCase>;
  /**
   * What the rules must make of a case of this cell besides a verdict: the rule refuses in every case (`violating`) or in none (`legal`).
   * Absent: no rule is at stake. In the form of `rulesReached`.
   */
  reaches?: string;
}

export interface CellKey {
  rule: string;
  half?: 'read' | 'write';
  path: string;
  border?: Border;
}

/** `map/length-nonzero@read direct-read violating`. Rules of begin/* name their half themselves. */
export const cellId = ({ rule, half, path, border }: CellKey): string =>
  [half && !rule.startsWith('begin/') ? `${rule}@${half}` : rule, path, border].filter((part) => part !== undefined).join(' ');

export const possible = (key: CellKey, cases: fc.Arbitrary<PlannedCase>): PlanCell => {
  const id = cellId(key);
  return { ...key, id, cases: cases.map((planned) => ({ ...planned, case: { ...planned.case, provenance: { origin: `conformance ${id}` } } })) };
};

export const impossible = (key: CellKey, reason: string): PlanCell => ({ ...key, id: cellId(key), impossible: reason });

/** The cases of a cell: `runs` of them, the same for the same seed and version. Seeds of different cells are independent. */
export function casesOf(cell: PlanCell, { seed, runs }: { seed: number; runs: number }): PlannedCase[] {
  if (!cell.cases) return [];
  return fc.sample(cell.cases, { seed: cellSeed(cell.id, seed), numRuns: runs }).map((planned) => ({
    ...planned, case: { ...planned.case, provenance: { origin: `conformance ${cell.id}`, seed } },
  }));
}

/** 32-bit FNV-1a over the id, so that cells drawn from one seed do not repeat each other's surroundings. */
export function cellSeed(id: string, seed: number): number {
  let hash = 0x811c_9dc5 ^ seed;
  for (const char of id) hash = Math.imul(hash ^ char.charCodeAt(0), 0x0100_0193);
  return hash | 0;
}
