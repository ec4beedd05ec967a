/** Findings as reports have them: with what is known of the smallest case, and in words. */
import { causesOf } from '../model/finding/cause.ts';
import { casesOf, deviationsOf, exampleOf, FindingSet, inPlaces, pathsOf, type Found, type Sighting } from '../model/finding/set.ts';
import { incidentFinding, incidentSeen, seenOutside } from './incident-finding.ts';
import { SEVERITIES } from '../model/finding/severity.ts';
import { caseSize } from '../model/finding/size.ts';
import type { CaseRecord, CellInfo, FindingRecord, Incident, Minimised, ReliabilityCount } from '../model/results.ts';
import type { Deviation } from '../model/verdict.ts';
import { plural } from './text.ts';

export interface Finding extends Found<CaseRecord> {
  /** The rule that the example contradicts. */
  rule: string;
  paths: string[];
  /** Positions (`n`) of the cases that show it. */
  cases: number[];
  /** The smallest of them. */
  example: CaseRecord;
  /** What deviates in the example: what is wrong first, then what says the same or follows from it. */
  deviations: Deviation[];
  /** How the example became so small. */
  minimised?: Minimised;
  /** Why nobody tried. */
  notMinimised?: string;
  /** In how many replays the example showed the same; absent: it was not replayed. */
  reliability?: ReliabilityCount;
  /** Its case file in the results directory. */
  file?: string;
  /** No case shows it: it belongs to the run. */
  ofRun?: true;
}

type Known = Pick<Finding, 'minimised' | 'notMinimised' | 'reliability' | 'file'>;

/** Collects findings while records stream by; keeps one whole record for each place of a finding. */
export class FindingCollector {
  readonly #set = new FindingSet<CaseRecord>();
  readonly #examined: FindingRecord[] = [];
  /** By key; `times`: at how many moments it was seen. */
  readonly #incidents = new Map<string, { finding: Finding; times: number }>();

  add(record: CaseRecord, cell: CellInfo | undefined): void {
    if (record.verdict.kind !== 'deviates') return;
    this.#set.add({ n: record.n, example: record, size: sizeOf(record), case: record.case, cell }, record.verdict.deviations);
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

  /** Severe ones first, then in the order of `cells` (plan order). What did not show in every replay comes last: a reader with little time begins with what is certain. */
  finish(cells: readonly CellInfo[]): Finding[] {
    const order = new Map(cells.map(({ rule }, index) => [rule, index] as const).reverse());
    const rank = ({ rule }: Finding): number => order.get(rule) ?? cells.length;
    const severities = new Map<string, number>();
    const found = this.#set.all();
    // What a case of the run shows as well is told with that case.
    const incidents = [...this.#incidents.values()].filter(({ finding }) => !found.some((one) => one.key === finding.key)).map(incidentSeen);
    for (const { severity } of [...incidents].sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity))) severities.set(severity, severities.get(severity) ?? severities.size);
    for (const { severity } of found) severities.set(severity, severities.get(severity) ?? severities.size);
    const inCases = this.#withExamined(found).map((one) => {
      const incident = this.#incidents.get(one.key);
      return incident ? seenOutside(one, incident.finding) : one;
    });
    return [...incidents, ...inCases]
      .sort((a, b) => Number(isFlaky(a)) - Number(isFlaky(b)) || severities.get(a.severity)! - severities.get(b.severity)! || rank(a) - rank(b) || (a.key < b.key ? -1 : 1));
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
      const record = best.get(one.id) ?? one.places.map(({ deviation, follows }) => causesOf([deviation, ...follows])[0]).map((cause) => cause && best.get(cause.id)).find((known) => known !== undefined);
      return record ? withSmallest(one, record) : findingOf(one);
    });
  }
}

/** Results of older versions do not say which finding they belong to. */
const idsOf = ({ id, example: { verdict } }: FindingRecord): string[] =>
  (id !== undefined ? [id] : verdict.kind === 'deviates' ? causesOf(verdict.deviations).map((cause) => cause.id) : []);

/** The place that the smallest case was made from has it as its example. */
function withSmallest(found: Found<CaseRecord>, { example, minimised, notMinimised, reliability, file }: FindingRecord): Finding {
  const cause = example.verdict.kind === 'deviates' ? causesOf(example.verdict.deviations).find(({ id, general }) => [id, ...general.map((wider) => wider.id)].includes(found.id)) : undefined;
  const origin = found.places.find(({ cell, cases }) => cell === example.cell && cases.includes(example.n)) ?? exampleOf(found);
  const known: Known = { ...(minimised && { minimised }), ...(notMinimised !== undefined && { notMinimised }), ...(reliability && { reliability }), file };
  if (!cause) return findingOf(found, known);
  const smallest: Sighting<CaseRecord> = { ...origin, n: example.n, example, size: Math.min(sizeOf(example), exampleOf(found).size - 1), deviation: cause.deviation, follows: cause.follows };
  return findingOf(inPlaces(found, found.places.map((place) => (place === origin ? smallest : place))), known);
}

