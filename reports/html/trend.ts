/**
 * The page of a history: all nights, conformance over time, findings opened and closed. Self-contained and without a
 * script: links, details and the browser's own keys do.
 */
import { byRule, distinct, outcomeWords } from '../nights/mail.ts';
import type { Life, Trend, TrendNight } from '../nights/trend.ts';
import { duration, plural } from '../text.ts';
import { trendStyle } from './assets.ts';
import { asSentence, framed, sectionsOf, verdictBox } from './frame.ts';
import { html, type Markup } from './markup.ts';
import { conformancePlot, findingsPlot, marks } from './trend-plots.ts';

export function trendPage(trend: Trend, toolVersion: string): string {
  const { nights, lives } = trend;
  const last = nights.at(-1);
  return framed({
    title: last ? `${outcomeWords[last.outcome]}: night ${last.name}` : 'No nights',
    about: 'nights',
    tone: last?.outcome ?? 'incomplete',
    skipTo: 'the last night',
    style: trendStyle(),
    verdict: last && lastNight(last, nights.length),
    sections: sectionsOf([
      [
        'trend',
        'Over time',
        nights.length > 0
          ? html`<div class="plots">${conformancePlot(nights)}${findingsPlot(nights)}</div>`
          : html`<p class="quiet">There is no night yet.</p>`,
      ],
      ['findings', 'Findings', findings(lives)],
      ['nights', 'Nights', nightTable(nights)],
    ]),
    footer: `Made by iomapfuzz ${toolVersion}. Each night links to the full report of each of its runs.`,
  });
}

function lastNight(night: TrendNight, count: number): Markup {
  const { outcome, says, besides, kernel, counts, opened, closed, open, openRules, cells, inPart } = night;
  const judged = counts.conforms + counts.deviates;
  const facts: [string, string, string][] = [
    ['Night', night.name, `${plural(count, 'night')} in this history`],
    [
      'Kernel',
      kernel?.release ?? 'none came up',
      kernel ? `${kernel.origin}${night.newKernel ? '; another image than before' : ''}` : '',
    ],
    [
      'Findings open',
      String(open),
      `${open === 0 ? '' : `in ${plural(openRules, 'rule')}; `}${opened.length} opened, ${closed.length} closed this night`,
    ],
    [
      'Cases judged',
      judged.toLocaleString('en'),
      [
        ...(counts.lost > 0 ? [`${counts.lost} lost`] : []),
        ...(inPart.cases > 0 ? [`${inPart.cases.toLocaleString('en')} not judged in part`] : []),
      ].join('; '),
    ],
    [
      'Matrix',
      `${cells.conforms + cells.deviates} / ${cells.possible}`,
      `rule by path cells judged${inPart.cells > 0 ? `, ${inPart.cells} of them in part` : ''}`,
    ],
  ];
  return verdictBox({
    mark: marks[outcome],
    word: asSentence(outcomeWords[outcome]),
    says,
    reasons: [
      ...(besides === undefined ? [] : [besides]),
      ...(outcome === 'conforms' || outcome === 'deviates' ? [] : ['This night is not a pass.']),
    ],
    facts,
  });
}

function findings(lives: Life[]): Markup {
  if (lives.length === 0) return html`<p class="quiet">No night had a finding.</p>`;
  const open = lives.filter(({ closed }) => closed === undefined);
  const closed = lives.filter((life) => life.closed !== undefined);
  return html`<p class="quiet">A finding is closed by the night that judged its cell again and did not see it. A night that did not look closes nothing. What fuzzing found closes with the plan's findings of the same rule and path.</p>
${lifeTable('Open', open)}${lifeTable('Closed', closed)}`;
}

/** A row a rule: one broken check shows on many paths, and in more than one kind of run. */
const lifeTable = (title: string, lives: Life[]): Markup | false =>
  lives.length > 0 &&
  html`<h3>${title} <small>${plural(lives.length, 'finding')} in ${plural(distinct(lives.map(({ rule }) => rule)).length, 'rule')}</small></h3>
<section class="scroll" tabindex="0" aria-label="${title} findings"><table class="plain lives"><thead><tr><th scope="col">Rule</th><th scope="col">Where</th><th scope="col">Opened</th><th scope="col">Closed</th><th scope="col">Nights</th></tr></thead>
<tbody>${byRule(lives).map(
    ([
      rule,
      of,
    ]) => html`<tr><th scope="row"><code>${rule}</code>${of[0]!.id !== undefined && html` <small><code>${of[0]!.id}</code></small>`}<br><small>${of[0]!.shown}</small></th><td>${places(of)}</td><td>${nightLinks(of.map(({ opened }) => opened))}</td><td>${title === 'Open' ? 'open' : nightLinks(of.map(({ closed }) => closed!))}</td><td>${Math.max(...of.map(({ seen }) => seen))}</td></tr>
