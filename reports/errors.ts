/**
 * What can be wrong with a results directory, as values; a command ends with exit code 2 for each of them, and with 3
 * for `no-summary`.
 */

export type ResultsProblem =
  | { kind: 'absent'; path: string }
  | { kind: 'not-results'; path: string }
  /** Cases without a summary: the run was killed before it could write one, or its disk was full. No verdict. */
  | { kind: 'no-summary'; path: string }
  | { kind: 'unreadable'; path: string; detail: string }
  /** Written by a newer version of the tool. */
  | { kind: 'newer-format'; path: string; found: number; known: number }
  /** `line` counts from 1 in cases.jsonl. */
  | { kind: 'corrupt'; path: string; line?: number; detail: string };

/** What happened and what to do next, in one or two sentences. */
export function explainProblem(problem: ResultsProblem): string {
  switch (problem.kind) {
    case 'absent':
      return `${problem.path} does not exist; give the directory that --out named, or that the run printed when it ended`;
    case 'not-results':
      return `${problem.path} holds no results (there is no summary.json in it); give the directory that a run wrote`;
    case 'no-summary':
      return `NO VERDICT: ${problem.path} holds the cases of a run that was killed before it wrote its summary.json; run it again`;
    case 'unreadable':
      return `${problem.path} can't be read: ${problem.detail}`;
    case 'newer-format':
      return `${problem.path} has results format ${problem.found}, and this version reads up to ${problem.known}; use the version of iomapfuzz that wrote it, or a newer one`;
    case 'corrupt':
      return `${problem.path}${problem.line === undefined ? '' : `, line ${problem.line}`} is damaged: ${problem.detail}; restore it from where it came from, or run again (a damaged run can't be judged)`;
  }
}
