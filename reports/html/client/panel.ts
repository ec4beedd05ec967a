/**
 * The panel behind a cell of the matrix: the clause, then the cases of each side of the border. Its address is
 * `#cell=LABEL PATH`.
 */
import { caseTable } from './case-table.ts';
import { page, type Page } from './data.ts';
import type { KindLetter } from '../page-data.ts';
import { byId, element, kindClasses, kindVerbs } from './dom.ts';

const PREFIX = '#cell=';
const borderTitles: Record<string, string> = {
  violating: 'Violating value: must be refused',
  legal: 'Legal neighbour: must be accepted',
};

export function startPanel(): void {
  const dialog = byId<HTMLDialogElement>('panel')!;
  document.addEventListener('click', (event) => {
    const link = (event.target as Element).closest<HTMLElement>('[data-cell]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    void page().then(({ data }) => {
      const { label, path } = data.cells[Number(link.dataset['cell'])]!;
      location.hash = `${PREFIX}${encodeURIComponent(`${label} ${path}`)}`;
    });
  });
  // Leaving the panel leaves its address, so that Back, a reload and a sent link all do what they look like.
  dialog.addEventListener('close', () => {
    if (location.hash.startsWith(PREFIX)) history.replaceState(null, '', location.pathname + location.search);
  });
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
    // Links lead out of the panel.
    if ((event.target as Element).closest('a[href^="#"]')) dialog.close();
  });
  window.addEventListener('hashchange', () => void follow(dialog));
  void follow(dialog);
}

async function follow(dialog: HTMLDialogElement): Promise<void> {
  if (!location.hash.startsWith(PREFIX)) {
    if (dialog.open) dialog.close();
    return;
  }
  const loaded = await page();
  const wanted = decodeURIComponent(location.hash.slice(PREFIX.length));
  const index = loaded.data.cells.findIndex(({ label, path }) => `${label} ${path}` === wanted);
  if (index < 0) return;
  dialog.replaceChildren(...content(loaded, index, dialog));
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  dialog.addEventListener('close', () => document.querySelector<HTMLElement>(`[data-cell="${index}"]`)?.focus(), {
    once: true,
  });
}

function content(loaded: Page, index: number, dialog: HTMLDialogElement): HTMLElement[] {
  const { data } = loaded;
  const cell = data.cells[index]!;
  const rule = data.rules.find(({ id }) => id === cell.rule);
  const close = element('button', { type: 'button' }, 'Close');
  close.addEventListener('click', () => dialog.close());
  const status = cell.status === 'not-run' ? 'not run' : cell.status === 'impossible' ? 'cannot exist' : cell.status;
  return [
    element(
      'header',
      {},
      element(
        'h2',
        { id: 'panel-title' },
        `${cell.label} on ${cell.path} `,
        element(
          'span',
          { class: `key s-${cell.status}${cell.partial ? ' partial' : ''}` },
          `${status}${cell.partial ? ' in part' : ''}`,
        ),
      ),
      close,
    ),
    ...(rule
      ? [
          element(
            'p',
            { class: 'clause' },
            `${rule.behaviour ? 'Must hold' : 'Violated when'}: ${rule.clause}${rule.errno ? `; then ${rule.errno}` : ''}. `,
            rule.condition !== undefined &&
              rule.condition !== '-' &&
              element('code', { class: 'condition' }, rule.condition),
            ' ',
            rule.source !== undefined && element('small', {}, rule.source),
          ),
        ]
      : []),
    ...(cell.partial
      ? [
          element(
            'p',
            { class: 'lead' },
            `Not everything here was run and judged: what conforms stands for the part that was.${cell.reasons.length > 0 ? ` ${cell.reasons.slice(0, 3).join('; ')}.` : ''}`,
          ),
        ]
      : []),
    ...findingLinks(loaded, cell.borders),
    ...cell.borders.flatMap((border) => borderSection(loaded, border, cell.reasons)),
  ];
}

function findingLinks(loaded: Page, borders: number[]): HTMLElement[] {
  const numbers = new Set(
    borders.flatMap((border) => loaded.ofBorder(border)).flatMap((index) => loaded.data.findingOf[index] ?? []),
  );
  return [...numbers]
    .sort((a, b) => a - b)
    .map((number) => {
      const { title, expected, seen } = loaded.data.findings[number - 1]!;
      return element(
        'a',
        { class: 'finding-link', href: `#finding-${number}` },
        element('b', {}, `Finding ${number}`),
        ` ${title}`,
        element('br'),
        `expected ${expected}; seen ${seen}`,
      );
    });
}

function borderSection(loaded: Page, border: number, reasons: string[]): HTMLElement[] {
  const info = loaded.data.borders[border]!;
  const indices = loaded.ofBorder(border);
  const counts = new Map<KindLetter, number>();
  let partial = 0;
  for (const index of indices) {
    const { kind, unjudged } = loaded.case(index);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    if (kind === 'c' && unjudged !== undefined) partial += 1;
  }
  const title = element(
    'h3',
    { class: 'border-title' },
    borderTitles[info.border ?? ''] ?? 'Cases',
    ...[...counts].map(([kind, count]) =>
      element(
        'span',
        { class: `key ${kindClasses[kind]}` },
        `${count.toLocaleString('en')} ${kindVerbs[kind][count === 1 ? 0 : 1]}${kind === 'c' && partial > 0 ? `, ${partial.toLocaleString('en')} of them in part` : ''}`,
      ),
    ),
  );
  if (indices.length === 0)
    return [
      title,
      element(
        'p',
        { class: 'quiet' },
        info.impossible !== undefined ? `Cannot exist: ${info.impossible}.` : `No case was run: ${reasons.join('; ')}.`,
      ),
    ];
  // What went wrong first; then as they ran.
  const order = 'dlunc';
  const sorted = [...indices].sort(
    (a, b) => order.indexOf(loaded.case(a).kind) - order.indexOf(loaded.case(b).kind) || a - b,
  );
  return [title, caseTable(loaded, sorted, false)];
}
