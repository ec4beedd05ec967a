/** Clauses that the plan draws no case for at all, and why; others without cells are judged in whatever case meets them. */
import type { ClausePattern } from './section.ts';

export const withoutCells: readonly { rules: readonly ClausePattern[]; because: string }[] = [
  {
    rules: ['die/*', 'kill/*', 'abort/*'],
    because: 'nobody waits for this answer: the connection is about to end anyhow, or the node is given up',
  },
];
