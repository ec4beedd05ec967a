/** Results for a command, or its end with exit code 2. */
import { UsageError } from '../../vm/errors.ts';
import { explainProblem } from '../../reports/errors.ts';
import { loadRun, type Run } from '../../reports/run.ts';
import type { ExpectedDeviation } from '../model/expectations.ts';

export async function loadOrExit(directory: string, expectations?: readonly ExpectedDeviation[]): Promise<Run> {
  const loaded = await loadRun(directory, expectations);
  if (loaded.kind !== 'run') throw new UsageError(explainProblem(loaded));
  return loaded.run;
}
