/**
 * Progress for people: one line that is rewritten on a terminal, a plain line now and then elsewhere. On stderr,
 * results go to stdout.
 */

/** Often enough to see that a log is alive, rarely enough to keep it readable. */
const PLAIN_INTERVAL_MS = 15_000;
const TERMINAL_INTERVAL_MS = 100;

export interface Progress {
  update(text: string): void;
  end(): void;
}

export function progressLine(stream: NodeJS.WriteStream = process.stderr): Progress {
  let lastMs = -Infinity;
  let shown = false;
  const interval = stream.isTTY ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS;
  return {
    update(text) {
      const now = performance.now();
      if (now - lastMs < interval) return;
      lastMs = now;
      if (stream.isTTY) {
        stream.write(`\r${text.slice(0, (stream.columns || 80) - 1)}\u001b[K`);
        shown = true;
      } else stream.write(`${text}\n`);
    },
    end() {
      if (shown) stream.write('\r\u001b[K');
    },
  };
}
