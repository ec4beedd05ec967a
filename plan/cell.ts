/** A cell of the conformance matrix: a rule or behaviour on a path, with one side of its border. */
import fc from 'fast-check';
import type { PlannedCase } from '../generators/reply-case.ts';
import { ruleLabel } from '../model/rule-label.ts';
import type { CellInfo } from '../model/run-summary.ts';
import type { ClauseId } from '../oracles/rules/rule-id.ts';

export type Border = NonNullable<CellInfo['border']>;

export const borders: readonly Border[] = ['violating', 'legal'];

/** A cell of the plan; `Rule` is wider where cells are read from files. */
export interface PlanCell<Rule extends string = ClauseId> extends CellInfo {
  rule: Rule;
  /** Draws the cell's cases; absent exactly when the cell is impossible. */
  cases?: fc.Arbitrary<PlannedCase>;
  /**
   * The kinds of situation that make up the cell, where a case of one of them shows nothing about the others: a run has
   * one of each at least.
   */
  kinds?: readonly fc.Arbitrary<PlannedCase>[];
  /**
   * What the rules must make of a case of this cell besides a verdict: the rule refuses in every case (`violating`) or
   * in none (`legal`). Absent: no rule is at stake. In the form of `rulesReached`.
   */
  reaches?: string;
}

export interface CellKey {
  rule: ClauseId;
  half?: 'read' | 'write';
  path: string;
  border?: Border;
}

/** `map/length-nonzero@read direct-read violating`. Rules of begin/* name their half themselves. */
export const cellId = ({ rule, half, path, border }: Omit<CellKey, 'rule'> & { rule: string }): string =>
  [ruleLabel({ rule, half }), path, border].filter((part) => part !== undefined).join(' ');

export const possible = (key: CellKey, cases: fc.Arbitrary<PlannedCase>): PlanCell => {
  const id = cellId(key);
  return {
    ...key,
    id,
    cases: cases.map((planned) => ({
      ...planned,
      case: { ...planned.case, provenance: { origin: `conformance ${id}` } },
    })),
  };
};

/** A cell of several kinds of situation. */
export const possibleKinds = (key: CellKey, kinds: readonly fc.Arbitrary<PlannedCase>[]): PlanCell =>
  ofKinds(kinds.map((cases) => possible(key, cases)));

/** One cell of cells for the same place that are kinds of it. */
export function ofKinds(cells: readonly PlanCell[]): PlanCell {
  const [first] = cells;
  const kinds = cells.flatMap(({ cases }) => cases ?? []);
  return kinds.length === 0 ? first! : { ...first!, cases: fc.oneof(...kinds), kinds };
}

export const impossible = (key: CellKey, reason: string): PlanCell => ({ ...key, id: cellId(key), impossible: reason });

/**
 * The cases of a cell: `runs` of them, or one of each kind where that is more; the same for the same seed and version.
 * Seeds of different cells are independent.
 */
export function casesOf(cell: PlanCell<string>, { seed, runs }: { seed: number; runs: number }): PlannedCase[] {
  if (!cell.cases) return [];
  const drawSeed = cellSeed(cell.id, seed);
  const { kinds } = cell;
  const drawn = kinds
    ? Array.from(
        { length: casesIn(cell, runs) },
        (_, n) => fc.sample(kinds[n % kinds.length]!, { seed: drawSeed + n, numRuns: 1 })[0]!,
      )
    : fc.sample(cell.cases, { seed: drawSeed, numRuns: runs });
  return drawn.map((planned) => ({
    ...planned,
    case: { ...planned.case, provenance: { origin: `conformance ${cell.id}`, seed } },
  }));
}

/** How many cases a cell has in a run of `runs` per cell; none of it: none. */
export const casesIn = ({ kinds }: PlanCell<string>, runs: number): number =>
  runs === 0 ? 0 : Math.max(runs, kinds?.length ?? 0);

/** 32-bit FNV-1a over the id, so that cells drawn from one seed do not repeat each other's surroundings. */
function cellSeed(id: string, seed: number): number {
  let hash = 0x811c_9dc5 ^ seed;
  for (const char of id) hash = Math.imul(hash ^ char.charCodeAt(0), 0x0100_0193);
  return hash | 0;
}
