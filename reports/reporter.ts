/** What every reporter gets and gives. One reporter a file; reporters.ts lists them. */
import type { Comparison } from './compare.ts';
import { buildMatrix, type Matrix } from './matrix.ts';
import type { RuleTexts } from './rule-text.ts';
import type { Run } from './run.ts';
import { judgeRun, type RunVerdict } from './verdict.ts';

export interface ReportInput {
  run: Run;
  matrix: Matrix;
  verdict: RunVerdict;
  rules: RuleTexts;
  /** What changed since an earlier run, where there is one. */
  comparison?: Comparison;
}

export interface Reporter {
  /** As in `--format`. */
  format: string;
  /** For help texts. */
  title: string;
  /** File name that the report gets in a results directory. */
  fileName: string;
  render(input: ReportInput): string | Promise<string>;
}

export function reportInput(run: Run, rules: RuleTexts, comparison?: Comparison): ReportInput {
  const matrix = buildMatrix(run);
  return { run, matrix, verdict: judgeRun(run, matrix), rules, ...(comparison && { comparison }) };
}
