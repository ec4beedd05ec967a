/** Filters over the rows and columns of the matrix, and arrow keys in it: one stop for Tab, as in any grid. */
import { byId } from './dom.ts';

export function startMatrix(): void {
  const table = byId<HTMLTableElement>('matrix-table');
  const filters = byId('matrix-filters');
  if (!table || !filters) return;
  const search = byId<HTMLInputElement>('rule-search')!;
  const rows = [...table.querySelectorAll<HTMLTableRowElement>('tr[data-rule]')];

  const path = byId<HTMLSelectElement>('path-filter')!;
  const heads = [...table.rows[0]!.cells];
  // Columns are hidden by a rule each: hiding thousands of cells one by one is slow.
  const columns = document.head.appendChild(document.createElement('style'));
  const cellAt = (row: HTMLTableRowElement, column: number): Element | null =>
    row.cells[column]!.querySelector('.cell');

  const filter = (): void => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const statuses = [...filters.querySelectorAll<HTMLInputElement>(':checked:not(option)')].map(({ value }) => value);
    const only = path.value === '' ? undefined : path.selectedIndex;
    const used = new Set<number>([0]);
    let shown = 0;
    for (const row of rows) {
      const label = row.dataset['rule']!.toLowerCase();
      const there = only === undefined ? undefined : cellAt(row, only);
      const has =
        only === undefined
          ? row.dataset['status']!.split(' ')
          : [...(there?.classList ?? [])].map((name) => name.replace(/^s-/, ''));
      row.hidden =
        there === null ||
        !words.every((word) => label.includes(word)) ||
        (statuses.length > 0 && !statuses.some((status) => has.includes(status)));
      if (row.hidden) continue;
      shown += 1;
      if (only !== undefined) used.add(only);
      else
        for (let column = 1; column < heads.length; column += 1)
          if (!used.has(column) && cellAt(row, column)) used.add(column);
    }
    const unused = heads.map((_, column) => column).filter((column) => !used.has(column));
    columns.textContent = unused
      .map((column) => `#matrix-table tr > :nth-child(${column + 1}) { display: none }`)
      .join('\n');
    for (const group of table.tBodies) {
      group.hidden = ![...group.querySelectorAll<HTMLElement>('tr[data-rule]')].some((row) => !row.hidden);
      document.querySelector<HTMLElement>(`.groups a[href="#${group.id}"]`)!.parentElement!.hidden = group.hidden;
    }
    byId('rule-count')!.textContent =
      shown === rows.length && only === undefined ? '' : `${shown} of ${rows.length} rows`;
  };
  filters.addEventListener('input', filter);
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || isTyping(event.target)) return;
    event.preventDefault();
    search.focus();
  });

  const cells = [...table.querySelectorAll<HTMLElement>('.cell')];
  cells.forEach((cell, index) => {
    cell.tabIndex = index === 0 ? 0 : -1;
  });
  const step: Record<string, [number, number]> = {
    ArrowUp: [-1, 0],
    ArrowDown: [1, 0],
    ArrowLeft: [0, -1],
    ArrowRight: [0, 1],
  };
  table.addEventListener('keydown', (event) => {
    const cell = (event.target as Element).closest<HTMLElement>('.cell');
    const by = step[event.key];
    if (!cell || (!by && event.key !== 'Home' && event.key !== 'End')) return;
    event.preventDefault();
    const visible = rows.filter((row) => !row.hidden);
    let rowIndex = visible.indexOf(cell.closest('tr') as HTMLTableRowElement);
    let column = (cell.closest('td') as HTMLTableCellElement).cellIndex;
    for (let guard = 0; guard < visible.length + 20; guard += 1) {
      if (by) {
        rowIndex += by[0];
        column += by[1];
      } else {
        column = event.key === 'Home' ? 1 : table.rows[0]!.cells.length - 1;
      }
      // A row may have no cell in this column: go on in the same direction.
      const next = visible[rowIndex]?.cells[column]?.querySelector<HTMLElement>('.cell');
      if (next && next.offsetParent !== null) {
        focusCell(next);
        return;
      }
      if (!visible[rowIndex] || column < 1 || !visible[rowIndex]!.cells[column] || !by) return;
    }
  });
  table.addEventListener('focusin', (event) => {
    const cell = (event.target as Element).closest<HTMLElement>('.cell');
    if (!cell) return;
    for (const other of cells) other.tabIndex = -1;
    cell.tabIndex = 0;
  });
}

function focusCell(cell: HTMLElement): void {
  cell.focus({ preventScroll: true });
  cell.scrollIntoView({ block: 'nearest', inline: 'nearest' });
}

export const isTyping = (target: EventTarget | null): boolean =>
  target instanceof Element && target.matches('input, select, textarea');
