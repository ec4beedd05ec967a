/** How a campaign ends early: the first signal lets it stop in order, a second one ends the process. */

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Interruption {
  readonly signal: AbortSignal;
  /** Signals mean again what they meant before. */
  end(): void;
}

/** `onFirst` is told why, as `endedBy` of a summary says it. */
export function listenForInterruption(onFirst: (reason: string) => void): Interruption {
  const stop = new AbortController();
  const interrupt = (signal: NodeJS.Signals): void => {
    // A second signal ends the process at once; the watchdog then ends QEMU.
    if (stop.signal.aborted) process.exit(3);
    onFirst(`interrupted by ${signal}`);
    stop.abort();
  };
  for (const signal of signals) process.on(signal, interrupt);
  return {
    signal: stop.signal,
    end: () => {
      for (const signal of signals) process.off(signal, interrupt);
    },
  };
}
