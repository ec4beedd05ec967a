/**
 * Plain text that a person can send to a mailing list: 72 columns, the verdict first, facts, then each finding as a
 * timeline.
 */
import { comparisonLines } from './compare-text.ts';
import { exampleText, extentText, placesText, type Finding } from './finding.ts';
import { firstFindingLines } from './first-findings.ts';
import { imageText } from './image-text.ts';
import { countPartial, countStatuses, type CellStatus, type Matrix } from './matrix.ts';
import type { ReportInput, Reporter } from './reporter.ts';
import { reproduceCommands } from './reproduce.ts';
import { countsText } from './terminal.ts';
import { mailText, plainLine, plainText } from '../model/plain-text.ts';
import { duration, logExcerpt, wrap } from './text.ts';
import { buildTimeline, timelineText } from './timeline.ts';
import { headerText, numbersIn } from './uapi-header-text.ts';

const WIDTH = 72;
/** RFC 5322 allows 998 characters a line, the name of the header included. */
const MAX_SUBJECT = 900;
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
    const lines = [
      `Subject: ${plainLine(`[iomapfuzz] ${summary.environment?.kernelRelease ?? 'unknown kernel'}: ${verdict.headline}`).slice(0, MAX_SUBJECT)}`,
      '',
      ...wrap(verdict.headline, WIDTH),
      ...[...firstFindingLines(run.findings), ...verdict.reasons].flatMap((reason) =>
        wrap(`- ${plainText(reason)}`, WIDTH, 2),
      ),
      '',
      ...facts(input),
      ...wrap(`Matrix:    ${matrixText(matrix)}`, WIDTH, 11),
      '',
    ];
    if (comparison)
      lines.push(
        'Compared with the run before:',
        ...comparisonLines(comparison).flatMap((line) => wrap(`- ${plainText(line)}`, WIDTH, 2)),
        '',
      );
    run.findings
      .slice(0, MAX_FINDINGS)
      .forEach((finding, index) => lines.push(...renderFinding(finding, index + 1, input)));
    const rest = run.findings.slice(MAX_FINDINGS);
    if (rest.length > 0)
      lines.push(
        'The other findings:',
        ...rest.flatMap((finding) =>
          wrap(
            plainText(`- ${finding.id} ${finding.title} (on ${placesText(finding)}; ${extentText(finding)})`),
            WIDTH,
            2,
          ),
        ),
        '',
      );
    return `${mailText(lines).trimEnd()}\n`;
  },
};

/** Cells of rule by path: `208 conform (3 in part), 8 deviate`. */
function matrixText(matrix: Matrix): string {
  const statuses = countStatuses(matrix);
  const partial = countPartial(matrix);
  const words: [CellStatus, string][] = [
    ['conforms', 'conform'],
    ['deviates', 'deviate'],
    ['expected', 'deviate as expected'],
    ['lost', 'lost'],
    ['unspecified', 'unspecified'],
    ['not-run', 'not run'],
    ['impossible', 'cannot exist'],
  ];
  const parts = words
    .filter(([status]) => statuses[status] > 0)
    .map(
      ([status, word]) =>
        `${statuses[status]} ${word}${status === 'conforms' && partial > 0 ? ` (${partial} in part)` : ''}`,
    );
  return parts.length === 0 ? 'empty' : `${parts.join(', ')} (cells of rule by path)`;
}

function facts({ run }: ReportInput): string[] {
  const { summary } = run;
  const { environment } = summary;
  const rows: [string, string][] = [
    ...(environment
      ? ([
          ['Kernel', `${environment.kernelRelease} ${environment.kernelVersion} (${environment.kernelOrigin})`],
          [
            'Image',
            `sha256 ${environment.kernelImageHash}${imageText(environment) === '' ? '' : `, ${imageText(environment)}`}`,
          ],
          ['Config', environment.kernelConfig.join(' ')],
          [
            'Machine',
            `QEMU ${environment.qemuVersion} ${environment.machine}, ${environment.accelerator}, ${environment.memoryMiB} MiB`,
          ],
        ] as [string, string][])
      : []),
    ['Judged by', `iomapfuzz ${summary.toolVersion}, uAPI revision ${summary.revision}, seed ${summary.seed}`],
    ...(summary.uapiHeader ? [['Numbers', `of ${headerText(summary)}`] as [string, string]] : []),
    ['Cases', `${countsText(run)}; ${duration(summary.elapsedMs)}`],
  ];
  return rows.flatMap(([name, value]) => wrap(`${`${name}:`.padEnd(10)} ${plainText(value)}`, WIDTH, 11));
}

function renderFinding(finding: Finding, number: number, { run, rules }: ReportInput): string[] {
  const { example: record } = finding;
  const rule = rules.get(finding.rule);
  const log = record.consoleTail ? logExcerpt(record.consoleTail, LOG_LINES) : [];
  return [
    ...wrap(plainText(`${number}. ${finding.title} (finding ${finding.id}, ${extentText(finding)})`), WIDTH, 3),
    ...wrap(`   On ${placesText(finding)}.`, WIDTH, 3),
    '',
    ...(rule
      ? [
          ...wrap(
            `   ${finding.rule}, ${rule.behaviour ? 'what must hold' : 'violated when'}: ${rule.clause}.${rule.errno ? ` A violation gives ${rule.errno}.` : ''}`,
            WIDTH,
            3,
          ),
          '',
        ]
      : []),
    ...wrap(
      plainText(
        `   ${finding.ofRun ? 'When: ' : 'The smallest case, '}${exampleText(finding)}${finding.ofRun ? '' : ':'}`,
      ),
      WIDTH,
      3,
    ),
    '',
    ...timelineText(buildTimeline(record, numbersIn(run))).flatMap((line) =>
      wrap(`   ${plainText(line)}`, WIDTH + 8, 7 + /^ */.exec(line)![0].length),
    ),
    '',
    ...(log.length > 0 ? ['   Kernel log:', ...log.map((line) => `   ${plainText(line)}`), ''] : []),
    '   To see it again:',
    ...reproduceCommands(finding, run).map((command) => `   ${command}`),
    '',
  ];
}
