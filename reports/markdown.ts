/**
 * Markdown for the summary page of a CI job: the verdict, what deviates, the rows of the matrix that are not plainly
 * green, the rest folded.
 */
import { comparisonLines } from './compare-text.ts';
import { exampleText, extentText, placesText, type Finding } from './finding.ts';
import { firstFindingLines } from './first-findings.ts';
import { imageText } from './image-text.ts';
import type { Matrix, MatrixRow } from './matrix.ts';
import type { ReportInput, Reporter } from './reporter.ts';
import { reproduceCommands } from './reproduce.ts';
import { clauseText } from './rule-text.ts';
import { cellText, countsText } from './terminal.ts';
import { plainLine, plainText } from '../model/plain-text.ts';
import { duration, logExcerpt, plural } from './text.ts';
import { buildTimeline, timelineText } from './timeline.ts';
import { headerText, numbersIn } from './uapi-header-text.ts';

/** GitHub cuts a job summary at 1 MiB: so many findings are shown in full. */
const MAX_FINDINGS = 20;
const LOG_LINES = 60;

export const markdownReporter: Reporter = {
  format: 'markdown',
  title: 'Markdown for the summary of a CI job',
  fileName: 'report.md',
  render(input) {
    const { run, matrix, verdict, comparison } = input;
    const lines = [
      `## ${text(verdict.headline)}`,
      '',
      ...[...firstFindingLines(run.findings), ...verdict.reasons].map((reason) => `- ${text(reason)}`),
      '',
    ];
    const { environment } = run.summary;
    lines.push(
      `${countsText(run)}. ${environment ? `Kernel ${code(environment.kernelRelease)} (${text(environment.kernelOrigin)}${imageText(environment) === '' ? '' : `; ${text(imageText(environment))}`}), ${text(environment.accelerator)}, ` : ''}revision ${run.summary.revision}${run.summary.uapiHeader ? ` with the numbers of ${text(headerText(run.summary))}` : ''}, seed ${run.summary.seed}, ${duration(run.summary.elapsedMs)}.`,
      '',
    );
    if (comparison)
      lines.push(
        '### Compared with the run before',
        '',
        ...comparisonLines(comparison).map((line) => `- ${text(line)}`),
        '',
      );
    if (run.findings.length > 0)
      lines.push(
        `### ${plural(run.findings.length, 'finding')}`,
        '',
        ...run.findings.slice(0, MAX_FINDINGS).flatMap((finding) => renderFinding(finding, input)),
      );
    if (run.findings.length > MAX_FINDINGS)
      lines.push(`... and ${plural(run.findings.length - MAX_FINDINGS, 'more finding')}.`, '');
    lines.push(...renderMatrix(matrix));
    return `${lines.join('\n').trimEnd()}\n`;
  },
};

/** Backticks, pipes and angle brackets of kernel texts must not become markup. */
const text = (value: string): string =>
  plainLine(value)
    .replace(/[\\`*_~{}[\]<>|#&!]/g, '\\$&')
    .replace(/@(?=\w)/g, '@<!-- -->')
    // Without these GitHub makes links of its own.
    .replace(/:\/\//g, ':&#47;/')
    .replace(/\bwww\./gi, (word) => `${word.slice(0, -1)}&#46;`);
const code = (value: string): string => `\`${plainLine(value).replaceAll('`', "'")}\``;
/** Inside a table a pipe ends the cell even in code. */
const tableCode = (value: string): string => code(value).replaceAll('|', '\\|');

function fence(lines: string[]): string[] {
  const body = lines.flatMap((line) => plainText(line).split('\n'));
  const ticks = '`'.repeat(Math.max(3, ...body.map((line) => (/^\s*(`+)/.exec(line)?.[1]!.length ?? 0) + 1)));
  return [ticks, ...body, ticks];
}

function renderFinding(finding: Finding, { run, rules }: ReportInput): string[] {
  const { example: record, deviations } = finding;
  const rule = rules.get(finding.rule);
  return [
    `#### ${code(finding.id)} ${text(finding.title)}`,
    '',
    `On ${text(placesText(finding))}.${rule ? ` Rule: ${text(clauseText(rule))}${rule.errno ? ` (${text(rule.errno)})` : ''}.` : ''}`,
    '',
    '| channel | expected | seen |',
    '|---|---|---|',
    ...deviations.map(({ aspect, expected, seen }) => `| ${aspect} | ${text(expected)} | ${text(seen)} |`),
    '',
    `${extentText(finding)}; ${finding.ofRun ? '' : 'smallest case '}${text(exampleText(finding))}`,
    '',
    '<details><summary>timeline, kernel log, how to reproduce</summary>',
    '',
    ...fence(timelineText(buildTimeline(record, numbersIn(run)))),
    '',
    ...(record.consoleTail ? [...fence(logExcerpt(record.consoleTail, LOG_LINES)), ''] : []),
    ...fence(reproduceCommands(finding, run)),
    '',
    '</details>',
    '',
  ];
}

function renderMatrix(matrix: Matrix): string[] {
  const rows = matrix.groups.flatMap((group) => group.rows);
  const plain = (row: MatrixRow): boolean =>
    [...row.cells.values()].every(
      ({ status, partial }) => (status === 'conforms' && !partial) || status === 'impossible',
    );
  const table = (some: MatrixRow[]): string[] => [
    `| rule | ${matrix.paths.map(text).join(' | ')} |`,
    `|---|${matrix.paths.map(() => '---|').join('')}`,
    ...some.map(
      (row) =>
        `| ${tableCode(row.label)} | ${matrix.paths.map((path) => cellText(row.cells.get(path)).replaceAll('~', '\\~')).join(' | ')} |`,
    ),
    '',
  ];
  const odd = rows.filter((row) => !plain(row));
  const even = rows.filter(plain);
  return [
    ...(odd.length > 0 ? ['### Rules that do not simply conform', '', ...table(odd)] : []),
    ...(even.length > 0
      ? [
          `<details><summary>${plural(even.length, 'rule')} that conform${even.length === 1 ? 's' : ''} on every path</summary>`,
          '',
          ...table(even),
          '</details>',
          '',
        ]
      : []),
  ];
}
