/**
 * Each finding in full: the clause, what was expected and seen, a picture, the timeline, the kernel log and how to see
 * it again.
 */
import { exampleFacts, exampleText, extentText, isFlaky, placesText, type Finding } from '../finding.ts';
import type { Severity } from '../../model/finding/severity.ts';
import type { ReportInput } from '../reporter.ts';
import { reproduceCommands } from '../reproduce.ts';
import { logExcerpt, plural } from '../text.ts';
import { buildTimeline, type Timeline } from '../timeline.ts';
import { extentsPicture } from './extents-picture.ts';
import { html, type Markup } from './markup.ts';
import { anchor } from './matrix-section.ts';
import { numbersIn } from '../uapi-header-text.ts';

/** More would make the page slow; the others are listed with their smallest case. */
const MAX_IN_FULL = 100;
const LOG_LINES = 400;

export function findingsSection(input: ReportInput): Markup {
  const { findings, losses } = input.run;
  return html`${findings.length > 1 && html`<p class="quiet">The worst first${findings.some(isFlaky) && '; what did not show in every replay comes last'}. Each shows its smallest case.</p>`}
${findings
  .slice(0, MAX_IN_FULL)
  .map((finding, index) => [
    finding.severity !== findings[index - 1]?.severity && severityHeading(finding, findings),
    renderFinding(finding, index + 1, input),
  ])}
${
  findings.length > MAX_IN_FULL &&
  html`<h3>${plural(findings.length - MAX_IN_FULL, 'more finding')}</h3>
<ul class="more">${findings.slice(MAX_IN_FULL).map(({ id, title, cases, example, ofRun }, index) => html`<li id="finding-${MAX_IN_FULL + index + 1}"><code>${id}</code> ${title} (${ofRun ? example.note : html`${plural(cases.length, 'case')}); case <code>${example.hash.slice(0, 16)}</code>`}${ofRun && ')'}</li>`)}</ul>`
}
${losses.map(
  ({
    reason,
    cases,
    example,
  }) => html`<details class="finding loss"><summary><span class="mark">!</span> <span class="what"><b>No verdict on ${plural(cases.length, 'case')}</b> ${reason}</span></summary>
<div class="body"><p>First: <code>${example.cell ?? `case ${example.n}`}</code>, ${example.note}</p>${kernelLog(example.consoleTail)}${caseFile(example.case, example.hash)}</div></details>
`,
)}`;
}

const HEADINGS: Readonly<Record<Severity, string>> = {
  crash: 'The kernel went down or hung',
  bytes: 'Wrong bytes',
  warning: 'The kernel warned of itself',
  behaviour: 'Wrong requests and results',
  text: 'Wrong reports',
};

/** What is worse than what: a heading for each kind, where there are several. */
function severityHeading({ severity }: Finding, findings: readonly Finding[]): Markup | false {
  const count = findings.filter((finding) => finding.severity === severity).length;
  return (
    count < findings.length &&
    html`<h3 class="by-severity"><span>${HEADINGS[severity]}</span> <small>${plural(count, 'finding')}</small></h3>
`
  );
}

function renderFinding(finding: Finding, number: number, input: ReportInput): Markup {
  const rule = input.rules.get(finding.rule);
  const timeline = buildTimeline(finding.example, numbersIn(input.run));
  return html`<details class="finding" id="finding-${number}"${number === 1 && html` open`}>
<summary><span class="mark">✗</span> <span class="what"><b>${finding.title}</b>${isFlaky(finding) && html` <em class="flaky">flaky</em>`}
<span class="gist"><code>${finding.id}</code> <span class="rule">${finding.rule}</span> on ${placesText(finding)}</span></span> <span class="count">${finding.ofRun ? 'no case' : plural(finding.cases.length, 'case')}</span></summary>
<div class="body">
${rule && html`<p class="clause">${rule.behaviour ? 'What must hold:' : 'The rule is violated when'} <q>${rule.clause}</q>${rule.errno && html`; the kernel then answers ${rule.errno}`}.${rule.condition && rule.condition !== '-' && html` <code class="condition">${rule.condition}</code>`} <a href="#rule-${anchor(finding.rule)}">clause</a></p>`}
<table class="channels"><thead><tr><th scope="col">Seen by</th><th scope="col">Expected</th><th scope="col">Seen</th></tr></thead>
<tbody>${finding.deviations.map(({ aspect, expected, seen }) => html`<tr><th scope="row">${aspect}</th><td data-label="expected">${expected}</td><td data-label="seen" class="seen">${seen}</td></tr>`)}</tbody></table>
<p>${finding.ofRun ? exampleText(finding) : html`Smallest case <code>${finding.example.hash.slice(0, 16)}</code>: ${finding.example.note}${exampleFacts(finding)}`}${finding.example.cell !== undefined && html` <small>(drawn for ${finding.example.cell})</small>`}; ${!finding.ofRun && 'shows in '}${extentText(finding)}.</p>
${cellList(finding)}
${timeline.kind === 'timeline' && extentsPicture(timeline.case, timeline.observation, number)}
<h4>What happened</h4>
${renderTimeline(timeline)}
${kernelLog(finding.example.consoleTail)}
<h4>To see it again</h4>
<div class="copyable"><pre tabindex="0"><code>${reproduceCommands(finding, input.run).join('\n')}</code></pre></div>
${caseFile(finding.example.case, finding.example.hash)}
</div></details>
`;
}

/** Where it shows, cell by cell; one that shows in one place says so in its heading. */
const cellList = ({ places }: Finding): Markup | undefined =>
  places.length < 2
    ? undefined
    : html`<details class="file"><summary>All ${places.length} places</summary><ul>${[...places]
        .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
        .map(
          (place) => html`<li><code>${nameOf(place)}</code> ${plural(place.cases.length, 'case')}</li>`,
        )}</ul></details>`;

const nameOf = ({ cell, rule, path }: Finding['places'][number]): string => cell ?? `${rule} ${path}`;

function renderTimeline(timeline: Timeline): Markup {
  if (timeline.kind === 'none') return html`<p class="quiet">${timeline.reason}</p>`;
  return html`<ol class="timeline">${timeline.entries.map(
    ({ kind, title, lines, deviations, everyday }) => html`<li class="t-${kind}${deviations.length > 0 && ' wrong'}">${
      everyday && lines.length > 0
        ? html`<details class="everyday"><summary><span class="t">${title}</span></summary><pre>${lines.join('\n')}</pre></details>`
        : html`<span class="t">${kind === 'result' && '= '}${title}</span>
${lines.length > 0 && html`<pre>${lines.join('\n')}</pre>`}`
    }
${deviations.map(({ rule, aspect, expected, seen }) => html`<div class="deviation"><b>${rule}</b> <small>${aspect}</small><br><span class="label">expected</span> ${expected}<br><span class="label">seen</span> <em>${seen}</em></div>`)}</li>
`,
  )}</ol>`;
}

const kernelLog = (tail: string | undefined): Markup | undefined =>
  tail
    ? html`<h4>Kernel log</h4><pre class="log" tabindex="0">${logExcerpt(tail, LOG_LINES).join('\n')}</pre>`
    : undefined;

const caseFile = (value: unknown, hash: string): Markup | undefined =>
  value === undefined
    ? undefined
    : html`<details class="file"><summary>The case as a file</summary><div class="copyable" data-file="case-${hash.slice(0, 16)}.json"><pre tabindex="0"><code>${JSON.stringify(value, undefined, 1)}</code></pre></div></details>`;
