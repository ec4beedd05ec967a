/** The verdict on a whole run, its reasons and its exit code. The one place that says when a run is a pass. */
import { coverageText } from './coverage-text.ts';
import { libertyText } from './liberties-text.ts';
import { isFlaky, isSmall, minimisedText } from './finding.ts';
import { countStatuses, matrixCells, type Matrix } from './matrix.ts';
import { lacksShards } from './missing-shards.ts';
import { omittedText } from './omitted-text.ts';
import { lackingChannelTexts, partlyJudgedText } from './partly-judged-text.ts';
import { planUnknown, type Run } from './run.ts';
import { plural } from './text.ts';
import { revisionIds } from '../uapi/revision.ts';

export interface RunVerdict {
  kind: 'deviates' | 'conforms' | 'infrastructure' | 'incomplete' | 'nothing-ran';
  /** As docs/architecture.md says: 0, 1, 3 or 4. */
  exitCode: 0 | 1 | 3 | 4;
  /** One line; starts with a word that can be searched for. */
  headline: string;
  /** What the headline rests on and what it leaves out, most important first. */
  reasons: string[];
}

const exitCodes = { deviates: 1, conforms: 0, infrastructure: 3, incomplete: 3, 'nothing-ran': 4 } as const;

export function judgeRun(run: Run, matrix: Matrix): RunVerdict {
  const { counts, findings } = run;
  const judged = counts.conforms + counts.deviates;
  const kind = kindOf(run, judged);
  const rules = new Set(findings.map(({ rule }) => rule)).size;
  const statuses = countStatuses(matrix);
  const cells = statuses.conforms + statuses.deviates + statuses.expected;
  const headlines: Record<RunVerdict['kind'], () => string> = {
    deviates: () =>
      `DEVIATES: ${plural(findings.length, 'finding')} in ${plural(rules, 'rule')}; ` +
      (judged === 0
        ? 'no case was judged'
        : counts.deviates === 0
          ? `none of ${plural(judged, 'judged case')} shows it`
          : `${plural(counts.deviates, 'case')} of ${judged} judged`) +
      (run.summary.complete ? '' : ' (and the run is incomplete)'),
    conforms: () =>
      `CONFORMS: ${run.expected.length > 0 ? `${counts.conforms} of ${judged} judged cases conform, the others deviate as expected` : counts.conforms === 1 ? 'the one judged case conforms' : `all ${counts.conforms} judged cases conform`}` +
      (cells > 0 ? `, in ${plural(cells, 'cell')} of the matrix` : '') +
      inPart(run),
    infrastructure: () =>
      `NO VERDICT: ${counts.lost > 0 ? `${plural(counts.lost, 'case')} of ${run.cases.length} ${counts.lost === 1 ? 'was' : 'were'} lost to the infrastructure` : (run.summary.endedBy ?? run.damage[0] ?? 'the infrastructure failed')}`,
    incomplete: () =>
      planUnknown(run)
        ? `NO VERDICT: it is not known whether cases are missing; ${plural(judged, 'case')} judged, none deviates`
        : `NO VERDICT: the run is incomplete (${run.summary.endedBy ?? 'it was killed, or it is still running'}); ${plural(judged, 'case')} judged so far, none deviates`,
    'nothing-ran': () => 'NOTHING WAS JUDGED: this is not a pass',
  };
  return { kind, exitCode: exitCodes[kind], headline: headlines[kind](), reasons: reasonsOf(run, matrix) };
}

/** Not what the kernel lacks altogether: a notice says that. */
const inPart = ({ partlyJudged }: Run): string =>
  partlyJudged === 0 ? '' : `; something was not judged in ${plural(partlyJudged, 'case')}`;

function kindOf(run: Run, judged: number): RunVerdict['kind'] {
  if (
    run.cases.some(({ kind, expected }) => kind === 'deviates' && !expected) ||
    run.findings.some(({ ofRun }) => ofRun)
  )
    return 'deviates';
  if (run.counts.lost > 0 || (run.damage.length > 0 && run.summary.complete)) return 'infrastructure';
  if (!run.summary.complete) return judged === 0 && run.cases.length === 0 ? 'infrastructure' : 'incomplete';
  if (judged === 0) return 'nothing-ran';
  return planUnknown(run) ? 'incomplete' : 'conforms';
}

