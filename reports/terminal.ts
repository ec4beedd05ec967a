/** The verdict, the matrix and the deviations for a terminal, or for a log that a terminal's output goes to. */
import type { Counts } from '../model/run-summary.ts';
import { imageText } from './image-text.ts';
import { countStatuses, type CellStatus, type Matrix, type MatrixCell, type MatrixRow } from './matrix.ts';
import { exampleFacts, exampleText, extentText, placesText, type Finding } from './finding.ts';
import { clauseText, type RuleTexts } from './rule-text.ts';
import type { Run } from './run.ts';
import { plainText, withoutLogCommands } from '../model/plain-text.ts';
import { duration, plural, wrap } from './text.ts';
import type { RunVerdict } from './verdict.ts';
import { headerText } from './uapi-header-text.ts';

export interface TerminalOptions {
  widthColumns: number;
  colour: boolean;
  rules: RuleTexts;
  /** Findings that are printed in full; the others are counted. */
  maxFindings?: number;
}

/**
 * What stdout is: colours only on a terminal that wants them (https://no-color.org), 100 columns where there is no
 * width.
 */
export function terminalOf(
  stream: { isTTY?: boolean; columns?: number },
  env: Record<string, string | undefined>,
): Pick<TerminalOptions, 'widthColumns' | 'colour'> {
  const stated = Number(env['COLUMNS']);
  return {
    widthColumns: Math.max(40, stream.columns ?? (Number.isInteger(stated) && stated > 0 ? stated : 100)),
    colour: stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
  };
}

type Paint = (text: string, style: Style) => string;
type Style = CellStatus | 'bold' | 'dim' | 'partial';
const codes: Record<Style, string> = {
  deviates: '1;31',
  expected: '33',
  lost: '1;35',
  conforms: '32',
  partial: '33',
  unspecified: '36',
  'not-run': '33',
  impossible: '2',
  bold: '1',
  dim: '2',
};

export function renderTerminal(run: Run, matrix: Matrix, verdict: RunVerdict, options: TerminalOptions): string {
  const paint: Paint = options.colour ? (text, style) => `\u001b[${codes[style]}m${text}\u001b[0m` : (text) => text;
  const width = options.widthColumns;
  const lines: string[] = [];
  const tone: Record<RunVerdict['kind'], Style> = {
    deviates: 'deviates',
    conforms: 'conforms',
    infrastructure: 'lost',
    incomplete: 'lost',
    'nothing-ran': 'lost',
  };
  lines.push(...wrap(verdict.headline, width, 2).map((line) => paint(line, tone[verdict.kind])));
  for (const reason of verdict.reasons) lines.push(...wrap(`- ${plainText(reason)}`, width, 2));
  const { environment } = run.summary;
  if (environment) {
    const image = imageText(environment);
    lines.push(
      ...wrap(
        `kernel ${environment.kernelRelease} (${environment.kernelOrigin}${environment.flavour ? `, ${environment.flavour}` : ''}${image === '' ? '' : `; ${image}`}), judged by ${run.summary.revision}${run.summary.uapiHeader ? ` with the numbers of ${headerText(run.summary)}` : ''}; ${environment.accelerator}, QEMU ${environment.qemuVersion}; seed ${run.summary.seed}; ${duration(run.summary.elapsedMs)}`,
        width,
        2,
      ).map((line) => paint(line, 'dim')),
    );
  }
  if (matrix.groups.length > 0) lines.push('', ...renderMatrix(matrix, width, paint));
  lines.push(...renderFindings(run, options, paint));
  return withoutLogCommands(`${lines.join('\n')}\n`);
}

/** `ok 24`, `FAIL 3/24`: words, so that a log without colours says the same. */
export function cellText(cell: MatrixCell | undefined): string {
  if (!cell) return '';
  const { counts } = cell;
  const judged = counts.conforms + counts.deviates;
  switch (cell.status) {
    case 'deviates':
      return `FAIL ${counts.deviates}/${judged}`;
    case 'expected':
      return `known ${counts.deviates}/${judged}`;
    case 'lost':
      return `LOST ${counts.lost}`;
    case 'conforms':
      return `ok ${counts.conforms}${cell.partial ? '~' : ''}`;
    case 'unspecified':
      return `unspec ${counts.unspecified}`;
    case 'not-run':
      return 'not run';
    case 'impossible':
      return '-';
  }
}

