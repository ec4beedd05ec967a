/**
 * Judges how refusals were reported: the trace events and WARNs must be exactly the predicted ones, in order, and agree with each
 * other. The errno, the third channel, is judged with the outcome of the syscall.
 */
import type { Case } from '../../harness/model/case.ts';
import type { KernelEvent, Observation } from '../../harness/model/observation.ts';
import type { Deviation, DeviationFacts } from '../../harness/model/verdict.ts';
import type { Expectation, ExpectedRefusal } from '../kernel/expectation.ts';
import type { Channels } from './channels.ts';

type Report = Extract<KernelEvent, { kind: 'bad-data' | 'bad-mapping-warn' }>;

/** One line that the kernel must print. */
interface Line {
  rule: string;
  step: number;
  func?: string;
  condition?: string;
}

export function judgeRefusals(of: Case, seen: Observation, expectation: Expectation, channels: Channels): Deviation[] {
  const lines = expectation.refusals.flatMap(linesOf);
  const lost = (source: 'trace' | 'kmsg') => seen.events.some((event) => event.kind === 'lost-events' && event.source === source);
  // Behind the point where the spec falls silent any report may follow.
  const open = expectation.unspecified !== undefined;
  const traces = seen.events.filter((event): event is Report => event.kind === 'bad-data');
  const warns = seen.events.filter((event): event is Report => event.kind === 'bad-mapping-warn');
  const deviations: Deviation[] = [];
  if (channels.traceEvent.judged) deviations.push(...compare('trace-event', lines, traces, { open, lossy: lost('trace') }));
  if (channels.warn.judged) deviations.push(...compare('warn', of.debugIomap || channels.warn.always ? lines : [], warns, { open, lossy: lost('kmsg') }));
  if (deviations.length === 0 && !open && channels.traceEvent.judged && !lost('trace') && !lost('kmsg')) deviations.push(...agree(lines, traces, warns));
  return deviations;
}

function linesOf(refusal: ExpectedRefusal): Line[] {
  if (!refusal.viaBadData) return [];
  const line = { rule: refusal.rule, step: refusal.step, ...(refusal.func !== undefined && { func: refusal.func }) };
  return refusal.conditions ? refusal.conditions.map((condition) => ({ ...line, condition })) : [line];
}

const showLine = (line: Line | undefined): string =>
  (line ? `${line.condition ?? 'a condition'} in ${line.func ?? 'some function'}` : 'no report');
const showReport = (report: Report | undefined): string => (report ? `${report.condition} in ${report.func}, line ${report.line}` : 'no report');
/** A report that nothing asks for says its condition; one that the spec does not name is `a condition`. */
const conditionFacts = (line: Line | undefined, report: Report | undefined): DeviationFacts =>
  ({ condition: { ...(line && { expected: line.condition ?? 'a condition' }), ...(report && { seen: report.condition }) } });
const matches = (line: Line, report: Report): boolean =>
  (line.func === undefined || line.func === report.func) && (line.condition === undefined || line.condition === report.condition);

/** The first place where reports differ from the predicted lines. */
function compare(aspect: 'trace-event' | 'warn', lines: readonly Line[], reports: readonly Report[], how: { open: boolean; lossy: boolean }): Deviation[] {
  let line = 0;
  for (const report of reports) {
    // With records lost a report may stand for any later line; without, for the next one only.
    const found = how.lossy ? lines.findIndex((candidate, index) => index >= line && matches(candidate, report)) : line;
    const expected = lines[found];
    if (expected && matches(expected, report)) {
      line = found + 1;
    } else if (!(how.open && line >= lines.length)) {
      return [{
        rule: lines[line]?.rule ?? 'refusal/none', aspect, expected: showLine(lines[line]), seen: showReport(report),
        ...((lines[line]?.step ?? -1) >= 0 && { step: lines[line]!.step }), facts: conditionFacts(lines[line], report),
      }];
    }
  }
  const missing = lines[line];
  return missing && !how.lossy
    ? [{ rule: missing.rule, aspect, expected: showLine(missing), seen: 'no report', ...(missing.step >= 0 && { step: missing.step }), facts: conditionFacts(missing, undefined) }]
    : [];
}

/** Trace event and WARN of one refusal name the same line of source. */
function agree(lines: readonly Line[], traces: readonly Report[], warns: readonly Report[]): Deviation[] {
  return warns.flatMap((warn, index) => {
    const trace = traces[index];
    return trace && trace.line !== warn.line
      ? [{ rule: lines[index]?.rule ?? 'refusal/none', aspect: 'warn' as const, expected: `line ${trace.line}, as the trace event says`, seen: `line ${warn.line}`, facts: { value: 'line of the report' } }]
      : [];
  });
}
