/** Plain text that a person can send to a mailing list: 72 columns, the verdict first, facts, then each finding as a timeline. */
import { comparisonLines } from './compare-text.ts';
import { countStatuses } from './matrix.ts';
import type { ReportInput, Reporter } from './reporter.ts';
import { reproduceCommands } from './reproduce.ts';
import { countsText } from './terminal.ts';
import { duration, plural, printable, wrap } from './text.ts';
import { buildTimeline, timelineText } from './timeline.ts';

const WIDTH = 72;
/** A mail with more than this is not read; the others are named. */
const MAX_FINDINGS = 5;
const LOG_LINES = 30;

export const mailReporter: Reporter = {
  format: 'mail',
  title: 'plain text to send',
  fileName: 'report.txt',
  render(input) {
    const { run, matrix, verdict, comparison } = input;
    const { summary } = run;
    const statuses = countStatuses(matrix);
    const lines = [
      ...wrap(`Subject: [iomapfuzz] ${summary.environment?.kernelRelease ?? 'unknown kernel'}: ${verdict.headline}`, 998), '',
      ...wrap(verdict.headline, WIDTH), ...verdict.reasons.flatMap((reason) => wrap(`- ${printable(reason)}`, WIDTH, 2)), '',
      ...facts(input),
      ...wrap(`Matrix:   ${Object.entries(statuses).filter(([, count]) => count > 0).map(([status, count]) => `${count} ${status}`).join(', ') || 'empty'} (rule by path)`, WIDTH, 10), '',
    ];
    if (comparison) lines.push('Compared with the run before:', ...comparisonLines(comparison).flatMap((line) => wrap(`- ${printable(line)}`, WIDTH, 2)), '');
    run.findings.slice(0, MAX_FINDINGS).forEach((finding, index) => lines.push(...renderFinding(finding, index + 1, input)));
    if (run.findings.length > MAX_FINDINGS) lines.push('The other findings:', ...run.findings.slice(MAX_FINDINGS).map(({ key, cases }) => `  ${key} (${plural(cases.length, 'case')})`), '');
    return `${lines.join('\n').trimEnd()}\n`;
  },
};

function facts({ run: { summary, counts } }: ReportInput): string[] {
  const { environment } = summary;
  const rows: [string, string][] = [
    ...(environment ? [
      ['Kernel', `${environment.kernelRelease} ${environment.kernelVersion} (${environment.kernelOrigin})`],
      ['Image', `sha256 ${environment.kernelImageHash}`],
      ['Config', environment.kernelConfig.join(' ')],
      ['Machine', `QEMU ${environment.qemuVersion} ${environment.machine}, ${environment.accelerator}, ${environment.memoryMiB} MiB`],
    ] as [string, string][] : []),
    ['Judged by', `iomapfuzz ${summary.toolVersion}, uAPI revision ${summary.revision}, seed ${summary.seed}`],
    ['Cases', `${countsText(counts)}; ${duration(summary.elapsedMs)}`],
  ];
  return rows.flatMap(([name, value]) => wrap(`${`${name}:`.padEnd(9)} ${printable(value)}`, WIDTH, 10));
}

function renderFinding(finding: ReportInput['run']['findings'][number], number: number, { run, rules }: ReportInput): string[] {
  const rule = rules.get(finding.rule);
  const log = finding.example.consoleTail?.trimEnd().split('\n').slice(-LOG_LINES) ?? [];
  return [
    ...wrap(`${number}. ${finding.key} (${plural(finding.cases.length, 'case')})`, WIDTH, 3), '',
    ...(rule ? [...wrap(`   The rule is violated when: ${rule.clause}.${rule.errno ? ` A violation gives ${rule.errno}.` : ''}`, WIDTH, 3), ''] : []),
    ...timelineText(buildTimeline(finding.example)).flatMap((line) => wrap(`   ${printable(line)}`, WIDTH + 8, 12)), '',
    ...(log.length > 0 ? ['   Kernel log:', ...log.map((line) => `   ${printable(line)}`), ''] : []),
    '   To see it again:', ...reproduceCommands(finding, run).map((command) => `   ${command}`), '',
  ];
}