function reasonsOf(run: Run, matrix: Matrix): string[] {
  const { summary, counts, losses, damage, flaky } = run;
  const reasons = [
    ...likelyRevision(run),
    ...summary.notices,
    ...lackingChannelTexts(summary),
    ...run.expectationNotices,
  ];
  for (const {
    finding: { id, title, cases },
    expectation: { reason, link, expires },
  } of run.expected) {
    reasons.push(`expected until ${expires}: ${id} ${title} (${plural(cases.length, 'case')}): ${reason} (${link})`);
  }
  if (!summary.complete)
    reasons.push(
      `the run is incomplete: ${summary.endedBy ?? 'it was killed, or it is still running'}; ${unfinished(run)}`,
    );
  if (summary.shard && summary.shard.count > 1)
    reasons.push(`only shard ${summary.shard.index} of ${summary.shard.count}: merge all shards for the whole picture`);
  if (planUnknown(run))
    reasons.push(
      'the number of planned cases is not known: the results were written by an iomapfuzz that did not store it; run it again for a verdict',
    );
  if (summary.omitted) reasons.push(omittedText(summary.omitted));
  reasons.push(...damage);
  for (const { reason, cases } of losses) reasons.push(`${plural(cases.length, 'case')} lost: ${reason}`);
  reasons.push(...run.unjudged.map(partlyJudgedText));
  for (const [reason, count] of tally(
    run.cases.filter(({ kind }) => kind === 'not-run').map((entry) => entry.reason ?? 'no reason given'),
  )) {
    reasons.push(`${plural(count, 'case')} not run: ${reason}`);
  }
  const silent = matrixCells(matrix)
    .flatMap(({ cell }) => cell.borders)
    .filter(({ status, cases }) => status === 'not-run' && cases.length === 0).length;
  if (silent > 0) reasons.push(`${plural(silent, 'border')} of the matrix without a case`);
  if (counts.unspecified > 0)
    reasons.push(`${plural(counts.unspecified, 'case')} unspecified: the rules do not say what must happen`);
  for (const liberty of summary.liberties ?? []) reasons.push(libertyText(liberty));
  if (summary.coverage) reasons.push(coverageText(summary.coverage));
  reasons.push(...largeReasons(run));
  const unsteady = run.findings.filter(isFlaky);
  if (unsteady.length > 0)
    reasons.push(
      `${plural(unsteady.length, 'finding')} did not show in every replay (flaky): ${unsteady
        .slice(0, 3)
        .map(({ id, title }) => `${id} ${title}`)
        .join(', ')}${unsteady.length > 3 ? ' ...' : ''}`,
    );
  if (flaky.length > 0)
    reasons.push(
      `${plural(flaky.length, 'case')} judged differently when repeated (flaky): ${flaky
        .slice(0, 3)
        .map((hash) => hash.slice(0, 12))
        .join(', ')}${flaky.length > 3 ? ' ...' : ''}`,
    );
  return reasons;
}

/** How much there is of a run that did not end, and what to do for the rest. */
function unfinished({ summary: { planned, endedBy }, cases }: Run): string {
  const there =
    planned === undefined
      ? 'what finished is reported'
      : `${cases.length} of ${plural(planned, 'planned case')} finished and ${cases.length === 1 ? 'is' : 'are'} reported`;
  if (lacksShards(endedBy))
    return `${plural(cases.length, 'case')} of the shards that are there; run each shard that is missing (--shard), and merge all of them again`;
  // What else ends a run says itself what to do, or would end it again.
  if (endedBy !== undefined && !endedBy.startsWith('interrupted by SIG')) return there;
  return `${there}; ${endedBy === undefined ? 'if it does not run any more, ' : ''}give the same command again, with another --out, for a verdict on all of it`;
}

/** What was not made small, and why: one line for each reason. */
function largeReasons({ findings }: Run): string[] {
  const large = findings.filter((finding) => !isSmall(finding) && minimisedText(finding) !== undefined);
  const reasons = new Map<string, string[]>();
  for (const finding of large) {
    const why = finding.notMinimised ?? minimisedText(finding)!.replace(/ after \d+ forms$/, '');
    reasons.set(why, [...(reasons.get(why) ?? []), finding.id]);
  }
  return [...reasons].map(
    ([why, ids]) =>
      `${ids.length} of ${plural(findings.length, 'finding')} ${ids.length === 1 ? 'was' : 'were'} not made small: ${why} (${ids.slice(0, 5).join(', ')}${ids.length > 5 ? ' ...' : ''})`,
  );
}

/** When all that deviates conforms by another revision, that is the likely cause, and the first thing to say. */
function likelyRevision({ cases, summary }: Run): string[] {
  const deviating = cases.filter(({ kind, expected }) => kind === 'deviates' && !expected);
  if (deviating.length === 0) return [];
  return revisionIds
    .toReversed()
    .filter((revision) => deviating.every(({ conformsAs }) => conformsAs?.includes(revision)))
    .slice(0, 1)
    .map(
      (revision) =>
        `the revision is the likely cause: ${deviating.length === 1 ? 'the case that deviates' : `each of the ${deviating.length} cases that deviate`} from ${summary.revision} conforms by ${revision}; try --uapi ${revision}`,
    );
}

function tally(values: string[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}