function renderMatrix(matrix: Matrix, width: number, paint: Paint): string[] {
  const rows = matrix.groups.flatMap((group) => group.rows);
  const labels = Math.max(...rows.map((row) => shortLabel(row).length));
  const columns = matrix.paths.map((path) => {
    const content = Math.max(...rows.map((row) => cellText(row.cells.get(path)).length), 1);
    return {
      path,
      content,
      whole: Math.max(content, path.length),
      split: Math.max(
        content,
        ...path.split('-').map((word, index, words) => word.length + (index < words.length - 1 ? 1 : 0)),
      ),
    };
  });
  // Names on one line if that fits, else broken at their hyphens, else as many columns at a time as fit.
  const total = (key: 'whole' | 'split', gap: number): number =>
    labels + columns.reduce((sum, column) => sum + column[key] + gap, 0);
  const key = total('whole', 2) <= width ? 'whole' : 'split';
  const gap = total(key, 2) <= width ? 2 : 1;
  const lines: string[] = [];
  for (let from = 0; from < columns.length;) {
    let to = from + 1;
    let used = labels + gap + columns[from]![key];
    while (to < columns.length && used + gap + columns[to]![key] <= width) {
      used += gap + columns[to]![key];
      to += 1;
    }
    if (from > 0) lines.push('');
    lines.push(
      ...renderColumns(
        matrix,
        columns.slice(from, to).map((column) => ({ path: column.path, width: column[key] + gap })),
        key === 'split',
        labels + gap,
        paint,
      ),
    );
    from = to;
  }
  const statuses = countStatuses(matrix);
  const legend = [
    'ok n: n cases conform',
    'ok n~: not everything there was run or judged',
    'FAIL n/m: n of m deviate',
    ...(statuses.lost ? ['LOST n: n cases without a verdict'] : []),
    ...(statuses.expected ? ['known n/m: n of m deviate as expected'] : []),
    ...(statuses.unspecified ? ['unspec n: the rules leave it open'] : []),
    ...(statuses['not-run'] ? ['not run: nothing was judged'] : []),
    '-: cannot exist',
    'empty: not in the plan',
  ];
  return [...lines, ...wrap(legend.join('; '), width, 2).map((line) => paint(line, 'dim'))];
}

function renderColumns(
  matrix: Matrix,
  columns: { path: string; width: number }[],
  split: boolean,
  labelWidth: number,
  paint: Paint,
): string[] {
  const words = columns.map(({ path }) =>
    split ? path.split('-').map((word, index, all) => (index < all.length - 1 ? `${word}-` : word)) : [path],
  );
  const height = Math.max(...words.map((parts) => parts.length));
  const lines: string[] = [];
  for (let line = 0; line < height; line += 1) {
    lines.push(
      paint(
        (
          ' '.repeat(labelWidth) + columns.map(({ width }, index) => (words[index]![line] ?? '').padEnd(width)).join('')
        ).trimEnd(),
        'bold',
      ),
    );
  }
  for (const { name, rows } of matrix.groups) {
    lines.push(paint(`${name}/*`, 'bold'));
    for (const row of rows) {
      const cells = columns.map(({ path, width }) => {
        const cell = row.cells.get(path);
        const text = cellText(cell);
        const padding = ' '.repeat(width - text.length);
        return (cell && text ? paint(text, cell.partial ? 'partial' : cell.status) : text) + padding;
      });
      lines.push((shortLabel(row).padEnd(labelWidth) + cells.join('')).trimEnd());
    }
  }
  return lines;
}

const shortLabel = (row: MatrixRow): string => `  ${row.label.slice(row.label.indexOf('/') + 1)}`;

/** What follows from these is in the reports. */
const MAX_DEVIATIONS = 3;

function renderFindings(run: Run, { rules, widthColumns, maxFindings = 20 }: TerminalOptions, paint: Paint): string[] {
  if (run.findings.length === 0) return [];
  const lines = ['', paint(`${plural(run.findings.length, 'finding')}:`, 'bold')];
  for (const finding of run.findings.slice(0, maxFindings))
    lines.push(...renderFinding(finding, rules, widthColumns, paint));
  const rest = run.findings.length - maxFindings;
  if (rest > 0)
    lines.push(`... and ${plural(rest, 'more finding')}: iomapfuzz report ${run.directory} lists all of them`);
  return lines;
}

function renderFinding(finding: Finding, rules: RuleTexts, width: number, paint: Paint): string[] {
  const { id, title, rule, example, deviations } = finding;
  const clause = rules.get(rule);
  const entry = (name: string, text: string): string[] =>
    wrap(`    ${`${name}:`.padEnd(10)}${plainText(text)}`, width, 14);
  return [
    ...wrap(`${id} ${plainText(title)}  (${extentText(finding)})`, width, 4).map((line) => paint(line, 'deviates')),
    ...entry('on', placesText(finding)),
    ...entry('rule', clause === undefined ? rule : `${rule}: ${clauseText(clause)}`),
    ...deviations
      .slice(0, MAX_DEVIATIONS)
      .flatMap(({ aspect, expected, seen }) => [
        ...entry('expected', `${expected} (${aspect})`),
        ...entry('seen', seen),
      ]),
    ...(deviations.length > MAX_DEVIATIONS
      ? entry('and', `${deviations.length - MAX_DEVIATIONS} more that follow from it`)
      : []),
    ...(finding.ofRun
      ? entry('when', exampleText(finding))
      : entry('case', `${example.hash.slice(0, 16)}  ${example.note}${exampleFacts(finding)}`)),
  ];
}

/** For one-line summaries: `862 conform, 22 deviate, 4 lost; 3 were not judged in part`. */
export function countsText({ counts, partlyJudged }: Pick<Run, 'counts' | 'partlyJudged'>): string {
  const words: [keyof Counts, string][] = [
    ['conforms', 'conform'],
    ['deviates', 'deviate'],
    ['unspecified', 'unspecified'],
    ['not-run', 'not run'],
    ['lost', 'lost'],
  ];
  const parts = words
    .filter(([kind]) => counts[kind] > 0)
    .map(([kind, word]) => `${counts[kind].toLocaleString('en')} ${word}`);
  const inPart =
    partlyJudged === 0
      ? ''
      : `; ${partlyJudged.toLocaleString('en')} ${partlyJudged === 1 ? 'was' : 'were'} not judged in part`;
  return parts.length === 0 ? 'no cases' : parts.join(', ') + inPart;
}
