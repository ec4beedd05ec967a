/** Disjoint ranges [start, end) of a file in ascending order; bytes. Values, never changed in place. */
export interface Range {
  readonly start: bigint;
  readonly end: bigint;
}
export type Ranges = readonly Range[];

export const removed = (from: Ranges, { start, end }: Range): Ranges =>
  from.flatMap((range) =>
    range.end <= start || range.start >= end
      ? [range]
      : [
          { start: range.start, end: start },
          { start: end, end: range.end },
        ].filter((rest) => rest.start < rest.end),
  );

const added = (to: Ranges, range: Range): Ranges => {
  if (range.start >= range.end) return to;
  const sorted = [...removed(to, range), range].sort((a, b) => (a.start < b.start ? -1 : 1));
  return sorted.reduce<Range[]>((out, next) => {
    const last = out.at(-1);
    if (last && last.end >= next.start)
      out[out.length - 1] = { start: last.start, end: next.end > last.end ? next.end : last.end };
    else out.push(next);
    return out;
  }, []);
};

/** The parts of `ranges` inside [start, end). */
export const within = (ranges: Ranges, { start, end }: Range): Ranges =>
  ranges
    .filter((range) => range.end > start && range.start < end)
    .map((range) => ({ start: range.start > start ? range.start : start, end: range.end < end ? range.end : end }));

/** The parts of `ranges` that are in none of `others`. */
export const outside = (ranges: Ranges, others: Ranges): Ranges => others.reduce(removed, ranges);

/** The range that holds `position`. */
export const holding = (ranges: Ranges, position: bigint): Range | undefined =>
  ranges.find((range) => range.start <= position && position < range.end);

export const union = (a: Ranges, b: Ranges): Ranges => b.reduce(added, a);
