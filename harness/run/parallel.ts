/** Several generators at once, as one. */

/**
 * What any of `sources` yields, as it comes. When one throws, or the consumer ends early, all are ended before that
 * goes on.
 */
export async function* merged<T>(sources: readonly AsyncGenerator<T>[]): AsyncGenerator<T> {
  const waiting = new Map(sources.map((source) => [source, next(source)]));
  try {
    while (waiting.size > 0) {
      const { source, result } = await Promise.race(waiting.values());
      if (result.done) {
        waiting.delete(source);
        continue;
      }
      waiting.set(source, next(source));
      yield result.value;
    }
  } finally {
    await Promise.allSettled(waiting.values());
    await Promise.allSettled(sources.map((source) => source.return(undefined)));
  }
}

function next<T>(source: AsyncGenerator<T>): Promise<{ source: AsyncGenerator<T>; result: IteratorResult<T> }> {
  const result = source.next().then((value) => ({ source, result: value }));
  // It may fail while the consumer is busy with a value, before anybody waits for it.
  result.catch(() => undefined);
  return result;
}

/** Runs `items` in `jobs` workers at once, a few pieces each; the order of `items` stays within a piece. */
export function shared<T, R>(
  items: readonly T[],
  jobs: number,
  work: (pieces: T[][]) => AsyncGenerator<R>,
): AsyncGenerator<R> {
  // One worker takes all, so that it never waits between pieces.
  const size = Math.ceil(items.length / (jobs === 1 ? 1 : jobs * 3));
  const pieces: T[][] = [];
  for (let at = 0; at < items.length; at += size) pieces.push(items.slice(at, at + size));
  return merged(Array.from({ length: jobs }, () => work(pieces)));
}
