/** The matrix as a table that reads without colours, and the clauses that its rows stand for. */
import { countPartial, countStatuses, type CellStatus, type MatrixCell, type MatrixRow } from '../matrix.ts';
import type { ReportInput } from '../reporter.ts';
import { plural } from '../text.ts';
import { clauseLead } from '../rule-text.ts';
import { html, type Markup } from './markup.ts';

const words: Record<CellStatus, string> = {
  deviates: 'deviates',
  lost: 'lost',
  expected: 'deviates as expected',
  conforms: 'conforms',
  unspecified: 'unspecified',
  'not-run': 'not run',
  impossible: 'cannot exist',
};
const marks: Record<CellStatus, string> = {
  deviates: '✗',
  lost: '!',
  expected: '≈',
  conforms: '✓',
  unspecified: '?',
  'not-run': '○',
  impossible: '–',
};
const order: CellStatus[] = ['deviates', 'lost', 'expected', 'not-run', 'unspecified', 'conforms', 'impossible'];

export function matrixSection({ matrix }: ReportInput): Markup {
  const statuses = countStatuses(matrix);
  const partial = countPartial(matrix);
  let index = 0;
  return html`<ul class="legend">${order.filter((status) => statuses[status] > 0).map((status) => html`<li><span class="key s-${status}">${marks[status]}</span> ${words[status]} <b>${statuses[status]}</b></li>`)}
${partial > 0 && html`<li><span class="key s-conforms partial">✓~</span> conforms, but not everything there was run or judged <b>${partial}</b></li>`}</ul>
<search class="filters" id="matrix-filters" data-script aria-label="Filter the matrix">
<label>Rule <input type="search" id="rule-search" placeholder="length, begin/, @write" autocomplete="off"></label>
<label>Path <select id="path-filter"><option value="">all</option>${matrix.paths.map((path) => html`<option>${path}</option>`)}</select></label>
<fieldset><legend>Show rows with</legend>${order.filter((status) => statuses[status] > 0).map((status) => html`<label class="chip"><input type="checkbox" value="${status}"> ${words[status]}</label>`)}${partial > 0 && html`<label class="chip"><input type="checkbox" value="partial"> conforms in part</label>`}</fieldset>
<output id="rule-count" for="rule-search"></output>
</search>
<nav aria-label="Groups of rules"><ul class="groups">${matrix.groups.map(groupLink)}</ul></nav>
<section class="scroll whole" aria-label="Rules by paths" tabindex="0">
<table class="matrix" id="matrix-table">
<thead><tr><th scope="col">Rule</th>${matrix.paths.map((path) => html`<th scope="col"><span>${path}</span></th>`)}</tr></thead>
${matrix.groups.map(
  ({ name, rows }) => html`<tbody id="group-${anchor(name)}">
<tr class="group"><th scope="rowgroup" colspan="${matrix.paths.length + 1}">${name}/* <small>${plural(rows.length, 'row')}</small></th></tr>
${rows.map((row) => {
  const cells = matrix.paths.map((path) => {
    const cell = row.cells.get(path);
    // Cells are numbered as the page's data numbers them: row by row, in the row's own order.
    return cell
      ? renderCell(row, cell, index + [...row.cells.keys()].indexOf(path))
      : html`<td class="absent" title="not in the plan">·</td>`;
  });
  index += row.cells.size;
  return html`<tr data-rule="${row.label}" data-status="${[...new Set([...row.cells.values()].flatMap(({ status, partial: inPart }) => [status, ...(inPart ? ['partial'] : [])]))].join(' ')}"><th scope="row"><a href="#rule-${anchor(row.rule)}">${row.rule.split('/').slice(1).join('/') || row.rule}</a>${row.half && html` <small>${row.half}</small>`}</th>${cells}</tr>
`;
})}</tbody>
`,
)}</table>
</section>`;
}

function renderCell(row: MatrixRow, cell: MatrixCell, index: number): Markup {
  const { status, partial, counts } = cell;
  const judged = counts.conforms + counts.deviates;
  const number = {
    deviates: `${counts.deviates}/${judged}`,
    expected: `${counts.deviates}/${judged}`,
    lost: String(counts.lost),
    conforms: String(counts.conforms),
    unspecified: String(counts.unspecified),
    'not-run': '',
    impossible: '',
  }[status];
  const says = `${words[status]}${partial ? ', in part' : ''}${number && `, ${status === 'deviates' ? `${counts.deviates} of ${judged}` : number} cases`}`;
  const spoken = `${row.label} on ${cell.path}: ${says}`;
  const why = (status === 'conforms' && !partial) || status === 'deviates' ? '' : (cell.reasons[0] ?? '');
  return html`<td><a class="cell s-${status}${partial && ' partial'}" href="#rule-${anchor(row.rule)}" data-cell="${index}" aria-label="${spoken}" title="${cell.path}: ${says}${why && `: ${why}`}">${marks[status]}${partial && '~'}</a></td>`;
}

/** Where to look first: each group with the worst that it holds. */
function groupLink({ name, rows }: ReportInput['matrix']['groups'][number]): Markup {
  const cells = rows.flatMap((row) => [...row.cells.values()]);
  const worst = order.find((status) => cells.some((cell) => cell.status === status)) ?? 'impossible';
  const count = cells.filter(({ status }) => status === worst).length;
  return html`<li><a href="#group-${anchor(name)}" class="chip" aria-label="${name}: ${count} ${words[worst]}">${name} <span class="key s-${worst}" aria-hidden="true">${marks[worst]}${worst !== 'conforms' && ` ${count}`}</span></a></li>`;
}

export const anchor = (rule: string): string => rule.replace(/[^a-z0-9]+/gi, '-');

export function rulesSection({ matrix, rules }: ReportInput): Markup {
  const ids = [...new Set(matrix.groups.flatMap(({ rows }) => rows.map(({ rule }) => rule)))];
  return html`<p class="quiet">The clauses that the rows of the matrix stand for, in the order in which the plan has them.</p>
<dl class="clauses">${ids.map((id) => {
    const rule = rules.get(id);
    return html`<div id="rule-${anchor(id)}"><dt><code>${id}</code></dt><dd>${rule ? html`${clauseLead(rule.behaviour)}: ${rule.clause}${rule.errno && html`; then ${rule.errno}`}.${rule.condition && rule.condition !== '-' && html` <code class="condition">${rule.condition}</code>`}${rule.source && html` <small>${rule.source}</small>`}` : 'No text for this rule in this version.'}</dd></div>
`;
  })}</dl>`;
}
