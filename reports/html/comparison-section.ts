/** What changed since the run before. */
import type { Comparison, Difference } from '../compare.ts';
import { cautions, comparisonHeadline, groupCells, statusWord } from '../compare-text.ts';
import { plural } from '../text.ts';
import { upperFirst } from './frame.ts';
import { html, wide, type Markup } from './markup.ts';

export function comparisonSection(comparison: Comparison): Markup {
  return html`<p class="lead">${comparisonHeadline(comparison)}</p>
<p class="quiet">Against <code>${comparison.before.directory}</code> (${comparison.before.startedAt}).</p>
${cautions(comparison).map((text) => html`<p>${upperFirst(text)}.</p>`)}
${changedFindings(comparison)}
${changedCells(comparison)}
${changedDifferences(comparison)}
${isAlike(comparison) && html`<p class="quiet">Kernel and config are the same in both runs.</p>`}`;
}

const kinds = [
  ['new', 'New'],
  ['changed', 'Changed'],
  ['flaky', 'Flaky'],
  ['gone', 'Gone'],
  ['notTried', 'Not tried again'],
  ['expected', 'Expected'],
  ['same', 'Unchanged'],
] as const;

export function changedFindings(comparison: Comparison): Markup | undefined {
  const findings = kinds.flatMap(([kind, name]) => comparison[kind].map((entry) => ({ kind, name, ...entry })));
  return findings.length === 0
    ? undefined
    : wide(
        'Findings that changed',
        html`<table class="plain"><thead><tr><th scope="col">Change</th><th scope="col">Finding</th><th scope="col">Before</th><th scope="col">Now</th></tr></thead>
<tbody>${findings.map(
          ({
            kind,
            name,
            id,
            title,
            before,
            after,
            note,
          }) => html`<tr class="c-${kind}"><th scope="row">${name}</th><td><code>${id}</code> ${title}${note && html`<br><small>${note}</small>`}</td><td>${before ?? 'not there'}</td><td>${after ?? (kind === 'notTried' ? 'not tried' : 'not there')}</td></tr>
`,
        )}</tbody></table>`,
      );
}

export const changedCells = ({ newlyNotRun, newlyRun, newlyInPart, neverRun }: Comparison): Markup | undefined => {
  if (newlyNotRun.length + newlyRun.length + newlyInPart.length + neverRun.length === 0) return undefined;
  return html`${cells('Judged before, not judged now', newlyNotRun)}${cells('Judged before, judged in part now', newlyInPart)}${cells('Judged now, not before', newlyRun)}${cells('Judged in neither run', neverRun)}`;
};

export const changedDifferences = ({ kernel, circumstances }: Comparison): Markup =>
  html`${differences('Kernel and config', kernel)}${differences('Circumstances', circumstances)}`;

export const isAlike = ({ kernel }: Comparison): boolean => kernel.length === 0;

const cells = (title: string, changes: Comparison['newlyNotRun']): Markup | undefined =>
  changes.length === 0
    ? undefined
    : html`<h3>${title}</h3>
${groupCells(changes).map(({ after, reason, cells: names }) => html`<details class="file"><summary>${plural(names.length, 'cell')} now ${statusWord(after)}${reason && `: ${reason}`}</summary><ul>${names.map((name) => html`<li><code>${name}</code></li>`)}</ul></details>`)}`;

const differences = (title: string, entries: Difference[]): Markup | undefined =>
  entries.length === 0
    ? undefined
    : html`<h3>${title}</h3>
${wide(
  title,
  html`<table class="plain"><thead><tr><th scope="col">What</th><th scope="col">Before</th><th scope="col">Now</th></tr></thead>
<tbody>${entries.map(({ field, before, after }) => html`<tr><th scope="row">${field}</th><td><code>${before}</code></td><td><code>${after}</code></td></tr>`)}</tbody></table>`,
)}`;
