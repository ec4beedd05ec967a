/** What a run reached: rules by paths in a campaign, and the kernel's code where that was asked for. */
import type { RunSummary } from '../../model/run-summary.ts';
import { coverageText } from '../coverage-text.ts';
import type { Run } from '../run.ts';
import { plural } from '../text.ts';
import { html, wide, type Markup } from './markup.ts';
import { stepPlot } from './speed-section.ts';

export function coverageSection({ summary, cases }: Run): Markup | undefined {
  const { covered, coverage } = summary;
  if (covered === undefined && coverage === undefined) return undefined;
  const fresh = cases.flatMap(({ newPlaces = 0, atMs }) =>
    newPlaces > 0 && atMs !== undefined ? [{ atMs, by: newPlaces }] : [],
  );
  return html`${
    coverage &&
    html`<h3>Kernel code</h3><p>${coverageText(coverage)}.</p>
${fresh.length > 1 && html`<div class="plots">${stepPlot('Places of the kernel reached', fresh, cases)}</div>`}
${
  coverage.files &&
  wide(
    'Lines of the kernel reached',
    html`<table class="plain"><thead><tr><th scope="col">File</th><th scope="col">Lines reached</th><th scope="col">of</th><th scope="col">Share</th></tr></thead>
<tbody>${coverage.files.map(({ file, reached, lines }) => html`<tr><th scope="row"><code>${file}</code></th><td>${reached}</td><td>${lines}</td><td><meter min="0" max="${lines}" value="${reached}" aria-label="${file}: ${reached} of ${lines} lines"></meter> ${Math.round((100 * reached) / Math.max(1, lines))} %</td></tr>`)}</tbody></table>`,
  )
}`
  }
${covered && coveredTable(covered)}`;
}

/** How many cases of a campaign made a rule refuse something, rule by path. */
function coveredTable(covered: NonNullable<RunSummary['covered']>): Markup {
  const places = Object.entries(covered).map(([place, count]) => ({
    rule: place.split(' ')[0]!,
    path: place.split(' ')[1]!,
    count,
  }));
  const paths = [...new Set(places.map(({ path }) => path))].sort();
  const rules = [...new Set(places.map(({ rule }) => rule))].sort();
  const at = new Map(places.map(({ rule, path, count }) => [`${rule} ${path}`, count]));
  return html`<h3>Rules that refused something</h3>
<p class="quiet">In how many cases, by path: ${plural(rules.length, 'rule')} on ${plural(paths.length, 'path')}, ${places.length} pairs. A dot: in none.</p>
${wide(
  'Rules that refused something, by path',
  html`<table class="plain counts"><thead><tr><th scope="col">Rule</th>${paths.map((path) => html`<th scope="col">${path}</th>`)}</tr></thead>
<tbody>${rules.map((rule) => html`<tr><th scope="row"><code>${rule}</code></th>${paths.map((path) => html`<td>${at.get(`${rule} ${path}`)?.toLocaleString('en') ?? '·'}</td>`)}</tr>`)}</tbody></table>`,
)}`;
}
