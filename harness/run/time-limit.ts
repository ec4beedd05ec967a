/** The longest time that a timer of Node's takes; longer ones would be over at once. */
const mostMs = 2 ** 31 - 1;

/**
 * A signal that aborts after `limitMs` milliseconds. AbortSignal.timeout would be the obvious way, but Node 20 lets the
 * garbage collector take one that only AbortSignal.any knows, and then it never aborts:
 * https://github.com/nodejs/node/issues/54614. A timer keeps this one.
 */
export function timeLimit(limitMs: number): AbortSignal {
  const controller = new AbortController();
  setTimeout(
    () => {
      controller.abort();
    },
    Math.min(mostMs, Math.max(1, Math.ceil(limitMs))),
  ).unref();
  return controller.signal;
}
