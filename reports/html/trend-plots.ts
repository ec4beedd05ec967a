/** Nights from left to right: cells that conform and deviate, findings opened and closed. */
import type { Outcome, TrendNight } from '../nights/trend.ts';
import { html, Markup } from './markup.ts';

export const marks: Record<Outcome, string> = {
  deviates: '✗',
  conforms: '✓',
  regression: '✗',
  incomplete: '…',
  'no-vm': '!',
  'nothing-ran': '∅',
  running: '…',
  unreadable: '!',
};

const WIDTH = 600;
const HEIGHT = 150;
/** More bars than these are thinner than a line; the table has all nights. */
const MAX_NIGHTS = 90;

interface Bar {
  night: TrendNight;
  x: number;
  width: number;
}

function bars(nights: TrendNight[]): Bar[] {
  const shown = nights.slice(-MAX_NIGHTS);
  const step = WIDTH / Math.max(shown.length, 7);
  return shown.map((night, index) => ({ night, x: index * step + step * 0.15, width: step * 0.7 }));
}

const rect = (name: string, x: number, y: number, width: number, height: number): string =>
  height <= 0
    ? ''
    : `<rect class="${name}" x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${width.toFixed(1)}" height="${height.toFixed(1)}"/>`;

/** A bar a night: what was judged of the matrix. A night that judged nothing is a sign, not a gap. */
export function conformancePlot(nights: TrendNight[]): Markup {
  const all = bars(nights);
  const top = all.reduce((most, { night: { cells } }) => Math.max(most, cells.possible), 1);
  const scale = HEIGHT / top;
  const shapes = all.map(({ night, x, width }) => {
    const { conforms, deviates } = night.cells;
    const bad = deviates === 0 ? 0 : Math.max(3, deviates * scale);
    const good = conforms * scale;
    const from = HEIGHT - good;
    const judged = conforms + deviates;
    const sign =
      judged === 0 || (night.outcome !== 'conforms' && night.outcome !== 'deviates')
        ? `<text class="sign" x="${(x + width / 2).toFixed(1)}" y="${judged === 0 ? HEIGHT - 6 : Math.max(0, from - bad) - 4}" text-anchor="middle">${marks[night.outcome]}</text>`
        : '';
    return linked(
      night,
      `${conforms} cells conform${night.inPart.cells > 0 ? ` (${night.inPart.cells} in part)` : ''}, ${deviates} deviate, of ${night.cells.possible}`,
      rect('space', x, 0, width, HEIGHT) +
        rect('good', x, from, width, good) +
        rect('bad', x, from - bad, width, bad) +
        sign +
        (night.newKernel ? `<path class="kernel" d="M${(x - width * 0.2).toFixed(1)} -6V${HEIGHT}"/>` : ''),
    );
  });
  return plot(
    'Cells of the matrix judged',
    'Upper part: deviates; dashed line: the kernel image is another from here on.',
    shapes,
    all,
    String(top),
  );
}

export function findingsPlot(nights: TrendNight[]): Markup {
  const all = bars(nights);
  const most = (of: (night: TrendNight) => number): number =>
    all.reduce((top, { night }) => Math.max(top, of(night)), 0);
  const up = Math.max(
    1,
    most(({ opened, open }) => Math.max(opened.length, open)),
  );
  const down = most(({ closed }) => closed.length);
  const scale = HEIGHT / (up + down);
  const zero = up * scale;
  const shapes = all.map(({ night, x, width }) =>
    linked(
      night,
      `${night.opened.length} opened, ${night.closed.length} closed, ${night.open} open`,
      rect('space', x, 0, width, HEIGHT) +
        rect('bad', x, zero - night.opened.length * scale, width, night.opened.length * scale) +
        rect('good', x, zero, width, night.closed.length * scale),
    ),
  );
  // The line has no point where a night cannot be read: what was open is not known.
  const points = all
    .filter(({ night }) => night.outcome !== 'unreadable')
    .map(({ night, x, width }) => `${(x + width / 2).toFixed(1)},${(zero - night.open * scale).toFixed(1)}`)
    .join(' ');
  return plot(
    'Findings opened and closed',
    'Up: opened; down: closed; line: open.',
    [...shapes, new Markup(`<polyline class="open" points="${points}"/>`)],
    all,
    String(up),
    zero,
  );
}

const linked = ({ name }: TrendNight, says: string, shapes: string): Markup =>
  html`<a href="#night-${name}" aria-label="${name}: ${says}"><title>${name}: ${says}</title>${new Markup(shapes)}</a>`;

function plot(title: string, legend: string, shapes: Markup[], all: Bar[], top: string, zero = HEIGHT): Markup {
  const [first, last] = [all[0]!, all.at(-1)!];
  return html`<figure><figcaption>${title} <small>${legend}</small></figcaption>
<svg viewBox="-56 -18 ${WIDTH + 72} ${HEIGHT + 44}" role="group" aria-label="${title}, one bar a night"><path class="axis" d="M0 0V${HEIGHT}M0 ${zero.toFixed(1)}H${WIDTH}"/>${shapes}
<text x="-6" y="8" text-anchor="end">${top}</text><text x="-6" y="${zero.toFixed(1)}" text-anchor="end">0</text>
<text x="${first.x.toFixed(1)}" y="${HEIGHT + 18}">${first.night.name}</text>${all.length > 3 && html`<text x="${(last.x + last.width).toFixed(1)}" y="${HEIGHT + 18}" text-anchor="end">${last.night.name}</text>`}</svg></figure>
`;
}
