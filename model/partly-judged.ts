/** Cases of which something was not judged. They pass only what was: each reader has to be told of them. */
import type { RunSummary } from './run-summary.ts';
import type { Aspect, Unjudged, Verdict } from './verdict.ts';

/** Cases that were judged in part, for one reason. */
export interface PartlyJudged {
  reason: string;
  /** Their positions (`n`). */
  cases: number[];
}

/** What a run says of all its cases at once, so that it need not be said of each. */
type WholeRun = Pick<RunSummary, 'notices' | 'unjudged'>;

export const unjudgedIn = (verdict: Verdict): readonly Unjudged[] =>
  ('unjudged' in verdict ? verdict.unjudged : undefined) ?? [];

/** Of what something was not judged in a case, each once; what the whole run could not judge included. */
export const aspectsNotJudged = (verdict: Verdict): Aspect[] => [
  ...new Set(unjudgedIn(verdict).map(({ aspect }) => aspect)),
];

/** Why a case was judged in part, besides what the run says of all its cases. Empty: nothing is missing. */
const reasonsNotJudged = (verdict: Verdict, run: WholeRun): string[] => [
  ...new Set(
    unjudgedIn(verdict)
      .filter((one) => !isOfWholeRun(one, run))
      .map(({ reason }) => reason),
  ),
];

/** Results of older versions say it in a notice alone. */
const isOfWholeRun = ({ aspect, reason, step }: Unjudged, { unjudged, notices }: WholeRun): boolean =>
  step === undefined && unjudged
    ? unjudged.some((one) => one.aspect === aspect && one.reason === reason)
    : notices.some((notice) => isAboutChannel(notice) && notice.endsWith(`: ${reason}`));

/** A notice of a channel that the kernel lacks: `not judged: the trace event: why`. */
export const isAboutChannel = (notice: string): boolean => notice.startsWith('not judged: ');

/** Collects them while verdicts stream by. */
export class PartlyJudgedCases {
  readonly #run: WholeRun;
  readonly #reasons = new Map<string, PartlyJudged>();
  #count = 0;

  constructor(run: WholeRun) {
    this.#run = run;
  }

  /** Returns the reasons of this case. */
  add(n: number, verdict: Verdict): string[] {
    const reasons = reasonsNotJudged(verdict, this.#run);
    if (reasons.length > 0) this.#count += 1;
    for (const reason of reasons) {
      // Numbers in a reason (records, bytes, steps) do not make it another one.
      const key = reason.replace(/(0x)?[0-9a-f]*\d[0-9a-f]*/g, '#');
      const known = this.#reasons.get(key);
      if (!known) this.#reasons.set(key, { reason, cases: [n] });
      else if (known.cases.at(-1) !== n) known.cases.push(n);
    }
    return reasons;
  }

  /** In the order in which they were first given. */
  get reasons(): PartlyJudged[] {
    return [...this.#reasons.values()];
  }

  /** How many cases were judged in part. */
  get count(): number {
    return this.#count;
  }
}
