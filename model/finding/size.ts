/**
 * How much there is to read in a case, encoded or not: fewest syscalls, replies and files first, then the shortest
 * text. Without a case: more than any.
 */
export function caseSize(
  value:
    | { workload?: readonly unknown[]; script?: readonly unknown[]; geometry?: { files?: readonly unknown[] } }
    | undefined,
): number {
  if (!value) return Number.MAX_SAFE_INTEGER;
  const { workload = [], script = [], geometry } = value;
  const text = JSON.stringify([workload, script, geometry], (_, one: unknown) =>
    typeof one === 'bigint' ? one.toString(16) : one,
  );
  return (workload.length + script.length + (geometry?.files?.length ?? 0)) * 1e6 + text.length;
}
