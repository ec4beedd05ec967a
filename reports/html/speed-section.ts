/** How fast cases were judged and how soon the matrix was covered, as pictures where the cases carry their time. */
import { countStatuses } from '../matrix.ts';
import type { ReportInput } from '../reporter.ts';
import { duration } from '../text.ts';
import { html, Markup } from './markup.ts';

const BUCKETS = 60;
const WIDTH = 600;
const HEIGHT = 140;

export function speedSection({ run, matrix }: ReportInput): Markup {
  const statuses = countStatuses(matrix);
  const judged = run.counts.conforms + run.counts.deviates;
  const seconds = run.summary.elapsedMs / 1000;
  const boot = run.summary.vms.bootMs.reduce((sum, ms) => sum + ms, 0) / Math.max(1, run.summary.vms.bootMs.length);
  const timed = run.cases.filter((entry) => entry.atMs !== undefined) as ((typeof run.cases)[number] & {
    atMs: number;
  })[];
  const numbers: [string, string][] = [
    ...(run.summary.cells.length === 0
      ? []
      : [
          [
            'Cells judged',
            `${statuses.conforms + statuses.deviates + statuses.expected} of ${Object.values(statuses).reduce((sum, count) => sum + count, 0) - statuses.impossible} that can exist`,
          ] as [string, string],
        ]),
    ['Cases a second', seconds > 0 ? `${(judged / seconds).toFixed(1)} over the whole run` : 'not known'],
    ...(boot > 0 ? [['VM boot', `${duration(boot)} on average`] as [string, string]] : []),
  ];
  return html`<dl class="environment">${numbers.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
${timed.length > 1 && html`<div class="plots">${ratePlot(timed)}${run.summary.cells.length > 0 && coveragePlot(timed, run.summary.cells.filter(({ impossible }) => impossible === undefined).length)}</div>`}`;
}

function ratePlot(cases: { atMs: number }[]): Markup {
  const end = Math.max(...extent(cases)) || 1;
  const counts = new Array<number>(BUCKETS).fill(0);
  for (const { atMs } of cases) counts[Math.min(BUCKETS - 1, Math.floor((atMs / end) * BUCKETS))]! += 1;
  const perSecond = counts.map((count) => count / (end / BUCKETS / 1000));
  const top = niceTop(perSecond.reduce((most, value) => Math.max(most, value), 0));
  const bars = perSecond
    .map(
      (rate, index) =>
        `<rect x="${((index * WIDTH) / BUCKETS + 1).toFixed(1)}" y="${(HEIGHT - (rate / top) * HEIGHT).toFixed(1)}" width="${(WIDTH / BUCKETS - 2).toFixed(1)}" height="${((rate / top) * HEIGHT).toFixed(1)}"/>`,
    )
    .join('');
  return plot('Cases a second', bars, String(top), end, `up to ${Math.round(Math.max(...perSecond))} cases a second`);
}

function coveragePlot(cases: { atMs: number; cell?: string; kind: string }[], total: number): Markup {
  const sorted = [...cases].sort((a, b) => a.atMs - b.atMs);
  const end = sorted.at(-1)!.atMs || 1;
  const seen = new Set<string>();
  const points: string[] = [`0,${HEIGHT}`];
  for (const { atMs, cell, kind } of sorted) {
    if (cell === undefined || seen.has(cell) || (kind !== 'conforms' && kind !== 'deviates')) continue;
    const x = ((atMs / end) * WIDTH).toFixed(1);
    points.push(`${x},${(HEIGHT - (seen.size / total) * HEIGHT).toFixed(1)}`);
    seen.add(cell);
    points.push(`${x},${(HEIGHT - (seen.size / total) * HEIGHT).toFixed(1)}`);
  }
  points.push(`${WIDTH},${(HEIGHT - (seen.size / total) * HEIGHT).toFixed(1)}`);
  return plot(
    'Borders judged at least once',
    `<polyline points="${points.join(' ')}"/>`,
    String(total),
    end,
    `${seen.size} of ${total} borders`,
  );
}

/** A count that grows: `by` at each `atMs`, over the time that all `cases` took. */
export function stepPlot(
  title: string,
  steps: readonly { atMs: number; by: number }[],
  cases: readonly { atMs?: number }[],
): Markup {
  const sorted = [...steps].sort((a, b) => a.atMs - b.atMs);
  const total = sorted.reduce((sum, { by }) => sum + by, 0);
  const end = cases.reduce((most, { atMs = 0 }) => Math.max(most, atMs), 0) || 1;
  const points = [`0,${HEIGHT}`];
  let sum = 0;
  const height = (): string => (HEIGHT - (sum / total) * HEIGHT).toFixed(1);
  for (const { atMs, by } of sorted) {
    const x = ((atMs / end) * WIDTH).toFixed(1);
    points.push(`${x},${height()}`);
    sum += by;
    points.push(`${x},${height()}`);
  }
  points.push(`${WIDTH},${height()}`);
  return plot(
    title,
    `<polyline points="${points.join(' ')}"/>`,
    total.toLocaleString('en'),
    end,
    `${total} in the end`,
  );
}

/** Math.max over 100,000 arguments overflows the stack. */
function extent(cases: { atMs: number }[]): number[] {
  return [cases.reduce((most, { atMs }) => Math.max(most, atMs), 0)];
}

function niceTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].map((step) => step * power).find((top) => top >= value) ?? value;
}

const plot = (
  title: string,
  shapes: string,
  top: string,
  endMs: number,
  spoken: string,
): Markup => html`<figure><figcaption>${title}</figcaption>
<svg viewBox="-44 -8 ${WIDTH + 60} ${HEIGHT + 32}" role="img" aria-label="${title}: ${spoken}"><g class="data">${new Markup(shapes)}</g>
<path class="axis" d="M0 0V${HEIGHT}H${WIDTH}"/><text x="-6" y="8" text-anchor="end">${top}</text><text x="-6" y="${HEIGHT}" text-anchor="end">0</text>
<text x="0" y="${HEIGHT + 18}">0</text><text x="${WIDTH}" y="${HEIGHT + 18}" text-anchor="end">${duration(endMs)}</text></svg></figure>
`;
