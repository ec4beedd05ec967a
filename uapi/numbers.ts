/**
 * Numbers that a kernel's own header gives to what a revision has. A revision's rules stay; only the values that its
 * table holds are others.
 */
import { FUSE_MINOR_WITHOUT_IOMAP } from './fuse-flags.ts';
import { revisions, type Revision, type RevisionId } from './revision.ts';

/** The tables of a revision that hold one number a name. */
export const numberTables = [
  'opcodes',
  'notifications',
  'ioctls',
  'mappingTypes',
  'mappingFlags',
  'opFlags',
  'ioendFlags',
  'configFlags',
  'attrFlags',
  'backingTypes',
  'supportFlags',
] as const;
export type NumberTable = (typeof numberTables)[number];

/** As in a revision; a name that is not there keeps the number of the revision. */
export interface Numbers extends Readonly<Record<NumberTable, Readonly<Record<string, number>>>> {
  readonly initBit: number;
  readonly minor: number;
}

/** Those of a revision's own table. */
export function numbersOf(revision: Revision): Numbers {
  const { initBit, minor } = revision;
  const tables = Object.fromEntries(numberTables.map((table) => [table, { ...revision[table] }]));
  return { initBit, minor, ...(tables as Record<NumberTable, Record<string, number>>) };
}

/** By the JSON of the numbers: a guest is sent them anew with each batch, and tables are made of a revision once. */
const known = new Map<string, Revision>();
/** A process sees the numbers of one kernel, or of a few whose results it compares. */
const MOST_KNOWN = 64;

/** The revision of that name; with the numbers of a kernel where those are known. */
export function revisionWith(id: RevisionId, numbers: Numbers | undefined): Revision {
  const revision = revisions[id];
  if (numbers === undefined) return revision;
  const key = `${id} ${JSON.stringify(numbers)}`;
  let found = known.get(key);
  if (!found) {
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(key, (found = renumbered(revision, numbers)));
  }
  return found;
}

/** `revision` with other numbers for what it has: what it lacks it does not gain. */
function renumbered(revision: Revision, numbers: Numbers): Revision {
  const { initBit, minor } = numbers;
  const tables = Object.fromEntries(
    numberTables.map((table) => [
      table,
      Object.fromEntries(Object.entries(revision[table]).map(([name, value]) => [name, numbers[table][name] ?? value])),
    ]),
  ) as unknown as Pick<Revision, NumberTable>;
  // A header says which minor its kernel speaks, and not since which one a server may provide mappings.
  const refusedMinor = minor === revision.minor ? revision.refusedMinor : Math.min(FUSE_MINOR_WITHOUT_IOMAP, minor - 1);
  const next: Revision = { ...revision, ...tables, initBit, minor, refusedMinor };
  const isServers = ([, value]: [string, number]): boolean => (value & revision.serverFlagsMask) !== 0;
  const serverFlagsMask = Object.entries(revision.mappingFlags)
    .filter(isServers)
    .reduce((mask, [name]) => mask | (next.mappingFlags[name as keyof Revision['mappingFlags']] ?? 0), 0);
  return differences(revision, numbers).length === 0 ? revision : { ...next, serverFlagsMask };
}

export interface Difference {
  /** `INIT bit`, `minor`, or the table. */
  readonly what: 'initBit' | 'minor' | NumberTable;
  /** In the table; absent for the INIT bit and the minor. */
  readonly name?: string;
  readonly table: number;
  readonly kernel: number;
}

/** Where the numbers of a kernel are others than those of the revision's own table. */
export function differences(revision: Revision, numbers: Numbers): Difference[] {
  const single = (['initBit', 'minor'] as const).flatMap((what) =>
    revision[what] === numbers[what] ? [] : [{ what, table: revision[what], kernel: numbers[what] }],
  );
  const named = numberTables.flatMap((what) =>
    Object.entries(revision[what]).flatMap(([name, value]) => {
      const kernel = numbers[what][name] ?? value;
      return kernel === value ? [] : [{ what, name, table: value, kernel }];
    }),
  );
  return [...single, ...named];
}
