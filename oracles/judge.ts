/** The oracle: what the rules make of a case and what was seen of it. */
import type { Case } from '../model/case.ts';
import type { Observation } from '../model/observation.ts';
import { honestVerdict } from '../model/nothing-judged.ts';
import { ruleLabel } from '../model/rule-label.ts';
import type { Unjudged, Verdict } from '../model/verdict.ts';
import type { Deviation } from './deviation.ts';
import { revisionWith, type Numbers } from '../uapi/numbers.ts';
import { revisionIds, type Revision, type RevisionId } from '../uapi/revision.ts';
import { judgeAnswers } from './judges/answers.ts';
import { channelsOf, type ReportingFacts } from './judges/channels.ts';
import { judgeBytes, unjudgedBytes } from './judges/bytes.ts';
import { onRightPremises } from './judges/premises.ts';
import { beforeCut, cutOf, provenBeforeCut, unjudgedByCut, type Cut } from './judges/cut.ts';
import { isProvoked, judgeEndless } from './judges/endless.ts';
import { judgeKernelLog, unjudgedKernelLog, unknownEventKinds, unknownEventsText } from './judges/kernel-log.ts';
import { judgeMount } from './judges/mount.ts';
import { judgeOutcome } from './judges/outcome.ts';
import { judgeRefusals, unknownConditions } from './judges/refusal.ts';
import { judgeRequests } from './judges/requests.ts';
import type { Expectation, ExpectedRefusal } from './kernel/expectation.ts';
import { interpret } from './kernel/interpret.ts';

export interface JudgeOptions {
  /** The rules to judge by; absent: those of the revision that the case names. */
  revision?: Revision;
  /** The kernel's reporting channels; absent: it has all that the revision has. */
  facts?: ReportingFacts;
  /** Of the kernel's uAPI; absent: those of `facts`, else those of the revision. */
  numbers?: Numbers;
}

/**
 * Judges a case that ran. Where the rules leave a choice, the reading that fits best is taken. Channels that the kernel
 * lacks, and what was cut short, are named in `unjudged`, never counted as passed.
 */
export function judge(testCase: Case, seen: Observation, options: JudgeOptions = {}): Verdict {
  return assess(testCase, seen, options).verdict;
}

const PROVOKED = 'how often a kernel asks again when the server changes its mappings with each answer is not laid down';

/** As `judge`, with the refusals that the rules ask for in this case: what campaigns count as covered. */
export function assess(
  testCase: Case,
  seen: Observation,
  options: JudgeOptions = {},
): { verdict: Verdict; refusals: readonly ExpectedRefusal[] } {
  if (isProvoked(testCase, seen)) return { verdict: { kind: 'unspecified', reason: PROVOKED }, refusals: [] };
  const endless = judgeEndless(seen, revisionOf(testCase, options));
  if (endless.length > 0) return { verdict: { kind: 'deviates', deviations: endless }, refusals: [] };
  const { deviations, expectation, unjudged } = examine(testCase, seen, options);
  // With nothing judged of its steps a case neither conforms nor leaves the rules.
  const nothing = deviations.length === 0 && honestVerdict({ kind: 'conforms', unjudged });
  if (nothing && nothing.kind !== 'conforms') return { verdict: nothing, refusals: [] };
  const { refusals } = expectation;
  const named = unjudged.length > 0 ? { unjudged } : {};
  if (deviations.length > 0) {
    const conformsAs = otherRevisions(testCase, seen, options);
    return {
      verdict: { kind: 'deviates', deviations, ...(conformsAs.length > 0 && { conformsAs }), ...named },
      refusals,
    };
  }
  if (expectation.unspecified !== undefined)
    return { verdict: { kind: 'unspecified', reason: expectation.unspecified }, refusals };
  // Of what nobody here can read it is not known whether it is a crash.
  const unknown = unknownEventKinds(seen);
  if (unknown.length > 0)
    return { verdict: { kind: 'not-run', reason: `not judged: ${unknownEventsText(unknown)}` }, refusals: [] };
  return { verdict: { kind: 'conforms', ...named }, refusals };
}

/** A kernel of another revision than the one it is judged by deviates where they differ, and only there. */
function otherRevisions(testCase: Case, seen: Observation, options: JudgeOptions): RevisionId[] {
  const { id: own } = revisionOf(testCase, options);
  return revisionIds.filter((id) => {
    if (id === own) return false;
    const revision = revisionWith(id, options.numbers ?? options.facts?.numbers);
    const { deviations, expectation } = examine(testCase, seen, { ...options, revision });
    return deviations.length === 0 && expectation.unspecified === undefined;
  });
}

/** Ids of the rules that refused something in this case, with the half where it matters: `map/length-nonzero@read`. */
export function rulesReached(testCase: Case, seen: Observation, options: JudgeOptions = {}): string[] {
  const { expectation } = examine(testCase, seen, options);
  return expectation.refusals.map(ruleLabel);
}

/** What the rules say must be seen, in the reading that fits best, and what of it could not be compared. */
export const expectationOf = (
  testCase: Case,
  seen: Observation,
  options: JudgeOptions = {},
): { expectation: Expectation; unjudged: Unjudged[] } => examine(testCase, seen, options);

interface Examined {
  deviations: Deviation[];
  expectation: Expectation;
  unjudged: Unjudged[];
}

const revisionOf = (testCase: Case, { revision, facts, numbers }: JudgeOptions): Revision =>
  revision ?? revisionWith(testCase.revision, numbers ?? facts?.numbers);

function examine(testCase: Case, seen: Observation, options: JudgeOptions): Examined {
  const cut = cutOf(testCase, seen, revisionOf(testCase, options));
  if (!cut) return examineWhole(testCase, seen, options);
  const before = beforeCut(testCase, seen, cut);
  const { deviations, expectation, unjudged } = examineWhole(before.of, before.seen, options, cut);
  return { deviations, expectation, unjudged: [...unjudged, ...unjudgedByCut(cut, testCase)] };
}

function examineWhole(testCase: Case, seen: Observation, options: JudgeOptions, cut?: Cut): Examined {
  const revision = revisionOf(testCase, options);
  const channels = channelsOf(revision, options.facts);
  const proven = (deviations: readonly Deviation[]): Deviation[] =>
    cut ? provenBeforeCut(deviations, cut) : [...deviations];
  const { deviations, expectation } = interpret(
    testCase,
    revision,
    seen,
    (reading) =>
      proven([
        ...judgeMount(seen, reading, revision),
        ...judgeOutcome(testCase, seen, reading),
        ...judgeRefusals(testCase, seen, reading, channels),
        ...judgeBytes(testCase, seen, reading),
        ...judgeRequests(testCase, seen, reading, revision),
        ...judgeAnswers(seen, revision),
        ...judgeKernelLog(testCase, seen, reading),
      ]),
    cut && cut.why !== 'frozen' ? { goesOn: true } : {},
  );
  const unjudged = [
    ...channels.unjudged,
    ...unjudgedKernelLog(seen),
    ...expectation.unjudgedRequests,
    ...unjudgedBytes(testCase, seen, expectation),
    ...unknownConditions(testCase, seen, expectation, channels),
  ];
  return { deviations: onRightPremises(testCase, proven(deviations)), expectation, unjudged };
}
