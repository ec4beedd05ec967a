/** What deviates in a run of cells: the smallest case of each rule in each cell. */
import type { CaseRecord, CellInfo } from '../model/results.ts';
import type { Deviation } from '../model/verdict.ts';
import { primaryDeviations } from './fuzz/findings.ts';

export interface FoundInCell {
  rule: string;
  path: string;
  record: CaseRecord;
  /** Those from `rule`. */
  deviations: readonly Deviation[];
}

export class FoundInCells {
  readonly #found = new Map<string, Omit<FoundInCell, 'path'>>();

  add(record: CaseRecord): void {
    if (record.verdict.kind !== 'deviates') return;
    const { deviations } = record.verdict;
    for (const { rule } of primaryDeviations(deviations)) {
      const key = `${record.cell} ${rule}`;
      const known = this.#found.get(key);
      if (known && sizeOf(known.record) <= sizeOf(record)) continue;
      this.#found.set(key, { rule, record, deviations: deviations.filter((one) => one.rule === rule) });
    }
  }

  /** One of each rule first, so that what is examined before the time is over says as much as it can. */
  all(cells: readonly CellInfo[]): FoundInCell[] {
    const paths = new Map(cells.map(({ id, path }) => [id, path]));
    const seen = new Map<string, number>();
    return [...this.#found.values()].map((found) => {
      const rank = seen.get(found.rule) ?? 0;
      seen.set(found.rule, rank + 1);
      return { rank, found: { ...found, path: paths.get(found.record.cell ?? '') ?? '' } };
    }).sort((a, b) => a.rank - b.rank).map(({ found }) => found);
  }
}

const sizeOf = ({ case: value }: CaseRecord): number => {
  const { workload = [], script = [] } = value ?? {};
  return (workload.length + script.length) * 1e6 + JSON.stringify(value ?? '').length;
};
