/** What a night runs, in this order. A further kind of run is a row. */
import { Corpus } from '../../run/corpus.ts';

export interface StageContext {
  seed: number;
  timeMs: number;
  /** Cases per cell of the plan that fit into the time, by the last night's speed. */
  runs: number;
  corpus: string;
  uapi: string;
}

export interface RunKind {
  /** Also the name of the folder of its results. */
  kind: string;
  /** Part of the budget, relative to the other rows; what one leaves over goes to the next ones. */
  share: number;
  /** The iomapfuzz command that does it; options of the kernel, --expectations and --out are added. */
  argv(context: StageContext): string[];
  /** Why there is nothing to run. */
  skip?(context: Pick<StageContext, 'corpus'>): string | undefined;
  /** Its command takes the number of cases per cell. */
  takesRuns?: boolean;
}

export const runKinds: readonly RunKind[] = [
  {
    kind: 'corpus', share: 1,
    argv: ({ corpus }) => ['corpus', 'check', '--corpus', corpus],
    skip: ({ corpus }) => (Corpus.open(corpus).entries().length === 0 ? `the corpus ${corpus} holds no cases` : undefined),
  },
  { kind: 'conformance', share: 4, takesRuns: true, argv: ({ seed, runs, uapi }) => ['conformance', '--seed', String(seed), '--runs', String(runs), '--uapi', uapi] },
  // Last: it takes whatever the others left. Its own end comes before ours, so that booting and the last minimising fit in.
  { kind: 'fuzz', share: 5, argv: ({ seed, timeMs, uapi }) => ['fuzz', '--seed', String(seed), '--uapi', uapi, '--time', `${Math.max(1, Math.floor(Math.min(timeMs * 0.8, timeMs - 60_000) / 1000))}s`] },
];

/** By default, and where no earlier night says how fast this machine is. */
const DEFAULT_RUNS = 4;
const MAX_RUNS = 64;
/** A machine is not equally fast every night. */
const SAFETY = 0.7;

/** Cases per cell that fit into the time, by how long an earlier night took for its own. */
export function runsThatFit(timeMs: number, earlier: { runs: number; elapsedMs: number } | undefined): number {
  if (!earlier || earlier.runs === 0 || earlier.elapsedMs === 0) return DEFAULT_RUNS;
  return Math.min(MAX_RUNS, Math.max(1, Math.floor((timeMs * SAFETY * earlier.runs) / earlier.elapsedMs)));
}

/** The time of the first of these kinds, when the rest of the budget is for all of them. */
export function shareOf(kinds: readonly RunKind[], leftMs: number): number {
  const total = kinds.reduce((sum, { share }) => sum + share, 0);
  return Math.max(0, Math.floor((leftMs * kinds[0]!.share) / total));
}
