/**
 * KTAP version 1 as Documentation/dev-tools/ktap.rst describes it: one test a rule and half, one subtest a path and
 * border, and a last test for the run as a whole, so that a run that is no pass never reads as one. Lost cases carry
 * the directive ERROR.
 */
import { exampleFacts, exampleText, inCell } from './finding.ts';
import { imageText } from './image-text.ts';
import type { BorderOutcome, MatrixRow } from './matrix.ts';
import { inPartText } from './partly-judged-text.ts';
import type { ReportInput, Reporter } from './reporter.ts';
import { plainLine } from '../model/plain-text.ts';

export const ktapReporter: Reporter = {
  format: 'ktap',
  title: "KTAP version 1, as the kernel's test tools read it",
  fileName: 'report.ktap',
  render(input) {
    const rows = input.matrix.groups.flatMap((group) => group.rows);
    const findings = input.run.findings.filter(({ example }) => example.cell === undefined);
    const lines = ['KTAP version 1', `1..${rows.length + findings.length + 1}`];
    let number = 0;
    for (const row of rows) lines.push(...renderRow(row, (number += 1), input));
    for (const finding of findings) {
      lines.push(
        diagnostic(finding.title),
        ...(finding.ofRun ? [diagnostic(exampleText(finding))] : []),
        ...finding.deviations.flatMap(diagnose),
        `not ok ${(number += 1)} ${finding.id} ${plain(finding.key)}`,
      );
    }
    lines.push(...renderRun(input, number + 1), '');
    return lines.join('\n');
  },
};

/** A description must not hold a '#': it starts a directive. */
const plain = (text: string): string => plainLine(text).replaceAll('#', '%');
const diagnostic = (text: string): string => `# ${plainLine(text)}`;
const diagnose = ({
  rule,
  aspect,
  expected,
  seen,
}: {
  rule: string;
  aspect: string;
  expected: string;
  seen: string;
}): string[] => [
  diagnostic(`${rule} (${aspect}): expected ${expected}`),
  diagnostic(`${rule} (${aspect}): seen ${seen}`),
];

function renderRow(row: MatrixRow, number: number, input: ReportInput): string[] {
  const outcomes = [...row.cells.values()].flatMap(({ borders }) => borders);
  const lines = ['  KTAP version 1', `  # Subtest: ${plain(row.label)}`, `  1..${outcomes.length}`];
  outcomes.forEach((outcome, index) =>
    lines.push(...[...inPart(outcome.cases), ...renderOutcome(outcome, index + 1, input)].map((line) => `  ${line}`)),
  );
  lines.push(...inPart(outcomes.flatMap(({ cases }) => cases)));
  const has = (status: BorderOutcome['status']): boolean => outcomes.some((outcome) => outcome.status === status);
  if (has('deviates') || has('lost')) lines.push(`not ok ${number} ${plain(row.label)}`);
  else
    lines.push(
      `ok ${number} ${plain(row.label)}${has('expected') ? ' # XFAIL known deviation' : has('conforms') ? '' : ' # SKIP nothing was judged'}`,
    );
  return lines;
}

function renderOutcome(outcome: BorderOutcome, number: number, { run }: ReportInput): string[] {
  const { info, status, counts, cases } = outcome;
  const name = plain([info.path, info.border].filter(Boolean).join(' '));
  const why = plain(
    status === 'impossible'
      ? `cannot exist: ${info.impossible}`
      : (cases.find(({ reason }) => reason !== undefined)?.reason ?? 'no case was run'),
  );
  switch (status) {
    case 'conforms':
      return [`ok ${number} ${name}`];
    case 'deviates': {
      const whole = run.findings.find(({ cases: members }) =>
        cases.some(({ n, kind }) => kind === 'deviates' && members.includes(n)),
      );
      const finding = whole && inCell(whole, info.id);
      return [
        ...(finding
          ? [
              diagnostic(`finding ${finding.id}: ${finding.title}`),
              ...finding.deviations.flatMap(diagnose),
              diagnostic(`case ${finding.example.hash}: ${finding.example.note}${exampleFacts(finding)}`),
            ]
          : []),
        diagnostic(`${counts.deviates} of ${counts.deviates + counts.conforms} cases deviate`),
        `not ok ${number} ${name}`,
      ];
    }
    case 'expected': {
      const met = run.expected.find(({ finding: { cases: members } }) => cases.some(({ n }) => members.includes(n)));
      return [
        `ok ${number} ${name} # XFAIL ${plain(met ? `${met.expectation.reason} (${met.expectation.link}), until ${met.expectation.expires}` : 'known deviation')}`,
      ];
    }
    case 'lost':
      return [`not ok ${number} ${name} # ERROR ${why}`];
    case 'unspecified':
      return [`ok ${number} ${name} # SKIP unspecified: ${why}`];
    case 'not-run':
    case 'impossible':
      return [`ok ${number} ${name} # SKIP ${why}`];
  }
}

/** What was not judged of cases, in the line before their result. */
const inPart = (cases: BorderOutcome['cases']): string[] => {
  const text = inPartText(cases);
  return text === undefined ? [] : [diagnostic(text)];
};

function renderRun(
  {
    verdict,
    run: {
      summary: { environment },
    },
  }: ReportInput,
  number: number,
): string[] {
  const kernel =
    environment === undefined
      ? []
      : [`kernel ${environment.kernelRelease} (${environment.kernelOrigin}) ${imageText(environment)}`.trimEnd()];
  const lines = [verdict.headline, ...verdict.reasons, ...kernel].map(diagnostic);
  const directives = {
    conforms: '',
    deviates: '',
    infrastructure: ' # ERROR no verdict',
    incomplete: ' # ERROR incomplete run',
    'nothing-ran': ' # SKIP nothing was judged',
  };
  const ok = verdict.kind === 'conforms' || verdict.kind === 'nothing-ran';
  return [...lines, `${ok ? 'ok' : 'not ok'} ${number} run${directives[verdict.kind]}`];
}
