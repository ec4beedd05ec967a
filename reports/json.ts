/** JSON: the verdict, the matrix and the findings as one document, for programs that do not want to read every case. */
import { asciiJson } from '../harness/model/plain-text.ts';
import { encodeMatrix } from './encode-matrix.ts';
import type { Reporter } from './reporter.ts';
import { reproduceCommands } from './reproduce.ts';

export const jsonReporter: Reporter = {
  format: 'json',
  title: 'verdict, matrix and findings as one document',
  fileName: 'report.json',
  render({ run, matrix, verdict, rules, comparison }) {
    const { cells: _cells, ...summary } = run.summary;
    return `${asciiJson({
      reportFormat: 1,
      verdict,
      counts: run.counts,
      run: { ...summary, counts: undefined },
      matrix: encodeMatrix(matrix),
      findings: run.findings.map((finding) => ({
        key: finding.key, rule: finding.rule, half: finding.half, path: finding.path, border: finding.border, clause: rules.get(finding.rule)?.clause, behaviour: rules.get(finding.rule)?.behaviour,
        aspects: finding.aspects, deviations: finding.deviations, caseCount: finding.cases.length, cases: finding.cases,
        example: finding.example, minimised: finding.minimised, reliability: finding.reliability, file: finding.file, reproduce: reproduceCommands(finding, run),
      })),
      expected: run.expected.map(({ finding: { key, cases }, expectation }) => ({ key, caseCount: cases.length, expectation })),
      losses: run.losses.map(({ reason, cases, example }) => ({ reason, cases, consoleTail: example.consoleTail })),
      flaky: run.flaky,
      damage: run.damage,
      comparison,
    }, 1)}\n`;
  },
};
