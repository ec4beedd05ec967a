/**
 * The page of `compare`: what changed between two runs, or over a history of them, and which kernel or config
 * difference goes with it.
 */
import type { Comparison } from '../compare.ts';
import { cautions, comparisonHeadline } from '../compare-text.ts';
import type { Run } from '../run.ts';
import { duration } from '../text.ts';
import { judgeRun } from '../verdict.ts';
import { buildMatrix } from '../matrix.ts';
import { changedCells, changedDifferences, changedFindings, isAlike } from './comparison-section.ts';
import { asSentence, framed, sectionsOf, upperFirst, verdictBox } from './frame.ts';
import { html, wide, type Markup } from './markup.ts';

const tones = { 0: ['conforms', '✓'], 1: ['deviates', '✗'], 3: ['incomplete', '…'], 4: ['nothing-ran', '∅'] } as const;

/** `runs` as compareRuns had them: oldest first, the last is judged. */
export function comparisonPage(comparison: Comparison, runs: readonly Run[], toolVersion: string): string {
  const [tone, mark] = tones[comparison.exitCode];
  const [word, ...says] = comparisonHeadline(comparison).split(': ');
  const after = runs.at(-1)!;
  return framed({
    title: `${word}: ${after.summary.environment?.kernelRelease ?? 'unknown kernel'} against ${runs.at(-2)!.summary.environment?.kernelRelease ?? 'unknown kernel'}`,
    about: 'comparison',
    tone,
    skipTo: 'what changed',
    verdict: verdictBox({
      mark,
      word: asSentence(word!),
      says: upperFirst(says.join(': ')),
      reasons: reasons(comparison),
      facts: [
        [
          'New findings',
          String(comparison.new.length),
          `in ${new Set(comparison.new.map(({ rule }) => rule)).size} rules`,
        ],
        ['Gone', String(comparison.gone.length), 'judged again, not seen'],
        ['Newly not run', String(comparison.newlyNotRun.length), 'cells judged before'],
        [
          'Kernel differences',
          String(comparison.kernel.length),
          comparison.kernel.length === 0 ? 'the same image and config' : 'below',
        ],
      ],
    }),
    sections: sectionsOf([
      ['changes', 'Findings', changedFindings(comparison) ?? html`<p class="quiet">Neither run has a finding.</p>`],
      ['cells', 'Cells', changedCells(comparison)],
      [
        'differences',
        'Differences',
        html`${changedDifferences(comparison)}${isAlike(comparison) && html`<p class="quiet">Kernel and config are the same in both runs.</p>`}`,
      ],
      ['runs', 'Runs', runTable(runs)],
    ]),
    footer: `Made by iomapfuzz ${toolVersion}. \`iomapfuzz report DIR\` makes the full report of each run.`,
  });
}

/** What a reader with little time must know: what broke, and what could have done it. */
function reasons(comparison: Comparison): string[] {
  const { new: findings } = comparison;
  return [
    ...findings.slice(0, 8).map(({ id, title, paths }) => `new: ${id} ${title} (on ${paths.join(', ')})`),
    ...(findings.length > 8 ? [`new: ${findings.length - 8} further findings`] : []),
    ...cautions(comparison),
    ...(comparison.exitCode === 0 ? [] : explanations(comparison)),
  ];
}

/** The differences that can explain a change, in a few words; the table has all of them. */
function explanations({ kernel }: Comparison): string[] {
  const config = kernel.filter(({ field }) => field.startsWith('CONFIG_'));
  const short = kernel
    .filter(({ field }) => !config.some((one) => one.field === field) && field !== 'kernel version')
    .map(({ field, before, after }) =>
      field === 'kernel image'
        ? `another kernel image (${after.slice(0, 12)}, before ${before.slice(0, 12)})`
        : `${field} ${after}, before ${before}`,
    );
  return [
    ...short,
    ...(config.length === 0
      ? []
      : [
          config.length > 4
            ? `${config.length} options of the configuration, among them ${config
                .slice(0, 3)
                .map(({ field }) => field)
                .join(', ')}`
            : config.map(({ field, before, after }) => `${field} ${after}, before ${before}`).join('; '),
        ]),
  ].map((text) => `goes with it: ${text}`);
}

const runTable = (runs: readonly Run[]): Markup =>
  wide(
    'Compared runs',
    html`<table class="plain"><thead><tr><th scope="col">Run</th><th scope="col">Kernel</th><th scope="col">Verdict</th><th scope="col">Cases</th><th scope="col">Began</th></tr></thead>
<tbody>${runs.map(
      (
        run,
        index,
      ) => html`<tr><th scope="row"><code>${run.directory}</code><br><small>${index === runs.length - 1 ? 'judged' : index === runs.length - 2 ? 'judged against' : 'shows what is flaky'}</small></th><td>${run.summary.environment?.kernelRelease ?? 'unknown'}<br><small>${run.summary.environment?.kernelOrigin}; image <code>${run.summary.environment?.kernelImageHash.slice(0, 12)}</code></small></td><td>${judgeRun(run, buildMatrix(run)).headline}</td><td>${(run.counts.conforms + run.counts.deviates).toLocaleString('en')} judged, seed ${run.summary.seed}</td><td>${run.summary.startedAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')}<br><small>${duration(run.summary.elapsedMs)}</small></td></tr>
`,
    )}</tbody></table>`,
  );
