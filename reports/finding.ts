/** A finding as reports have it: with what is known of the smallest case, and in words. */
import { casesOf, deviationsOf, exampleOf, inPlaces, pathsOf, type Found } from '../model/finding/set.ts';
import type { CaseRecord, Minimised, ReliabilityCount } from '../model/results.ts';
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

/** What was found out about the example after the run. */
export type Examined = Pick<Finding, 'minimised' | 'notMinimised' | 'reliability' | 'file'>;

/** `examined`: what is known of its example. */
export function findingOf(found: Found<CaseRecord>, known: Examined = {}): Finding {
  const { example, rule } = exampleOf(found);
  return {
    ...found,
    rule,
    paths: pathsOf(found),
    cases: casesOf(found),
    example,
    deviations: deviationsOf(found),
    ...triesOf(rule, example),
    ...known,
  };
}

/** A case that took a guest down and was run again says itself how reliably it does so. */
function triesOf(rule: string, { crashes, tries }: CaseRecord): Pick<Finding, 'reliability'> {
  return rule.startsWith('kernel/') && crashes && tries !== undefined
    ? { reliability: { shown: crashes.length, of: tries } }
    : {};
}

/** The finding in some of its places; what is known of its smallest case only where that is among them. */
export function narrowed(finding: Finding, places: Finding['places']): Finding {
  const { minimised, notMinimised, reliability, file, ...found } = finding;
  const known: Examined = {
    ...(minimised && { minimised }),
    ...(notMinimised !== undefined && { notMinimised }),
    ...(reliability && { reliability }),
    ...(file !== undefined && { file }),
  };
  return findingOf(inPlaces<Found<CaseRecord>>(found, places), places.includes(exampleOf(finding)) ? known : {});
}

/** Of the cases of one cell; the whole finding where none is of it. */
export function inCell(finding: Finding, cell: string): Finding {
  const places = finding.places.filter((place) => place.cell === cell);
  return places.length > 0 ? narrowed(finding, places) : finding;
}

/** `shows in 5 of 5 replays`; undefined: it was not replayed. */
export const reliabilityText = ({ reliability }: Pick<Finding, 'reliability'>): string | undefined =>
  reliability &&
  `shows in ${reliability.shown} of ${reliability.of} replays${isFlaky({ reliability }) ? ': flaky' : ''}`;

export const isFlaky = ({ reliability }: Pick<Finding, 'reliability'>): boolean =>
  reliability !== undefined && reliability.shown < reliability.of;

/** As small as it gets. */
export const isSmall = ({ minimised }: Pick<Finding, 'minimised'>): boolean => minimised?.end === 'minimal';

/**
 * `minimised: no smaller form shows it (40 were run)`; undefined: it is a case as it was drawn, and nobody says why.
 */
export function minimisedText({
  minimised,
  notMinimised,
}: Pick<Finding, 'minimised' | 'notMinimised'>): string | undefined {
  if (!minimised) return notMinimised === undefined ? undefined : `not minimised: ${notMinimised}`;
  return {
    minimal: `minimised: no smaller form shows it (${minimised.tried} were run)`,
    interrupted: `minimising was interrupted after ${minimised.tried} forms`,
    'out-of-time': `minimising ran out of time after ${minimised.tried} forms`,
  }[minimised.end];
}

/** Both of these, as the end of a sentence about the example. */
export const exampleFacts = (finding: Finding): string =>
  [minimisedText(finding), reliabilityText(finding)]
    .filter((text) => text !== undefined)
    .map((text) => `; ${text}`)
    .join('');

/** Where it shows: `read half: fiemap, seek-data; write half: fiemap`. */
export function placesText({ places }: Finding): string {
  const halves = new Map<string, Set<string>>();
  for (const { half, path } of places) halves.set(half ?? '', (halves.get(half ?? '') ?? new Set()).add(path));
  return [...halves]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([half, paths]) => `${half && `${half} half: `}${[...paths].sort().join(', ')}`)
    .join('; ');
}

/** `12 cases in 3 cells`. */
export function extentText({ cases, places, ofRun }: Finding): string {
  if (ofRun) return 'no case of the run shows it';
  const cells = new Set(places.flatMap(({ cell }) => cell ?? [])).size;
  return `${plural(cases.length, 'case')}${cells > 1 ? ` in ${cells} cells` : ''}`;
}

/** The smallest case, and what is known of it: `1a2b3c4d5e6f7a8b: fiemap at 0x1000; shows in 5 of 5 replays`. */
export const exampleText = (finding: Finding): string => {
  const {
    example: { case: value, hash, note },
    ofRun,
  } = finding;
  return `${ofRun && value === undefined ? '' : `${hash.slice(0, 16)}: `}${note}${exampleFacts(finding)}`;
};
