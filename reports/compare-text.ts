/** A comparison in lines: the regression first, then what got better, then what could explain it. */
import type { CellChange, Comparison } from './compare.ts';
import { plural } from './text.ts';

/** So many entries of one kind are named; the others are counted. */
const MAX_NAMED = 30;

export function comparisonHeadline(comparison: Comparison): string {
  const parts = [
    [comparison.new.length, 'new'],
    [comparison.newlyNotRun.length, 'newly not run'],
    [comparison.newlyInPart.length, 'newly judged in part'],
    [comparison.changed.length, 'changed'],
    [comparison.flaky.length, 'flaky'],
    [comparison.gone.length, 'gone'],
    [comparison.notTried.length, 'not tried again'],
    [comparison.expected.length, 'expected'],
    [comparison.same.length, 'unchanged'],
  ]
    .filter(([count]) => count !== 0)
    .map(([count, word]) => `${count} ${word}`);
  const lead = {
    0: 'NO REGRESSION',
    1: comparison.sameImage && comparison.new.length > 0 ? 'NEW FINDINGS' : 'REGRESSION',
    3: `NO VERDICT (${whyNoVerdict(comparison)})`,
    4: 'NOTHING WAS JUDGED in the new run',
  }[comparison.exitCode];
  return `${lead}: ${parts.join(', ') || 'no findings in either run'}`;
}

function whyNoVerdict({ gaps, newlyInPart, notTried }: Comparison): string {
  const serious = gaps.filter(({ noVerdict }) => noVerdict);
  const broke = (side: 'before' | 'after'): boolean =>
    serious.some(
      (gap) =>
        gap.side === side &&
        ['ended-early', 'lost-cases', 'damaged', 'plan-unknown', 'nothing-judged'].includes(gap.kind),
    );
  if (broke('after')) return 'the new run is incomplete or lost cases';
  if (broke('before')) return 'the earlier run is incomplete or lost cases';
  const didNot = serious.length > 0 || notTried.length > 0 ? 'try' : newlyInPart.length > 0 ? 'judge' : 'try';
  return `the new run did not ${didNot} all that the earlier one ${didNot === 'try' ? 'tried' : 'judged'}`;
}

export function comparisonLines(comparison: Comparison): string[] {
  const lines = [comparisonHeadline(comparison), ...cautions(comparison), ...newRules(comparison)];
  const list = <T>(title: string, entries: T[], line: (entry: T) => string): void => {
    lines.push(...entries.slice(0, MAX_NAMED).map((entry) => `${title}: ${line(entry)}`));
    if (entries.length > MAX_NAMED)
      lines.push(`${title}: and ${plural(entries.length - MAX_NAMED, 'more')}`.replace(/mores$/, 'more'));
  };
  list('new', comparison.new, ({ id, after, note }) => `${id} ${after}${note === undefined ? '' : ` (${note})`}`);
  list(
    'newly not run',
    groupCells(comparison.newlyNotRun),
    ({ after, reason, cells }) =>
      `${plural(cells.length, 'cell')} now ${statusWord(after)} (${reason}): ${named(cells)}`,
  );
  list(
    'newly judged in part',
    groupCells(comparison.newlyInPart),
    ({ reason, cells }) => `${plural(cells.length, 'cell')} (${reason}): ${named(cells)}`,
  );
  list('changed', comparison.changed, ({ id, before, after }) => `${id} was: ${before}; is: ${after}`);
  list('flaky', comparison.flaky, ({ id, title, note }) => `${id} ${title}: ${note}`);
  list('expected', comparison.expected, ({ id, title, note }) => `${id} ${title}: ${note}`);
  list('gone', comparison.gone, ({ id, before }) => `${id} ${before}`);
  list('not tried again', comparison.notTried, ({ id, before }) => `${id} ${before}`);
  list(
    'newly run',
    groupCells(comparison.newlyRun),
    ({ before, after, cells }) =>
      `${plural(cells.length, 'cell')} now ${statusWord(after)}, ${statusWord(before)} before: ${named(cells)}`,
  );
  list(
    'judged in neither run',
    groupCells(comparison.neverRun),
    ({ after, reason, cells }) => `${plural(cells.length, 'cell')} ${statusWord(after)} (${reason}): ${named(cells)}`,
  );
  list('kernel', comparison.kernel, ({ field, before, after }) => `${field}: ${before} -> ${after}`);
  list('circumstances', comparison.circumstances, ({ field, before, after }) => `${field}: ${before} -> ${after}`);
  return lines;
}

const cautionTexts: Record<string, (before: string, after: string) => string> = {
  tool: (before, after) =>
    `different versions of iomapfuzz (${before} before, ${after} now): cases, cells and judgement may differ, so that a change need not be the kernel's; run the new one on the old kernel to tell`,
  revision: (before, after) =>
    `judged by different revisions of the rules (${before} before, ${after} now): a change need not be the kernel's`,
};

/** What makes two runs hard to compare whatever they show: said before any change is. */
export function cautions({ circumstances, sameImage, new: findings, gaps }: Comparison): string[] {
  return [
    ...circumstances.flatMap(({ field, before, after }) =>
      Object.hasOwn(cautionTexts, field) ? [cautionTexts[field]!(before, after)] : [],
    ),
    ...gaps.map(({ text }) => text),
    ...(sameImage && findings.length > 0
      ? [
          'the kernel image is the same in both runs: what is new was found by other cases or under other circumstances, and is no change of the kernel',
        ]
      : []),
  ];
}

/** Which rules the new findings are about: one broken check can fill the list below with its places. */
function newRules({ new: findings }: Comparison): string[] {
  const rules = new Map<string, number>();
  for (const { rule } of findings) rules.set(rule, (rules.get(rule) ?? 0) + 1);
  if (rules.size < 2) return [];
  return [
    `new in ${rules.size} rules: ${[...rules]
      .sort(([, a], [, b]) => b - a)
      .map(([rule, count]) => (count === 1 ? rule : `${rule} (${count})`))
      .join(', ')}`,
  ];
}

/** Cells that changed alike and for one reason. */
export interface CellGroup {
  before: string;
  after: string;
  reason: string;
  cells: string[];
}

export function groupCells(changes: CellChange[]): CellGroup[] {
  const groups = new Map<string, CellGroup>();
  for (const { cell, before, after, reason } of changes) {
    // What the cell was before only matters where that is the news.
    const key = `${reason === '' ? before : ''} ${after} ${reason}`;
    const group = groups.get(key) ?? { before, after, reason, cells: [] };
    groups.set(key, group);
    group.cells.push(cell);
  }
  return [...groups.values()];
}

export const statusWord = (status: string): string =>
  ({
    'not-run': 'not run',
    impossible: 'cannot exist',
    conforms: 'conform',
    deviates: 'deviate',
    expected: 'deviate as expected',
  })[status] ?? status;

const named = (cells: string[]): string =>
  `${cells.slice(0, 3).join(', ')}${cells.length > 3 ? ` and ${cells.length - 3} more` : ''}`;
