/** JSON: the verdict, the matrix and the findings as one document, for programs that do not want to read every case. */
import { asciiJson } from '../model/plain-text.ts';
import { encodeMatrix } from './encode-matrix.ts';
import type { Reporter } from './reporter.ts';
import { reproduceCommands } from './reproduce.ts';

export const jsonReporter: Reporter = {
  format: 'json',
  title: 'verdict, matrix and findings as one document',
  fileName: 'report.json',
  render({ run, matrix, verdict, rules, comparison }) {
    const { cells: _cells, ...summary } = run.summary;
    return `${asciiJson(
      {
        reportFormat: 1,
        verdict,
        counts: run.counts,
        run: { ...summary, counts: undefined },
        matrix: encodeMatrix(matrix),
        findings: run.findings.map((finding) => ({
          id: finding.id,
          key: finding.key,
          title: finding.title,
          severity: finding.severity,
          rule: finding.rule,
          clause: rules.get(finding.rule)?.clause,
          behaviour: rules.get(finding.rule)?.behaviour,
          paths: finding.paths,
          places: finding.places.map(({ rule, path, cell, half, border, cases }) => ({
            rule,
            path,
            cell,
            half,
            border,
            cases,
          })),
          deviations: finding.deviations,
          caseCount: finding.cases.length,
          cases: finding.cases,
          example: finding.example,
          minimised: finding.minimised,
          notMinimised: finding.notMinimised,
          reliability: finding.reliability,
          file: finding.file,
          reproduce: reproduceCommands(finding, run),
        })),
        expected: run.expected.map(({ finding: { id, key, title, cases }, expectation }) => ({
          id,
          key,
          title,
          caseCount: cases.length,
          expectation,
        })),
        losses: run.losses.map(({ reason, cases, example }) => ({ reason, cases, consoleTail: example.consoleTail })),
        unjudged: run.unjudged,
        partlyJudged: run.partlyJudged,
        flaky: run.flaky,
        damage: run.damage,
        comparison,
      },
      1,
    )}\n`;
  },
};
