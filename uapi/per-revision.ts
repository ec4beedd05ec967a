/** Tables that follow from the facts of a revision. */
import type { Revision } from './revision.ts';

/** `make`, called once for each revision. */
export function perRevision<T>(make: (revision: Revision) => T): (revision: Revision) => T {
  const tables = new WeakMap<Revision, { table: T }>();
  return (revision) => {
    let known = tables.get(revision);
    if (!known) tables.set(revision, (known = { table: make(revision) }));
    return known.table;
  };
}
