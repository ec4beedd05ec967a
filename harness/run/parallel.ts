/** Several generators at once, as one. */

/** What any of `sources` yields, as it comes. When one throws, or the consumer ends early, all are ended before that goes on. */
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
