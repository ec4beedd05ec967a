/**
 * What becomes of a finding: it is made as small as it gets, part by part, and replayed in fresh guests to learn how
 * reliably it shows.
 */
import type { Case } from '../../model/case.ts';
import type { KernelFacts } from '../../model/channel.ts';
import type { Minimised, ReliabilityCount } from '../../model/results.ts';
import type { Deviation } from '../../model/verdict.ts';
import { execute, type GuestSource, type Outcome } from './execute.ts';
import { reduce } from './reduce.ts';
import { hurried } from './shrink.ts';
import { replay, verdictAlone } from './repro.ts';
import { timeLimit } from './time-limit.ts';

export interface ExamineOptions {
  facts: KernelFacts;
  /** What a smaller case, or a replay, must show. */
  shows: (testCase: Case, deviations: readonly Deviation[]) => boolean;
  /** Where replays run: the fresher the better. */
  fresh: GuestSource;
  /** Replays. Default: 5. */
  times?: number;
  /**
   * The most time that it may take, but for one replay: two thirds of it for leaving out parts, the rest for replays.
   */
  limitMs: number;
  signal?: AbortSignal;
  onProgress?: (state: { steps: number; tried: number }) => void;
  /** Sees each smaller case and each replay, also those that show something else. */
  onOutcome?: (testCase: Case, outcome: Outcome) => void;
}

export interface Examined {
  case: Case;
  deviations: readonly Deviation[];
  /** What was seen of the case: in a replay that shows it, where there is one. */
  outcome?: Outcome;
  minimised: Minimised;
  /** Absent: interrupted before the first replay. */
  reliability?: ReliabilityCount;
}

const TIMES = 5;

export async function examine(
  source: GuestSource,
  start: Pick<Examined, 'case' | 'deviations' | 'outcome'>,
  options: ExamineOptions,
): Promise<Examined> {
  const { facts, shows, fresh, times = TIMES, limitMs, signal, onProgress, onOutcome } = options;
  const deviationsOf = (testCase: Case, outcome: Outcome): readonly Deviation[] | undefined => {
    const verdict = verdictAlone(testCase, outcome, facts);
    return verdict.kind === 'deviates' && shows(testCase, verdict.deviations) ? verdict.deviations : undefined;
  };
  const untilMs = performance.now() + limitMs;
  const timeUp = timeLimit((limitMs * 2) / 3);
  const stop = signal ? AbortSignal.any([signal, timeUp]) : timeUp;
  const {
    case: smallest,
    outcome,
    steps,
    tried,
    end,
  } = await reduce(
    (cases) => execute(source, cases, { ...hurried(start.deviations), signal: stop }),
    start.case,
    (smaller, seen) => {
      onOutcome?.(smaller, seen);
      return deviationsOf(smaller, seen) !== undefined;
    },
    { signal: stop, ...(onProgress && { onProgress }), ...stepOf(start.deviations) },
  );
  const examined: Examined = {
    ...start,
    case: steps > 0 ? reducedFrom(smallest) : smallest,
    minimised: { steps, tried, end: end === 'minimal' ? end : signal?.aborted ? 'interrupted' : 'out-of-time' },
    ...(outcome && { outcome, deviations: deviationsOf(smallest, outcome)! }),
  };
  let [shown, of] = [0, 0];
  for await (const { outcome: seen } of replay(fresh, examined.case, times, facts, signal)) {
    of += 1;
    onOutcome?.(examined.case, seen);
    const deviations = deviationsOf(examined.case, seen);
    if (deviations && shown === 0) Object.assign(examined, { outcome: seen, deviations });
    if (deviations) shown += 1;
    if (performance.now() > untilMs) break;
  }
  if (of > 0) examined.reliability = { shown, of };
  return examined;
}

/** The step that shows it: what comes behind is left out first. */
function stepOf(deviations: readonly Deviation[]): { step?: number } {
  const [step] = deviations.flatMap((one) => one.step ?? []);
  return step === undefined ? {} : { step };
}

/** It is not in the shrink tree of its seed any more. */
const reducedFrom = (testCase: Case): Case =>
  testCase.provenance === undefined || testCase.provenance.origin.endsWith(', reduced')
    ? testCase
    : { ...testCase, provenance: { ...testCase.provenance, origin: `${testCase.provenance.origin}, reduced` } };
