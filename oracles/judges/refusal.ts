/**
 * Judges how refusals were reported: the trace events and WARNs must be exactly the predicted ones, in order, and agree
 * with each other. The errno, the third channel, is judged with the outcome of the syscall. Which function reports a
 * refusal, and in which line of its source, is up to the kernel; so are the words of a condition, as long as they are
 * not those of another rule.
 */
import { unknownEventKinds } from './kernel-log.ts';
import type { Case } from '../../model/case.ts';
import type { KernelEvent, Observation, StepResult } from '../../model/observation.ts';
import type { DeviationFacts, Unjudged } from '../../model/verdict.ts';
import type { Deviation } from '../deviation.ts';
import type { Expectation, ExpectedRefusal } from '../kernel/expectation.ts';
import { isKnownCondition, isTextOfAnother } from '../rules/conditions.ts';
import { errnos } from '../../uapi/errno.ts';
import type { Channels } from './channels.ts';
import type { ClauseId } from '../rules/rule-id.ts';

type Report = Extract<KernelEvent, { kind: 'bad-data' | 'bad-mapping-warn' }>;

/** One line that the kernel must print. */
interface Line {
  rule: ClauseId;
  step: number;
  condition?: string;
}

interface Channel {
  aspect: 'trace-event' | 'warn';
  lines: readonly Line[];
  reports: readonly Report[];
  /** Behind the point where the rules, or the model, say no more any report may follow. */
  open: boolean;
  /** Records were lost: what is missing may have been among them. */
  lossy: boolean;
}

/** The channels that can be judged on this kernel. */
function channelsIn(testCase: Case, seen: Observation, expectation: Expectation, channels: Channels): Channel[] {
  const lines = expectation.refusals.flatMap(linesOf);
  // An event of a kind that nobody here knows may be the report that is missing.
  const unknown = unknownEventKinds(seen).length > 0;
  const lossy = (source: 'trace' | 'kmsg') =>
    unknown || seen.events.some((event) => event.kind === 'lost-events' && event.source === source);
  const open =
    expectation.unspecified !== undefined ||
    (expectation.desynchronised === true && !stoppedByRefusal(testCase, seen, expectation));
  const reports = (kind: Report['kind']) => seen.events.filter((event): event is Report => event.kind === kind);
  return [
    ...(channels.traceEvent.judged
      ? [{ aspect: 'trace-event' as const, lines, reports: reports('bad-data'), open, lossy: lossy('trace') }]
      : []),
    ...(channels.warn.judged
      ? [
          {
            aspect: 'warn' as const,
            lines: testCase.debugIomap || channels.warn.always ? lines : [],
            reports: reports('bad-mapping-warn'),
            open,
            lossy: lossy('kmsg'),
          },
        ]
      : []),
  ];
}

/**
 * Whether a step ended as one that the kernel refused although it is right, or the one in which the requests left the
 * model did: it told the server so, or a request did not come. Then the report that nothing asks for is why; behind any
 * other wrong request the model may only have missed what was to be refused.
 */
function stoppedByRefusal(testCase: Case, seen: Observation, { requests, steps }: Expectation): boolean {
  if (steps.some(({ kind }, step) => kind === 'succeeds' && isRefused(seen.steps[step]))) return true;
  const [index, call, result] = [steps.length, testCase.workload[steps.length], seen.steps[steps.length]];
  if (!call || !result) return false;
  if (
    seen.transcript.some(
      ({ name, step, request }) =>
        name === 'IOMAP_IOEND' && step === index && Number(request['error']) === -errnos.EUCLEAN,
    )
  )
    return true;
  if (requests.at(-1)?.facts?.differs !== 'missing') return false;
  if (result.ret < 0n) return isRefused(result);
  return (call.call === 'mmapRead' || call.call === 'mmapWrite') && result.ret < BigInt(call.lengthBytes);
}

const isRefused = (result: StepResult | undefined): boolean =>
  result !== undefined && result.ret < 0n && result.errno === errnos.EUCLEAN;

export function judgeRefusals(
  testCase: Case,
  seen: Observation,
  expectation: Expectation,
  channels: Channels,
): Deviation[] {
  const judged = channelsIn(testCase, seen, expectation, channels);
  const deviations = judged.flatMap((channel) => match(channel).deviations);
  const [trace, warn] = judged;
  if (deviations.length > 0 || !trace || !warn || judged.some(({ open, lossy }) => open || lossy)) return deviations;
  return agree(trace, warn);
}

