/**
 * How much there is to read in a case, encoded or not: fewest syscalls, replies and files first, then the shortest
 * text. Without a case: more than any.
 */
export function caseSize(value: unknown): number {
  if (typeof value !== 'object' || value === null) return Number.MAX_SAFE_INTEGER;
  const { workload, script, geometry } = value as { workload?: unknown; script?: unknown; geometry?: unknown };
  const { files } = (geometry ?? {}) as { files?: unknown };
  const text = JSON.stringify([workload ?? [], script ?? [], geometry], (_, one: unknown) =>
    typeof one === 'bigint' ? one.toString(16) : one,
  );
  return (lengthOf(workload) + lengthOf(script) + lengthOf(files)) * 1e6 + text.length;
}

/** What came out of a file may be anything. */
const lengthOf = (list: unknown): number => (Array.isArray(list) ? list.length : 0);
