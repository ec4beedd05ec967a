/** What a night runs, in this order. A further kind of run is a row. */
import { Corpus } from '../../harness/run/corpus.ts';

interface StageContext {
  seed: number;
  /** The run's share of what is left of the budget. */
  timeMs: number;
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
}

/**
 * A run that knows its time ends well before its share is over, so that booting and making the last findings small fit
 * in.
 */
const ownTime = (timeMs: number): string =>
  `${Math.max(1, Math.floor(Math.min(timeMs * 0.8, timeMs - 60_000) / 1000), Math.floor((timeMs * 0.5) / 1000))}s`;

/** A kernel that deviates everywhere must not spend the night on making its findings small. */
const minimise = (timeMs: number): string[] => [
  '--minimise',
  `${Math.floor(Math.min(20 * 60_000, Math.max(10_000, timeMs / 5)) / 1000)}s`,
];

export const runKinds: readonly RunKind[] = [
  {
    kind: 'corpus',
    share: 1,
    argv: ({ corpus, timeMs }) => ['corpus', 'check', '--corpus', corpus, ...minimise(timeMs)],
    skip: ({ corpus }) =>
      Corpus.open(corpus).entries().length === 0 ? `the corpus ${corpus} holds no cases` : undefined,
  },
  // At most so many cases a cell: a hundred thousand in all, which is what the report of a run is made for.
  {
    kind: 'conformance',
    share: 4,
    argv: ({ seed, timeMs, uapi }) => [
      'conformance',
      '--seed',
      String(seed),
      '--runs',
      '64',
      '--time',
      ownTime(timeMs),
      '--uapi',
      uapi,
      ...minimise(timeMs),
    ],
  },
  // Last: it takes whatever the others left.
  {
    kind: 'fuzz',
    share: 5,
    argv: ({ seed, timeMs, uapi }) => [
      'fuzz',
      '--seed',
      String(seed),
      '--uapi',
      uapi,
      '--time',
      ownTime(timeMs),
      ...minimise(timeMs),
    ],
  },
];

/** What a run may take of the budget that is left. */
export interface StageTime {
  /** What it should take. */
  shareMs: number;
  /** When it is stopped: a slow machine may use half of what the runs after it would have. */
  limitMs: number;
}

/** The time of the first of these kinds, when what is left of the budget is for all of them. */
export function timeOf(kinds: readonly RunKind[], leftMs: number): StageTime {
  const total = kinds.reduce((sum, { share }) => sum + share, 0);
  const shareMs = Math.max(0, Math.floor((leftMs * kinds[0]!.share) / total));
  return { shareMs, limitMs: shareMs + Math.floor(Math.max(0, leftMs - shareMs) / (kinds.length === 1 ? 1 : 2)) };
}
