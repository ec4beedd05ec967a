/** The findings of a run, as its records stream by. */
import { causesOf } from '../model/finding/cause.ts';
import { exampleOf, FindingSet, inPlaces, type Found, type Sighting } from '../model/finding/set.ts';
import { bySeverity } from '../model/finding/severity.ts';
import { caseSize } from '../model/finding/size.ts';
import type { CaseRecord, FindingRecord } from '../model/results.ts';
import type { CellInfo, Incident } from '../model/run-summary.ts';
import { findingOf, isFlaky, type Examined, type Finding } from './finding.ts';
import { incidentFinding, incidentSeen, seenOutside } from './incident-finding.ts';

/** Collects findings while records stream by; keeps one whole record for each place of a finding. */
export class FindingCollector {
  readonly #set = new FindingSet<CaseRecord>();
  readonly #examined: FindingRecord[] = [];
  /** By key; `times`: at how many moments it was seen. */
  readonly #incidents = new Map<string, { finding: Finding; times: number }>();

  add(record: CaseRecord, cell: CellInfo | undefined): void {
    if (record.verdict.kind !== 'deviates') return;
    this.#set.add(
      { n: record.n, example: record, size: sizeOf(record), case: record.case, cell },
      record.verdict.deviations,
    );
  }

  /** What no case of the run shows. */
  addIncident(incident: Incident, seed: number): void {
    const one = incidentFinding(incident, seed);
    const known = this.#incidents.get(one.key);
    if (known) known.times += 1;
    else this.#incidents.set(one.key, { finding: one, times: 1 });
  }

  /** The smallest case of a finding, and what is known of it. Where there are several, the smallest counts. */
  examined(record: FindingRecord): void {
    if (record.example.verdict.kind === 'deviates') this.#examined.push(record);
  }

  /**
   * Severe ones first, then in the order of `cells` (plan order). What did not show in every replay comes last: a
   * reader with little time begins with what is certain.
   */
  finish(cells: readonly CellInfo[]): Finding[] {
    const order = new Map(cells.map(({ rule }, index) => [rule, index] as const).reverse());
    const rank = ({ rule }: Finding): number => order.get(rule) ?? cells.length;
    const severities = new Map<string, number>();
    const found = this.#set.all();
    // What a case of the run shows as well is told with that case.
    const incidents = [...this.#incidents.values()]
      .filter(({ finding }) => !found.some((one) => one.key === finding.key))
      .map(incidentSeen);
    for (const { severity } of [...incidents].sort(bySeverity))
      severities.set(severity, severities.get(severity) ?? severities.size);
    for (const { severity } of found) severities.set(severity, severities.get(severity) ?? severities.size);
    const inCases = this.#withExamined(found).map((one) => {
      const incident = this.#incidents.get(one.key);
      return incident ? seenOutside(one, incident.finding) : one;
    });
    return [...incidents, ...inCases].sort(
      (a, b) =>
        Number(isFlaky(a)) - Number(isFlaky(b)) ||
        severities.get(a.severity)! - severities.get(b.severity)! ||
        rank(a) - rank(b) ||
        (a.key < b.key ? -1 : 1),
    );
  }

  #withExamined(found: Found<CaseRecord>[]): Finding[] {
    const best = new Map<string, FindingRecord>();
    for (const record of this.#examined) {
      for (const id of idsOf(record)) {
        const known = best.get(id);
        if (!known || sizeOf(record.example) < sizeOf(known.example)) best.set(id, record);
      }
    }
    return found.map((one) => {
      const record =
        best.get(one.id) ??
        one.places
          .map(({ deviation, follows }) => causesOf([deviation, ...follows])[0])
          .map((cause) => cause && best.get(cause.id))
          .find((known) => known !== undefined);
      return record ? withSmallest(one, record) : findingOf(one);
    });
  }
}

/** Results of older versions do not say which finding they belong to. */
const idsOf = ({ id, example: { verdict } }: FindingRecord): string[] =>
  id !== undefined ? [id] : verdict.kind === 'deviates' ? causesOf(verdict.deviations).map((cause) => cause.id) : [];

/** The place that the smallest case was made from has it as its example. */
function withSmallest(
  found: Found<CaseRecord>,
  { example, minimised, notMinimised, reliability, file }: FindingRecord,
): Finding {
  const cause =
    example.verdict.kind === 'deviates'
      ? causesOf(example.verdict.deviations).find(({ id, general }) =>
          [id, ...general.map((wider) => wider.id)].includes(found.id),
        )
      : undefined;
  const origin =
    found.places.find(({ cell, cases }) => cell === example.cell && cases.includes(example.n)) ?? exampleOf(found);
  const known: Examined = {
    ...(minimised && { minimised }),
    ...(notMinimised !== undefined && { notMinimised }),
    ...(reliability && { reliability }),
    file,
  };
  if (!cause) return findingOf(found, known);
  const smallest: Sighting<CaseRecord> = {
    ...origin,
    n: example.n,
    example,
    size: Math.min(sizeOf(example), exampleOf(found).size - 1),
    deviation: cause.deviation,
    follows: cause.follows,
  };
  return findingOf(
    inPlaces(
      found,
      found.places.map((place) => (place === origin ? smallest : place)),
    ),
    known,
  );
}

/** Records without their case come last. */
const sizeOf = (record: CaseRecord): number => caseSize(record.case);
