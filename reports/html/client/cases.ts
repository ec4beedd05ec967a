/** The list of all cases with its search. */
import { caseTable } from './case-table.ts';
import { page, type Page } from './data.ts';
import { byId } from './dom.ts';

export function startCases(): void {
  const filters = byId('case-filters');
  const list = byId('case-list');
  if (!filters || !list) return;
  let waiting: ReturnType<typeof setTimeout> | undefined;
  filters.addEventListener('input', () => {
    clearTimeout(waiting);
    // While someone types, 100,000 cases need not be searched for each letter.
    waiting = setTimeout(() => void page().then(show), 120);
  });
  // Unpacked and drawn when the reader gets near.
  new IntersectionObserver(
    (entries, observer) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      observer.disconnect();
      void page().then(show);
    },
    { rootMargin: '300px' },
  ).observe(filters);
}

/** The choice of cases of which something was not judged, whatever their verdict is. */
const PARTIAL = 'partial';

let haystack: string[] | undefined;

function show(loaded: Page): void {
  const { data } = loaded;
  const words = byId<HTMLInputElement>('case-search')!.value.toLowerCase().split(/\s+/).filter(Boolean);
  const kind = byId<HTMLSelectElement>('case-kind')!.value;
  if (words.length > 0)
    haystack ??= Array.from({ length: data.cases.count }, (_, index) => {
      const entry = loaded.case(index);
      const texts = [data.borders[entry.border]?.label, entry.note, entry.reason, entry.unjudged, entry.hash];
      return texts.join(' ').toLowerCase();
    });
  const groups: Record<string, number[]> = { d: [], l: [], n: [], u: [], c: [] };
  let count = 0;
  for (let index = 0; index < data.cases.count; index += 1) {
    const letter = data.cases.kinds[index]!;
    if (kind === PARTIAL ? data.cases.unjudged[index]! < 0 : kind !== '' && letter !== kind) continue;
    if (words.length > 0 && !words.every((word) => haystack![index]!.includes(word))) continue;
    groups[letter]!.push(index);
    count += 1;
  }
  byId('case-count')!.textContent = `${count.toLocaleString('en')} of ${data.cases.count.toLocaleString('en')} cases`;
  byId('case-list')!.replaceChildren(caseTable(loaded, Object.values(groups).flat(), true));
}
