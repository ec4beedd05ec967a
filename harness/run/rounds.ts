/**
 * How a run whose time is limited goes on: every cell has one case before any has a second, and then as many as still
 * fit.
 */

/** A machine is not equally fast all the time, and findings are made small afterwards. */
const SAFETY = 0.8;
/** What was measured over one case a cell says little about a hundred. */
const GROWTH = 4;

/**
 * Cases per cell at the end of the next round; `done` or less: nothing more fits. `runs` is the most that was asked
 * for.
 */
export function nextRound({
  done,
  runs,
  elapsedMs,
  timeMs,
}: {
  done: number;
  runs: number;
  elapsedMs: number;
  timeMs: number;
}): number {
  if (done === 0) return 1;
  const fits = Math.floor(((timeMs - elapsedMs) * SAFETY * done) / Math.max(1, elapsedMs));
  return Math.min(runs, done + Math.max(0, fits), done * (1 + GROWTH));
}
