/**
 * Findings of a run: one for each cause, however many rules, paths and cases show it. Keeps the smallest example of
 * each place.
 */
import type { Case } from '../case.ts';
import { pathOfCase, pathOfStep } from '../places.ts';
import type { CellInfo } from '../run-summary.ts';
import type { Deviation } from '../verdict.ts';
import { causesOf, type Cause } from './cause.ts';
import { bySeverity, severityOf, type Severity } from './severity.ts';
import { titleOf } from './title.ts';

/** Where a finding shows: a path, and in the plan the cell. */
export interface Place {
  /** The rule that is contradicted there. */
  rule: string;
  path: string;
  cell?: string;
  /** Of the cell, where it was made for the rule. */
  half?: 'read' | 'write';
  border?: 'violating' | 'legal';
}

export interface Sighting<E> extends Place {
  /** Numbers of the cases that show it there, ascending. */
  cases: number[];
  /** The smallest of them, and its number; `size` as of `caseSize`. */
  n: number;
  example: E;
  size: number;
  /** What is wrong in the example, and what follows from it or says the same. */
  deviation: Deviation;
  follows: readonly Deviation[];
}

export interface Found<E> {
  /** Stands for `key`: eight hexadecimal digits, the same in every run and on every machine. */
  id: string;
  /** What is wrong, without what was drawn. */
  key: string;
  /** What is wrong in the example, for people. */
  title: string;
  severity: Severity;
  /** At least one, the smallest example first. */
  places: readonly Sighting<E>[];
}

/** What a finding is taken from. */
export interface Showing<E> {
  n: number;
  example: E;
  size: number;
  /** Undefined, or of a newer schema: the path is not known. */
  case?: unknown;
  /** The cell of the plan that the case was drawn for. */
  cell?: CellInfo | undefined;
}

export const exampleOf = <E>({ places: [first] }: Pick<Found<E>, 'places'>): Sighting<E> => first!;
export const pathsOf = ({ places }: { places: readonly Place[] }): string[] => [
  ...new Set(places.map(({ path }) => path)),
];
export const cellsOf = ({ places }: { places: readonly Place[] }): string[] => [
  ...new Set(places.flatMap(({ cell }) => cell ?? [])),
];
/** Ids of all findings that became this one, its own first. */
export const idsOf = ({ id, places }: Pick<Found<unknown>, 'id' | 'places'>): string[] => [
  ...new Set([
    id,
    ...places.flatMap(({ deviation, follows }) =>
      causesOf([deviation, ...follows])
        .slice(0, 1)
        .map((cause) => cause.id),
    ),
  ]),
];
/** Ascending, each once. */
export const casesOf = ({ places }: { places: readonly { cases: readonly number[] }[] }): number[] =>
  [...new Set(places.flatMap(({ cases }) => cases))].sort((a, b) => a - b);
/** Its deviations in the example. */
export const deviationsOf = (found: Pick<Found<unknown>, 'places'>): Deviation[] => [
  exampleOf(found).deviation,
  ...exampleOf(found).follows,
];

/** The same finding in some of its places. */
export function inPlaces<F extends Found<unknown>>(found: F, places: F['places']): F {
  const sorted = [...places].sort((a, b) => a.size - b.size || a.n - b.n);
  const [{ deviation, path }] = sorted as [Sighting<unknown>];
  return { ...found, places: sorted, title: titleOf(deviation, path) };
}

/** So many findings that a wider one could take in are one, also where the wider one was not found by itself. */
const MANY = 3;

export class FindingSet<E> {
  readonly #found = new Map<string, { cause: Cause; places: Map<string, Sighting<E>> }>();

  get size(): number {
    return this.#found.size;
  }

  /** Takes a case that deviates; returns what was not found before. */
  add(shown: Showing<E>, deviations: readonly Deviation[]): Found<E>[] {
    const fresh: Found<E>[] = [];
    for (const cause of causesOf(deviations)) {
      let known = this.#found.get(cause.key);
      const isNew = known === undefined;
      known ??= { cause, places: new Map() };
      this.#found.set(cause.key, known);
      see(known.places, placeOf(shown, cause), shown, cause);
      if (isNew) fresh.push(asFound(known.cause, [...known.places.values()]));
    }
    return fresh;
  }