/** Conditions in words that no rule knows: each once. They are no deviation, since the report came where it had to. */
export function unknownConditions(
  testCase: Case,
  seen: Observation,
  expectation: Expectation,
  channels: Channels,
): Unjudged[] {
  const unknown = new Map<string, Unjudged>();
  for (const channel of channelsIn(testCase, seen, expectation, channels)) {
    for (const { line, report } of match(channel).matched) {
      if (line.condition === undefined || sameText(line.condition, report.condition)) continue;
      const reason = `the kernel says "${report.condition}" where the rules say "${line.condition}" (${line.rule}): a text that they do not know`;
      if (!unknown.has(reason)) unknown.set(reason, { aspect: channel.aspect, reason });
    }
  }
  return [...unknown.values()];
}

function linesOf(refusal: ExpectedRefusal): Line[] {
  if (!refusal.viaBadData) return [];
  const line = { rule: refusal.rule, step: refusal.step };
  return refusal.conditions ? refusal.conditions.map((condition) => ({ ...line, condition })) : [line];
}

const normal = (text: string): string => text.replace(/\s+/g, ' ').trim();
const sameText = (a: string, b: string): boolean => normal(a) === normal(b);
const showLine = (line: Line | undefined): string => (line ? (line.condition ?? 'a report') : 'no report');
/** A report that nothing asks for says its condition; one that the spec does not name is `a condition`. */
const conditionFacts = (line: Line | undefined, report: Report | undefined): DeviationFacts => ({
  condition: { ...(line && { expected: line.condition ?? 'a condition' }), ...(report && { seen: report.condition }) },
});
const showReport = (report: Report): string => `${report.condition} in ${report.func}, line ${report.line}`;
/** Another rule's condition is another refusal; words that nobody knows may mean this one. */
const matches = (line: Line, report: Report): boolean =>
  line.condition === undefined
    ? !isTextOfAnother(line.rule, normal(report.condition))
    : sameText(line.condition, report.condition) || !isKnownCondition(normal(report.condition));

interface Matched {
  deviations: Deviation[];
  matched: { line: Line; report: Report }[];
}

/** The first place where reports differ from the predicted lines, and what fits before it. */
function match({ aspect, lines, reports, open, lossy }: Channel): Matched {
  const matched: Matched['matched'] = [];
  const deviation = (line: Line | undefined, report: Report | undefined): Matched => ({
    matched,
    deviations: [
      {
        rule: line?.rule ?? 'refusal/none',
        aspect,
        expected: showLine(line),
        seen: report ? showReport(report) : 'no report',
        facts: conditionFacts(line, report),
        ...((line?.step ?? -1) >= 0 && { step: line!.step }),
      },
    ],
  });
  let next = 0;
  for (const [index, report] of reports.entries()) {
    // Where there are more reports than refusals, one in the words of another rule is not for a refusal whose words are
    // open; unless more may follow.
    if (
      !open &&
      lines[next] &&
      lines[next]!.condition === undefined &&
      reports.length - index > lines.length - next &&
      isKnownCondition(normal(report.condition))
    ) {
      return deviation(undefined, report);
    }
    // With records lost a report may stand for any later line; without, for the next one only.
    const found = lossy ? lines.findIndex((candidate, index) => index >= next && matches(candidate, report)) : next;
    const line = lines[found];
    if (line && matches(line, report)) {
      matched.push({ line, report });
      next = found + 1;
    } else if (!(open && next >= lines.length)) {
      return deviation(lines[next], report);
    }
  }
  const missing = lines[next];
  return missing && !lossy ? deviation(missing, undefined) : { deviations: [], matched };
}

/** Trace event and WARN of one refusal say the same. */
function agree(trace: Channel, warn: Channel): Deviation[] {
  return warn.reports.flatMap((report, index) => {
    const other = trace.reports[index];
    if (!other || sameText(other.condition, report.condition)) return [];
    return [
      {
        rule: trace.lines[index]?.rule ?? 'refusal/none',
        aspect: 'warn' as const,
        expected: `${other.condition}, as the trace event says`,
        seen: showReport(report),
        facts: { condition: { expected: other.condition, seen: report.condition } },
      },
    ];
  });
}