function findingOf(found: Found<CaseRecord>, known: Known = {}): Finding {
  const { example, rule } = exampleOf(found);
  return { ...found, rule, paths: pathsOf(found), cases: casesOf(found), example, deviations: deviationsOf(found), ...triesOf(rule, example), ...known };
}

/** A case that took a guest down and was run again says itself how reliably it does so. */
function triesOf(rule: string, { crashes, tries }: CaseRecord): Pick<Finding, 'reliability'> {
  return rule.startsWith('kernel/') && crashes && tries !== undefined ? { reliability: { shown: crashes.length, of: tries } } : {};
}

/** The finding in some of its places; what is known of its smallest case only where that is among them. */
export function narrowed(finding: Finding, places: Finding['places']): Finding {
  const { minimised, notMinimised, reliability, file, ...found } = finding;
  const known: Known = { ...(minimised && { minimised }), ...(notMinimised !== undefined && { notMinimised }), ...(reliability && { reliability }), ...(file !== undefined && { file }) };
  return findingOf(inPlaces<Found<CaseRecord>>(found, places), places.includes(exampleOf(finding)) ? known : {});
}

/** Of the cases of one cell; the whole finding where none is of it. */
export function inCell(finding: Finding, cell: string): Finding {
  const places = finding.places.filter((place) => place.cell === cell);
  return places.length > 0 ? narrowed(finding, places) : finding;
}

/** `shows in 5 of 5 replays`; undefined: it was not replayed. */
export const reliabilityText = ({ reliability }: Pick<Finding, 'reliability'>): string | undefined =>
  reliability && `shows in ${reliability.shown} of ${reliability.of} replays${isFlaky({ reliability }) ? ': flaky' : ''}`;

export const isFlaky = ({ reliability }: Pick<Finding, 'reliability'>): boolean => reliability !== undefined && reliability.shown < reliability.of;

/** As small as it gets. */
export const isSmall = ({ minimised }: Pick<Finding, 'minimised'>): boolean => minimised?.end === 'minimal';

/** `minimised: no smaller form shows it (40 were run)`; undefined: it is a case as it was drawn, and nobody says why. */
export function minimisedText({ minimised, notMinimised }: Pick<Finding, 'minimised' | 'notMinimised'>): string | undefined {
  if (!minimised) return notMinimised === undefined ? undefined : `not minimised: ${notMinimised}`;
  return {
    minimal: `minimised: no smaller form shows it (${minimised.tried} were run)`,
    interrupted: `minimising was interrupted after ${minimised.tried} forms`,
    'out-of-time': `minimising ran out of time after ${minimised.tried} forms`,
  }[minimised.end];
}

/** Both of these, as the end of a sentence about the example. */
export const exampleFacts = (finding: Finding): string => [minimisedText(finding), reliabilityText(finding)].filter((text) => text !== undefined).map((text) => `; ${text}`).join('');

/** Where it shows: `read half: fiemap, seek-data; write half: fiemap`. */
export function placesText({ places }: Finding): string {
  const halves = new Map<string, Set<string>>();
  for (const { half, path } of places) halves.set(half ?? '', (halves.get(half ?? '') ?? new Set()).add(path));
  return [...halves].sort(([a], [b]) => (a < b ? -1 : 1)).map(([half, paths]) => `${half && `${half} half: `}${[...paths].sort().join(', ')}`).join('; ');
}

/** `12 cases in 3 cells`. */
export function extentText({ cases, places, ofRun }: Finding): string {
  if (ofRun) return 'no case of the run shows it';
  const cells = new Set(places.flatMap(({ cell }) => cell ?? [])).size;
  return `${plural(cases.length, 'case')}${cells > 1 ? ` in ${cells} cells` : ''}`;
}

/** The smallest case, and what is known of it: `1a2b3c4d5e6f7a8b: fiemap at 0x1000; shows in 5 of 5 replays`. */
export const exampleText = (finding: Finding): string => {
  const { example: { case: value, hash, note }, ofRun } = finding;
  return `${ofRun && value === undefined ? '' : `${hash.slice(0, 16)}: `}${note}${exampleFacts(finding)}`;
};

/** Records without their case come last. */
const sizeOf = (record: CaseRecord): number => caseSize(record.case as Parameters<typeof caseSize>[0]);