`,
  )}</tbody></table></section>`;

const findingLink = ({ key, kind, opened }: Life): Markup =>
  html`<a href="${opened}/${encodeURIComponent(kind)}/report.html#findings"><code>${key}</code></a> <small>${kind}</small>`;

const places = (lives: Life[]): Markup =>
  lives.length === 1
    ? findingLink(lives[0]!)
    : html`<details><summary>${plural(distinct(lives.map(({ path }) => path)).length, 'path')}, seen by ${distinct(lives.map(({ kind }) => kind)).join(', ')}</summary>
<ul>${lives.map((life) => html`<li>${findingLink(life)}</li>`)}</ul></details>`;

/** The first and the last of them. */
const nightLinks = (names: string[]): Markup => {
  const sorted = distinct(names).sort();
  return html`${sorted.length > 1 && html`<a href="#night-${sorted[0]!}">${sorted[0]!}</a> to `}<a href="#night-${sorted.at(-1)!}">${sorted.at(-1)!}</a>`;
};

/** `Linux version 7.3.4 (who@where) (compiler) #12 PREEMPT DATE`: who reads the table wants to know which build. */
const builtAt = (version: string): string => version.replace(/^.*?(?=#\d)/, '');

const nightTable = (
  nights: TrendNight[],
): Markup => html`<section class="scroll" tabindex="0" aria-label="All nights"><table class="plain nights"><thead><tr><th scope="col">Night</th><th scope="col">Outcome</th><th scope="col">Kernel</th><th scope="col">Cases</th><th scope="col">Findings</th><th scope="col">Runs</th></tr></thead>
<tbody>${[...nights].reverse().map(
  (night) => html`<tr id="night-${night.name}"><th scope="row">${night.name}</th>
<td><span class="key o-${night.outcome}"><span aria-hidden="true">${marks[night.outcome]}</span> ${asSentence(outcomeWords[night.outcome])}</span><br><small>${night.says}${night.besides !== undefined && html`<br>${night.besides}`}</small></td>
<td>${night.kernel ? html`${night.kernel.release}${night.newKernel && html` <b>new</b>`}<br><small>${builtAt(night.kernel.version)}; image <code>${night.kernel.imageHash.slice(0, 12)}</code>${night.kernel.image !== undefined && html`; ${night.kernel.image}`}</small>` : 'none'}</td>
<td>${(night.counts.conforms + night.counts.deviates).toLocaleString('en')} judged${night.counts.deviates > 0 && html`, ${night.counts.deviates} deviate`}${night.counts.lost > 0 && html`, ${night.counts.lost} lost`}${night.inPart.cases > 0 && html`<br><small>${night.inPart.cases.toLocaleString('en')} not judged in part</small>`}</td>
<td>${night.open} open${night.opened.length > 0 && html`<br><small>+${night.opened.length} opened</small>`}${night.closed.length > 0 && html`<br><small>−${night.closed.length} closed</small>`}</td>
<td>${night.stages.map(
    (
      stage,
    ) => html`<details><summary>${stage.kind}: ${stage.digest ? stage.digest.headline.split(':')[0]!.toLowerCase() : stage.status}</summary>
<p>${stage.digest?.headline ?? ''} ${stage.reason ?? ''}${stage.elapsedMs !== undefined && html` <small>${duration(stage.elapsedMs)}</small>`}</p>
${stage.digest?.comparison && html`<p>Against ${stage.digest.comparison.against}: ${stage.digest.comparison.headline}</p><ul>${stage.digest.comparison.lines.map((line) => html`<li>${line}</li>`)}</ul>`}</details>
${stage.digest && html`<a href="${night.name}/${encodeURIComponent(stage.kind)}/report.html" aria-label="${stage.kind} report of night ${night.name}">report</a>`}`,
  )}</td></tr>
`,
)}</tbody></table></section>`;
