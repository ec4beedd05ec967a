/**
 * One self-contained page: no network, readable without its script, which adds the cases behind each cell, filters and
 * keys.
 */
import type { ReportInput, Reporter } from '../reporter.ts';
import { pageScript } from './assets.ts';
import { packed, pageData } from './encode.ts';
import { coverageSection } from './coverage-section.ts';
import { comparisonSection } from './comparison-section.ts';
import { environmentSection } from './environment-section.ts';
import { findingsSection } from './findings-section.ts';
import { framed, sectionsOf } from './frame.ts';
import { html, type Markup } from './markup.ts';
import { matrixSection, rulesSection } from './matrix-section.ts';
import { speedSection } from './speed-section.ts';
import { verdictSection } from './verdict-section.ts';

export const htmlReporter: Reporter = {
  format: 'html',
  title: 'one self-contained page',
  fileName: 'report.html',
  render: page,
};

function page(input: ReportInput): string {
  const { run, verdict, comparison, matrix } = input;
  return framed({
    title: title(input),
    about: `${run.summary.kind} report`,
    tone: verdict.kind,
    skipTo: 'the verdict',
    verdict: verdictSection(input),
    sections: sectionsOf([
      ['findings', 'Findings', (run.findings.length > 0 || run.losses.length > 0) && findingsSection(input)],
      ['compared', 'Compared', comparison && comparisonSection(comparison)],
      ['matrix', 'Matrix', matrix.groups.length > 0 && matrixSection(input)],
      ['cases', 'Cases', run.cases.length > 0 && casesSection(run)],
      ['coverage', 'Coverage', coverageSection(run)],
      ['speed', 'Speed', speedSection(input)],
      ['environment', 'Environment', environmentSection(run)],
      ['rules', 'Rules', matrix.groups.length > 0 && rulesSection(input)],
    ]),
    footer: html`Made by iomapfuzz ${run.summary.toolVersion} from results of ${run.summary.startedAt}. Keys: <kbd>/</kbd> filter rules, arrow keys move in the matrix, <kbd>Enter</kbd> opens a cell, <kbd>Esc</kbd> closes it, <kbd>j</kbd> and <kbd>k</kbd> next and previous finding.`,
    script: {
      dialog: html`<dialog id="panel" aria-labelledby="panel-title"></dialog>`,
      data: packed(pageData(input)),
      code: pageScript(),
    },
  });
}

const title = ({ run, verdict }: ReportInput): string =>
  `${verdict.headline.split(':')[0]}: ${run.summary.environment?.kernelRelease ?? 'unknown kernel'}`;

const casesSection = ({
  cases,
  partlyJudged,
}: ReportInput['run']): Markup => html`<p class="quiet">All ${cases.length.toLocaleString('en')} cases of the run, those that say most first. The list is drawn when it is asked for.</p>
<search class="filters" id="case-filters" data-script aria-label="Filter the cases">
<label>Search <input type="search" id="case-search" placeholder="rule, path, value, hash" autocomplete="off"></label>
<label>Verdict <select id="case-kind"><option value="">all</option><option value="d">deviates</option><option value="l">lost</option><option value="n">not run</option><option value="u">unspecified</option><option value="c">conforms</option>${partlyJudged > 0 && html`<option value="partial">judged in part</option>`}</select></label>
<output id="case-count" for="case-search case-kind"></output>
</search>
<div id="case-list" class="cases"></div>
<noscript><p>The list of cases needs the page's script. Everything else on this page does not.</p></noscript>`;
