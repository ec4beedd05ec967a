/** Says what a long job is doing: one line that is rewritten on a terminal, else a line now and then. */

export interface Progress {
  /** A step begins. Returns when it is said; the step ends with the next one. */
  step(text: string): void;
  /** How far the step is; cheap to call often. `expected` is an estimate, 0 when unknown. */
  at(done: number, expected: number, unit: string, detail?: string): void;
  /** Something that is worth a line of its own. */
  note(text: string): void;
  /** No more steps. */
  end(): void;
}

/** Where nobody looks at a moving line, one line in that time shows that the job is alive. */
const plainEveryMs = 15_000;
const terminalEveryMs = 200;

/** Progress on standard error, which leaves standard output to results. */
export function terminalProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  const terminal = stream.isTTY;
  let step = '';
  let startedMs = 0;
  let saidMs = 0;
  let dirty = false;
  const wipe = (): void => {
    if (dirty) stream.write('\r\x1b[K');
    dirty = false;
  };
  return {
    step(text) {
      wipe();
      step = text;
      startedMs = saidMs = performance.now();
      stream.write(`${text} ...\n`);
    },
    at(done, expected, unit, detail = '') {
      const nowMs = performance.now();
      if (nowMs - saidMs < (terminal ? terminalEveryMs : plainEveryMs)) return;
      saidMs = nowMs;
      const share = expected > 0 ? ` ${String(Math.min(99, Math.floor((100 * done) / expected)))}%` : '';
      const text = `${step}:${share} ${String(done)}${expected > 0 ? ` of about ${String(Math.max(done, expected))}` : ''} ${unit}, ${clock(nowMs - startedMs)}${detail === '' ? '' : `, ${detail}`}`;
      if (terminal) {
        stream.write(`\r${text.slice(0, (stream.columns || 80) - 1)}\x1b[K`);
        dirty = true;
      } else {
        stream.write(`${text}\n`);
      }
    },
    note(text) {
      wipe();
      stream.write(`${text}\n`);
    },
    end: wipe,
  };
}

/** For callers that want silence. */
export const noProgress: Progress = {
  step() {
    /* silent */
  },
  at() {
    /* silent */
  },
  note() {
    /* silent */
  },
  end() {
    /* silent */
  },
};

function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${String(Math.floor(seconds / 60))}:${String(seconds % 60).padStart(2, '0')}`;
}
