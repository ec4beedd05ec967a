/** A table of cases that draws so many rows at a time, the next ones when the reader comes near the end. */
import { element, kindClasses, kindWords } from './dom.ts';
import type { Page } from './data.ts';

const ROWS_AT_ONCE = 200;

export function caseTable(page: Page, indices: number[], whole: boolean): HTMLElement {
  // A campaign has no cells.
  const withCell = whole && page.data.borders.length > 0;
  const body = element('tbody');
  const heads = ['#', 'Verdict', ...(withCell ? ['Cell'] : []), 'Values', 'Hash'];
  const table = element(
    'table',
    {},
    element('thead', {}, element('tr', {}, ...heads.map((head) => element('th', { scope: 'col' }, head)))),
    body,
  );
  const more = element('button', { type: 'button' });
  const wrapper = element(
    'div',
    whole ? { class: 'cases long', tabindex: '0', role: 'region', 'aria-label': 'List of cases' } : { class: 'cases' },
    table,
    more,
  );
  let drawn = 0;
  const draw = (): void => {
    const next = indices.slice(drawn, drawn + ROWS_AT_ONCE);
    body.append(...next.map((index) => row(page, index, withCell)));
    drawn += next.length;
    more.hidden = drawn >= indices.length;
    more.textContent = `Show more (${(indices.length - drawn).toLocaleString('en')} left)`;
  };
  more.addEventListener('click', draw);
  new IntersectionObserver(
    (entries) => {
      if (entries.some(({ isIntersecting }) => isIntersecting) && !more.hidden) draw();
    },
    { rootMargin: '400px' },
  ).observe(more);
  draw();
  return wrapper;
}

function row(page: Page, index: number, withCell: boolean): HTMLElement {
  const { n, kind, border, note, reason, unjudged, hash, finding } = page.case(index);
  const cell = page.data.borders[border];
  const isPartial = kind === 'c' && unjudged !== undefined;
  const verdict = element(
    'span',
    { class: `key ${kindClasses[kind]}${isPartial ? ' partial' : ''}` },
    `${kindWords[kind]}${isPartial ? ' in part' : ''}`,
  );
  return element(
    'tr',
    {},
    element('td', {}, String(n)),
    element(
      'td',
      {},
      verdict,
      finding !== undefined && ' ',
      finding !== undefined && element('a', { href: `#finding-${finding}` }, `finding ${finding}`),
    ),
    withCell && element('td', {}, cell?.label),
    element(
      'td',
      {},
      note,
      reason !== undefined && element('br'),
      reason !== undefined && element('small', {}, reason),
      unjudged !== undefined && element('br'),
      unjudged !== undefined && element('small', {}, `not judged in part: ${unjudged}`),
    ),
    element('td', {}, element('code', {}, hash)),
  );
}
