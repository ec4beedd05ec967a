/**
 * Results for a command, or its end: with exit code 2 for what is no results directory, 3 for a run that left no
 * summary.
 */
import { InfrastructureError, UsageError } from '../model/errors.ts';
import { explainProblem, type ResultsProblem } from '../reports/errors.ts';
import { loadRun, type Run } from '../reports/run.ts';
import type { ExpectedDeviation } from '../model/expectations.ts';

export async function loadOrExit(directory: string, expectations?: readonly ExpectedDeviation[]): Promise<Run> {
  const loaded = await loadRun(directory, expectations);
  if (loaded.kind !== 'run') throw problemError(loaded);
  return loaded.run;
}

/** What is wrong with a results directory, as the end of a command. */
export function problemError(problem: ResultsProblem): Error {
  return problem.kind === 'no-summary'
    ? new InfrastructureError(explainProblem(problem))
    : new UsageError(explainProblem(problem));
}
