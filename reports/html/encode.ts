/** Packs a run's cases for the page's script. */
import { gzipSync } from 'node:zlib';
import { rowLabel } from '../../model/rule-label.ts';
import { matrixCells } from '../matrix.ts';
import type { ReportInput } from '../reporter.ts';
import { kindLetters, type PageData } from './page-data.ts';

export function pageData({ run, matrix, rules }: ReportInput): PageData {
  const borderIndex = new Map<string, number>();
  const borders: PageData['borders'] = run.summary.cells.map(({ id, ...cell }, index) => {
    borderIndex.set(id, index);
    return { label: `${rowLabel(cell)} ${cell.path} ${cell.border ?? ''}`.trimEnd(), ...cell };
  });
  const texts: string[] = [];
  const known = new Map<string, number>();
  const intern = (text: string | undefined): number => {
    if (text === undefined) return -1;
    const found = known.get(text);
    if (found !== undefined) return found;
    known.set(text, texts.length);
    return texts.push(text) - 1;
  };
  const position = new Map(run.cases.map(({ n }, index) => [n, index]));
  const findingOf: Record<number, number> = {};
  run.findings.forEach(({ cases }, index) => {
    for (const n of cases) findingOf[position.get(n)!] ??= index + 1;
  });
  const used = new Set(run.summary.cells.map(({ rule }) => rule));
  return {
    cells: matrixCells(matrix).map(({ row, cell }) => ({
      label: row.label,
      rule: row.rule,
      path: cell.path,
      status: cell.status,
      partial: cell.partial,
      reasons: cell.reasons,
      borders: cell.borders.map(({ info }) => borderIndex.get(info.id)!),
    })),
    borders,
    rules: [...rules.values()].filter(({ id }) => used.has(id)),
    findings: run.findings.map(({ id, title, deviations: [first] }) => ({
      title: `${id} ${title}`,
      expected: first!.expected,
      seen: first!.seen,
    })),
    findingOf,
    cases: {
      count: run.cases.length,
      n: run.cases.map(({ n }, index) => n - (run.cases[index - 1]?.n ?? 0)),
      border: run.cases.map(({ cell }) => (cell === undefined ? -1 : borderIndex.get(cell)!)),
      kinds: run.cases.map(({ kind }) => kindLetters[kind]).join(''),
      hashes: run.cases.map(({ hash }) => hash.slice(0, 16).padEnd(16, ' ')).join(''),
      note: run.cases.map(({ note }) => intern(note)),
      reason: run.cases.map(({ reason }) => intern(reason)),
      unjudged: run.cases.map(({ unjudged }) => intern(unjudged)),
    },
    texts,
  };
}

/** gzip in base64: the browser unpacks it with DecompressionStream. */
export const packed = (data: PageData): string => gzipSync(JSON.stringify(data), { level: 6 }).toString('base64');