  /** Undefined: there is none, or it has become a part of a wider one. */
  get(id: string): Found<E> | undefined {
    const [known] = [...this.#found.values()].filter(({ cause }) => cause.id === id);
    return known && this.#widerThan(known.cause, this.#parts()) === undefined
      ? asFound(known.cause, [...known.places.values()])
      : undefined;
  }

  /** How many findings could become a part of each wider one. */
  #parts(): Map<string, number> {
    const parts = new Map<string, number>();
    for (const {
      cause: { general },
    } of this.#found.values())
      for (const { key } of general) parts.set(key, (parts.get(key) ?? 0) + 1);
    return parts;
  }

  #widerThan({ key: own, general }: Cause, parts: ReadonlyMap<string, number>): Cause['general'][number] | undefined {
    const wider = general.find(({ key }) => this.#found.has(key)) ?? general.find(({ key }) => parts.get(key)! >= MANY);
    const found = wider && this.#found.get(wider.key)?.cause;
    // The wider one may itself be a part.
    return (found && found.key !== own ? this.#widerThan(found, parts) : undefined) ?? wider;
  }

  /** Severe ones first, then by key: the same for any order in which the cases came. */
  all(): Found<E>[] {
    const merged = new Map<string, { cause: Pick<Cause, 'id' | 'key'>; places: Sighting<E>[] }>();
    const parts = this.#parts();
    for (const { cause, places } of this.#found.values()) {
      const into = this.#widerThan(cause, parts) ?? cause;
      const entry = merged.get(into.key) ?? { cause: into, places: [] };
      merged.set(into.key, entry);
      entry.places.push(...places.values());
    }
    return [...merged.values()]
      .map(({ cause, places }) => asFound(cause, together(places)))
      .sort((a, b) => bySeverity(a, b) || (a.key < b.key ? -1 : 1));
  }
}

const keyOfPlace = ({ rule, path, cell, half, border }: Place): string => [rule, path, cell, half, border].join(' ');

function see<E>(
  places: Map<string, Sighting<E>>,
  place: Place,
  { n, example, size }: Showing<E>,
  { deviation, follows }: Cause,
): void {
  const key = keyOfPlace(place);
  const known = places.get(key);
  if (!known) {
    places.set(key, { ...place, cases: [n], n, example, size, deviation, follows });
    return;
  }
  known.cases.push(n);
  if (size < known.size || (size === known.size && n < known.n))
    Object.assign(known, { n, example, size, deviation, follows });
}

function asFound<E>({ id, key }: Pick<Cause, 'id' | 'key'>, places: Sighting<E>[]): Found<E> {
  const sorted = places.map((place) => ({ ...place, cases: [...place.cases].sort((a, b) => a - b) }));
  const [{ severity }] = sorted.map(({ deviation }) => ({ severity: severityOf(deviation) })).sort(bySeverity) as [
    { severity: Severity },
  ];
  return inPlaces({ id, key, title: '', severity, places: sorted }, sorted);
}

/** Places of findings that became one may be the same. */
function together<E>(all: readonly Sighting<E>[]): Sighting<E>[] {
  const places = new Map<string, Sighting<E>>();
  for (const one of all) {
    const known = places.get(keyOfPlace(one));
    const smaller = known && known.size <= one.size ? known : one;
    places.set(keyOfPlace(one), { ...smaller, cases: [...new Set([...(known?.cases ?? []), ...one.cases])] });
  }
  return [...places.values()];
}

function placeOf(
  { case: value, cell }: Pick<Showing<unknown>, 'case' | 'cell'>,
  { deviation: { rule, step } }: Cause,
): Place {
  if (!cell) return { rule, path: pathOf(value, step) };
  const isItsRule = cell.rule === rule;
  return {
    rule,
    path: cell.path,
    cell: cell.id,
    ...(isItsRule && cell.half && { half: cell.half }),
    ...(isItsRule && cell.border && { border: cell.border }),
  };
}

function pathOf(value: unknown, step: number | undefined): string {
  if (!value) return 'case';
  try {
    // An encoded case has the fields that are looked at, too.
    return step === undefined ? pathOfCase(value as Case) : pathOfStep(value as Case, step);
  } catch {
    return 'case';
  }
}
