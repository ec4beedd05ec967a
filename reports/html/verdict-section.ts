/** The first thing on the page: what the run says, why, and in which numbers. */
import type { Finding } from '../finding.ts';
import { firstFindings } from '../first-findings.ts';
import { countPartial, countStatuses } from '../matrix.ts';
import type { ReportInput } from '../reporter.ts';
import { duration, plural } from '../text.ts';
import { asSentence, upperFirst, verdictBox } from './frame.ts';
import { html, type Markup } from './markup.ts';

const marks: Record<ReportInput['verdict']['kind'], string> = {
  deviates: '✗',
  conforms: '✓',
  infrastructure: '!',
  incomplete: '…',
  'nothing-ran': '∅',
};

export function verdictSection({ run, matrix, verdict }: ReportInput): Markup {
  const [word, ...rest] = verdict.headline.split(': ');
  const { environment } = run.summary;
  const statuses = countStatuses(matrix);
  const partial = countPartial(matrix);
  const possible = Object.values(statuses).reduce((sum, count) => sum + count, 0) - statuses.impossible;
  const judged = run.counts.conforms + run.counts.deviates;
  const judgedCells = statuses.conforms + statuses.deviates + statuses.expected;
  const facts: [string, string, (string | undefined)?][] = [
    [
      'Findings',
      String(run.findings.length),
      run.findings.length > 0
        ? `in ${plural(new Set(run.findings.map(({ rule }) => rule)).size, 'rule')}`
        : judged > 0
          ? 'no deviation seen'
          : 'nothing was judged',
    ],
    [
      'Cases judged',
      judged.toLocaleString('en'),
      `of ${run.cases.length.toLocaleString('en')}${run.partlyJudged > 0 ? `; ${run.partlyJudged.toLocaleString('en')} not judged in part` : ''}`,
    ],
    ...(possible > 0
      ? [
          [
            'Matrix',
            `${judgedCells} / ${possible}`,
            `rule by path cells judged${partial > 0 ? `, ${partial} of them in part` : ''}`,
          ] as [string, string, string],
        ]
      : []),
    [
      'Kernel',
      environment?.kernelRelease ?? 'unknown',
      environment
        ? `${environment.kernelOrigin}${environment.flavour ? `, ${environment.flavour}` : ''}; rules ${run.summary.revision}`
        : `rules ${run.summary.revision}`,
    ],
    [
      'Took',
      duration(run.summary.elapsedMs),
      environment ? `${environment.accelerator}, ${environment.hostCpus} CPUs` : undefined,
    ],
    [
      'Seed',
      String(run.summary.seed),
      run.summary.shard
        ? `shard ${run.summary.shard.index} of ${run.summary.shard.count}`
        : run.summary.startedAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC'),
    ],
  ];
  return verdictBox({
    mark: marks[verdict.kind],
    word: asSentence(word!),
    says: upperFirst(rest.join(': ')),
    reasons: [...firstItems(run.findings), ...verdict.reasons],
    facts,
  });
}

function firstItems(findings: readonly Finding[]): Markup[] {
  const { first, more } = firstFindings(findings);
  return [
    ...first.map(({ finding, says }, index) => html`<a href="#finding-${index + 1}">${finding.id}</a> ${says}`),
    ...(more === undefined ? [] : [html`${more}`]),
  ];
}
