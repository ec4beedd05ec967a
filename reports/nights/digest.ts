/** What a night keeps of a run: small enough that a year of nights is read in a moment. */
import type { Aspect } from '../../model/verdict.ts';
import { compareRuns } from '../compare.ts';
import { comparisonHeadline, comparisonLines } from '../compare-text.ts';
import type { Finding } from '../finding.ts';
import { imageText } from '../image-text.ts';
import { buildMatrix, countPartial, countStatuses } from '../matrix.ts';
import { judgedBy, type Run, type StoredCase } from '../run.ts';
import { judgeRun } from '../verdict.ts';
import type { Digest, Night, NightFinding } from './night.ts';
import { openFindings } from './trend.ts';

/**
 * `before`: earlier runs of the kind that judged something, oldest first, with the names of their nights; `history`:
 * all earlier nights.
 */
export function digestRun(
  kind: string,
  run: Run,
  before: { name: string; run: Run }[],
  history: readonly Night[],
): Digest {
  const matrix = buildMatrix(run);
  const statuses = countStatuses(matrix);
  const { conforms } = statuses;
  const deviates = statuses.deviates + statuses.expected;
  const partial = countPartial(matrix);
  const verdict = judgeRun(run, matrix);
  const { environment } = run.summary;
  const findings = run.findings.map(toNightFinding);
  const last = before.at(-1);
  const comparison = last && compareRuns([...before.map((one) => one.run), run]);
  return {
    verdict: verdict.kind,
    headline: verdict.headline,
    counts: run.counts,
    cells: {
      conforms,
      deviates,
      possible: Object.values(statuses).reduce((sum, count) => sum + count, 0) - statuses.impossible,
    },
    ...(partial + run.partlyJudged > 0 && { inPart: { cases: run.partlyJudged, cells: partial } }),
    findings,
    closed: closedBy(
      run,
      [...findings, ...run.expected.map(({ finding }) => toNightFinding(finding))],
      openFindings(history, kind),
    ),
    ...(environment && {
      kernel: {
        release: environment.kernelRelease,
        version: environment.kernelVersion,
        imageHash: environment.kernelImageHash,
        origin: environment.kernelOrigin,
        ...(imageText(environment) !== '' && { image: imageText(environment) }),
        ...(environment.flavour !== undefined && { flavour: environment.flavour }),
      },
    }),
    ...(comparison && {
      comparison: {
        against: last.name,
        headline: comparisonHeadline(comparison),
        exitCode: comparison.exitCode,
        lines: comparisonLines(comparison).slice(1),
      },
    }),
  };
}

const toNightFinding = ({ id, key, rule, paths, example, title, deviations: [first] }: Finding): NightFinding => ({
  key,
  id,
  rule,
  path: paths.join(', '),
  ...(example.cell !== undefined && { cell: example.cell }),
  ...(first && { aspect: first.aspect }),
  shown: title.startsWith(`${rule}: `) ? title.slice(rule.length + 2) : title,
});

const isJudged = ({ kind }: StoredCase): boolean => kind === 'conforms' || kind === 'deviates';

/**
 * What was not looked for again, by what showed it, is still open. A finding without a cell was drawn at random: only a whole run can close
 * it.
 */
function closedBy(run: Run, findings: NightFinding[], open: NightFinding[]): NightFinding[] {
  const there = new Set(findings.map(({ key }) => key));
  const whole = run.summary.complete && run.counts.lost === 0 && run.counts.conforms > 0;
  const judged = (cell: string | undefined, aspect: Aspect | undefined): boolean =>
    run.cases.some(
      (one) =>
        (cell === undefined || one.cell === cell) &&
        (aspect === undefined ? isJudged(one) && one.unjudged === undefined : judgedBy(one, aspect)),
    );
  return open.filter(
    ({ key, cell, aspect }) => !there.has(key) && (cell !== undefined || whole) && judged(cell, aspect),
  );
}
