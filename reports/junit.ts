/**
 * JUnit XML: one suite a rule and half, one test a path and border. Because CI systems show a file in which everything
 * is skipped as green, the suite `run` holds a test that fails or errs whenever the run as a whole is not a pass.
 */
import { matrixCells, type BorderOutcome } from './matrix.ts';
import { exampleText, extentText, inCell, type Finding } from './finding.ts';
import { inPartText } from './partly-judged-text.ts';
import type { ReportInput, Reporter } from './reporter.ts';
import { reproduceCommands } from './reproduce.ts';
import { clauseText } from './rule-text.ts';
import type { Run } from './run.ts';
import { plainText } from '../model/plain-text.ts';
import { logExcerpt } from './text.ts';
import { buildTimeline, timelineText } from './timeline.ts';
import { headerText, numbersIn } from './uapi-header-text.ts';

const LOG_LINES = 200;
const escapes: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\n': '&#10;',
  '\t': '&#9;',
};
const attribute = (text: string): string => plainText(text).replace(/[&<>"\n\t]/g, (sign) => escapes[sign]!);
const content = (text: string): string => plainText(text).replace(/[&<>]/g, (sign) => escapes[sign]!);

interface Test {
  name: string;
  className: string;
  outcome: 'passed' | 'failure' | 'error' | 'skipped';
  message?: string;
  body?: string;
  log?: string | undefined;
  note?: string | undefined;
}

export const junitReporter: Reporter = {
  format: 'junit',
  title: 'JUnit XML, with the kernel log of deviations',
  fileName: 'junit.xml',
  render(input) {
    const suites = [{ name: 'run', tests: [wholeRun(input)] }, ...cellSuites(input)];
    const inFuzzing = input.run.findings.filter(({ example }) => example.cell === undefined);
    if (inFuzzing.length > 0)
      suites.push({
        name: 'findings',
        tests: inFuzzing.map((finding) => findingTest(finding, input, 'findings', `${finding.id}: ${finding.key}`)),
      });
    const all = suites.flatMap(({ tests }) => tests);
    const seconds = (input.run.summary.elapsedMs / 1000).toFixed(3);
    return [
      '<?xml version="1.0" encoding="UTF-8"?>',
      `<testsuites name="iomapfuzz ${attribute(input.run.summary.kind)}" ${totals(all)} time="${seconds}">`,
      ...suites.map(({ name, tests }, index) => renderSuite(name, tests, input.run, index === 0)),
      '</testsuites>',
      '',
    ].join('\n');
  },
};

function wholeRun({ run, verdict }: ReportInput): Test {
  const body = [verdict.headline, ...verdict.reasons].join('\n');
  const outcome = {
    conforms: 'passed',
    deviates: 'failure',
    infrastructure: 'error',
    incomplete: 'error',
    'nothing-ran': 'error',
  } as const;
  return {
    name: 'verdict',
    className: 'iomapfuzz.run',
    outcome: outcome[verdict.kind],
    message: verdict.headline,
    body,
    note: outcome[verdict.kind] === 'passed' ? (verdict.reasons.length > 0 ? body : undefined) : undefined,
    log: run.losses.map(({ reason, example }) => `${reason}\n${example.consoleTail ?? ''}`).join('\n') || undefined,
  };
}

function cellSuites(input: ReportInput): { name: string; tests: Test[] }[] {
  const suites = new Map<string, Test[]>();
  for (const { row, cell } of matrixCells(input.matrix)) {
    const tests = suites.get(row.label) ?? [];
    suites.set(row.label, tests);
    for (const outcome of cell.borders) tests.push(cellTest(outcome, row.label, cell.reasons, input));
  }
  return [...suites].map(([name, tests]) => ({ name, tests }));
}

function cellTest(outcome: BorderOutcome, label: string, reasons: string[], input: ReportInput): Test {
  const { info, status, counts } = outcome;
  const note = inPartText(outcome.cases);
  const test = {
    name: [info.path, info.border].filter(Boolean).join(' '),
    className: `iomapfuzz.${label.replace('/', '.')}`,
    ...(note !== undefined && { note }),
  };
  const why =
    info.impossible !== undefined && status === 'impossible'
      ? info.impossible
      : (outcome.cases.find(({ reason }) => reason !== undefined)?.reason ?? reasons.join('; '));
  switch (status) {
    case 'conforms':
      return { ...test, outcome: 'passed' };
    case 'deviates': {
      const finding = input.run.findings.find(({ cases }) =>
        outcome.cases.some(({ n, kind }) => kind === 'deviates' && cases.includes(n)),
      );
      if (finding) return { ...findingTest(inCell(finding, info.id), input, test.className, test.name), note };
      return { ...test, outcome: 'failure', message: `${counts.deviates} cases deviate` };
    }
    case 'expected': {
      const met = input.run.expected.find(({ finding: { cases } }) => outcome.cases.some(({ n }) => cases.includes(n)));
      return {
        ...test,
        outcome: 'skipped',
        message: `deviates as expected${met ? ` until ${met.expectation.expires}: ${met.expectation.reason} (${met.expectation.link})` : ''}`,
      };
    }
    case 'lost':
      return { ...test, outcome: 'error', message: `${counts.lost} cases lost: ${why}` };
    case 'unspecified':
      return { ...test, outcome: 'skipped', message: `unspecified: ${why}` };
    case 'not-run':
      return { ...test, outcome: 'skipped', message: `not run: ${why}` };
    case 'impossible':
      return { ...test, outcome: 'skipped', message: `cannot exist: ${why}` };
  }
}

function findingTest(finding: Finding, { run, rules }: ReportInput, className: string, name: string): Test {
  const rule = rules.get(finding.rule);
  return {
    name,
    className,
    outcome: 'failure',
    message: `${finding.title} (finding ${finding.id}, ${extentText(finding)})`,
    body: [
      ...(rule ? [`rule: ${clauseText(rule)}`] : []),
      `case ${exampleText(finding)}`,
      '',
      ...timelineText(buildTimeline(finding.example, numbersIn(run))),
      '',
      ...reproduceCommands(finding, run),
    ].join('\n'),
    log: finding.example.consoleTail,
  };
}

const totals = (tests: Test[]): string => {
  const count = (outcome: Test['outcome']): number => tests.filter((test) => test.outcome === outcome).length;
  return `tests="${tests.length}" failures="${count('failure')}" errors="${count('error')}" skipped="${count('skipped')}"`;
};

function renderSuite(name: string, tests: Test[], run: Run, withProperties: boolean): string {
  return [
    ` <testsuite name="${attribute(name)}" ${totals(tests)} timestamp="${attribute(run.summary.startedAt.replace(/\.\d+Z$|Z$/, ''))}"${withProperties ? ` time="${(run.summary.elapsedMs / 1000).toFixed(3)}"` : ''}>`,
    ...(withProperties
      ? [
          '  <properties>',
          ...properties(run).map(
            ([key, value]) => `   <property name="${attribute(key)}" value="${attribute(value)}"/>`,
          ),
          '  </properties>',
        ]
      : []),
    ...tests.map(renderTest),
    ' </testsuite>',
  ].join('\n');
}

/** Facts about the run as flat name-value pairs. */
function properties({ summary }: Run): [string, string][] {
  const { environment } = summary;
  return [
    ['tool', `iomapfuzz ${summary.toolVersion}`],
    ['revision', summary.revision],
    ...(summary.uapiHeader ? [['uapiHeader', headerText(summary)] as [string, string]] : []),
    ['seed', String(summary.seed)],
    ['complete', String(summary.complete)],
    ...Object.entries(environment ?? {}).map(([key, value]): [string, string] => [
      key,
      Array.isArray(value) ? value.join(' ') : String(value),
    ]),
  ];
}

function renderTest({ name, className, outcome, message, body, log, note }: Test): string {
  const open = `  <testcase name="${attribute(name)}" classname="${attribute(className)}"`;
  const inner =
    outcome === 'passed'
      ? ''
      : `<${outcome} message="${attribute(message ?? '')}"${outcome === 'skipped' ? '' : ` type="${outcome === 'failure' ? 'deviation' : 'infrastructure'}"`}>${content(body ?? '')}</${outcome}>`;
  const texts = [...(note ? [note] : []), ...(log ? [`kernel log:\n${logExcerpt(log, LOG_LINES).join('\n')}`] : [])];
  const output = texts.length > 0 ? `<system-out>${content(texts.join('\n'))}</system-out>` : '';
  return inner || output ? `${open}>${inner}${output}</testcase>` : `${open}/>`;
}
