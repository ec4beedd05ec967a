/** One self-contained page: no network, readable without its script, which adds the cases behind each cell, filters and keys. */
import type { ReportInput, Reporter } from '../reporter.ts';
import { pageScript, pageStyle } from './assets.ts';
import { packed, pageData } from './encode.ts';
import { coverageSection } from './coverage-section.ts';
import { comparisonSection } from './comparison-section.ts';
import { environmentSection } from './environment-section.ts';
import { findingsSection } from './findings-section.ts';
import { html, Markup } from './markup.ts';
import { matrixSection, rulesSection } from './matrix-section.ts';
import { speedSection } from './speed-section.ts';
import { verdictSection } from './verdict-section.ts';

// Nothing is fetched, whatever a kernel log or a case note may contain.
const POLICY = 'default-src \'none\'; style-src \'unsafe-inline\'; script-src \'unsafe-inline\'; img-src data:; base-uri \'none\'; form-action \'none\'';

export const htmlReporter: Reporter = {
  format: 'html',
  title: 'one self-contained page',
  fileName: 'report.html',
  render: (input) => `${page(input).text}\n`,
};

function page(input: ReportInput): Markup {
  const { run, verdict, comparison } = input;
  const sections: [string, string, Markup | undefined][] = [
    ['findings', 'Findings', run.findings.length > 0 || run.losses.length > 0 ? findingsSection(input) : undefined],
    ['compared', 'Compared', comparison && comparisonSection(comparison)],
    ['matrix', 'Matrix', input.matrix.groups.length > 0 ? matrixSection(input) : undefined],
    ['cases', 'Cases', run.cases.length > 0 ? casesSection(run.cases.length) : undefined],
    ['coverage', 'Coverage', coverageSection(run)],
    ['speed', 'Speed', speedSection(input)],
    ['environment', 'Environment', environmentSection(run)],
    ['rules', 'Rules', input.matrix.groups.length > 0 ? rulesSection(input) : undefined],
  ];
  const present = sections.filter(([, , section]) => section !== undefined);
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title(input)}</title>
<style>${new Markup(pageStyle())}</style>
</head>
<body class="verdict-${verdict.kind}">
<a class="skip" href="#main">Skip to the verdict</a>
<header class="top">
<p class="brand">iomapfuzz <span>${run.summary.kind} report</span></p>
<nav aria-label="Sections"><ul>${present.map(([id, name]) => html`<li><a href="#${id}">${name}</a></li>`)}</ul></nav>
</header>
<main id="main">
${verdictSection(input)}
${present.map(([id, name, section]) => html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${name}</h2>
${section!}
</section>
`)}
</main>
<footer><p>Made by iomapfuzz ${run.summary.toolVersion} from results of ${run.summary.startedAt}. Keys: <kbd>/</kbd> filter rules, arrow keys move in the matrix, <kbd>Enter</kbd> opens a cell, <kbd>Esc</kbd> closes it, <kbd>j</kbd> and <kbd>k</kbd> next and previous finding.</p></footer>
<dialog id="panel" aria-labelledby="panel-title"></dialog>
<script type="application/octet-stream" id="data">${new Markup(packed(pageData(input)))}</script>
<script>${new Markup(pageScript())}</script>
</body>
</html>`;
}

const title = ({ run, verdict }: ReportInput): string => `${verdict.headline.split(':')[0]}: ${run.summary.environment?.kernelRelease ?? 'unknown kernel'} - iomapfuzz`;

const casesSection = (count: number): Markup => html`<p class="quiet">All ${count.toLocaleString('en')} cases of the run, those that say most first. The list is drawn when it is asked for.</p>
<search class="filters" id="case-filters" data-script aria-label="Filter the cases">
<label>Search <input type="search" id="case-search" placeholder="rule, path, value, hash" autocomplete="off"></label>
<label>Verdict <select id="case-kind"><option value="">all</option><option value="d">deviates</option><option value="l">lost</option><option value="n">not run</option><option value="u">unspecified</option><option value="c">conforms</option></select></label>
<output id="case-count" for="case-search case-kind"></output>
</search>
<div id="case-list" class="cases"></div>
<noscript><p>The list of cases needs the page's script. Everything else on this page does not.</p></noscript>`;
