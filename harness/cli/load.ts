/** Results for a command, or its end with exit code 2. */
import type { Command } from 'commander';
import { explainProblem } from '../../reports/errors.ts';
import { loadRun, type Run } from '../../reports/run.ts';

export async function loadOrExit(directory: string, command: Command): Promise<Run> {
  const loaded = await loadRun(directory);
  if (loaded.kind !== 'run') return command.error(`error: ${explainProblem(loaded)}`, { exitCode: 2 });
  return loaded.run;
}
