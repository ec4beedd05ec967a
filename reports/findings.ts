/** Findings: deviations that belong together, with the smallest case that shows them. */
import type { CaseRecord, CellInfo, FindingRecord, Incident, Minimised, ReliabilityCount } from '../harness/model/results.ts';
import { pathOfCase, pathOfStep } from '../harness/model/places.ts';
import type { Deviation } from '../harness/model/verdict.ts';

export interface Finding {
  /** Rule, path, and of the plan's rules half and border: the same in every run that shows the same deviation. */
  key: string;
  rule: string;
  half?: 'read' | 'write';
  path: string;
  border?: 'violating' | 'legal';
  /** Channels and effects that showed it in any of the cases. */
  aspects: Deviation['aspect'][];
  /** Positions (`n`) of the cases that show it. */
  cases: number[];
  /** The smallest of them. */
  example: CaseRecord;
  /** What deviates from `rule` in the example. */
  deviations: Deviation[];
  /** How the example became so small; absent: it is a case as it was drawn. */
  minimised?: Minimised;
  /** In how many replays the example showed the same; absent: it was not replayed. */
  reliability?: ReliabilityCount;
  /** Its case file in the results directory. */
  file?: string;
  /** No case shows it: it belongs to the run. */
  ofRun?: true;
}

/** Collects findings while records stream by; keeps one whole record a finding. */
export class FindingCollector {
  readonly #findings = new Map<string, Finding & { size: number }>();

  add(record: CaseRecord, cell: CellInfo | undefined): void {
    if (record.verdict.kind !== 'deviates') return;
    for (const [rule, deviations] of causes(byRule(record.verdict.deviations))) {
      const { half, path, border, key } = placeOf(record, cell, rule, deviations);
      const size = sizeOf(record);
      const known = this.#findings.get(key);
      if (!known) {
        this.#findings.set(key, {
          key, rule, ...(half && { half }), path, ...(border && { border }),
          aspects: unique(deviations.map(({ aspect }) => aspect)), cases: [record.n], example: record, deviations, size, ...triesOf(rule, record),
        });
        continue;
      }
      known.cases.push(record.n);
      known.aspects = unique([...known.aspects, ...deviations.map(({ aspect }) => aspect)]);
      if (size < known.size || (size === known.size && record.n < known.example.n)) Object.assign(known, { example: record, deviations, size, reliability: undefined, ...triesOf(rule, record) });
    }
  }

  /** What no case shows; its example names those one of which did it. */
  addIncident({ reason, when, log, candidates = [] }: Incident, seed: number): void {
    const rule = 'kernel/healthy';
    const deviations: Deviation[] = [{ rule, aspect: 'kernel-log', expected: 'the kernel stays healthy, whatever a server answers', seen: `${reason} (${when})` }];
    const note = candidates.length === 0 ? when : `${when}; ${candidates.length === 1 ? 'the case' : 'the cases'}: ${candidates.slice(0, 8).map((hash) => hash.slice(0, 12)).join(', ')}${candidates.length > 8 ? ' ...' : ''}`;
    const key = `${rule} outside-of-cases ${reason.replace(/0x[0-9a-f]+|\b\d+\b/gi, '#')}`;
    if (this.#findings.has(key)) return;
    const example: CaseRecord = { n: 0, hash: candidates[0] ?? 'none', note, seed, verdict: { kind: 'deviates', deviations }, consoleTail: log };
    this.#findings.set(key, { key, rule, path: 'several', aspects: ['kernel-log'], cases: [], example, deviations, size: sizeOf(example), ofRun: true });
  }

  /** The smallest case of a finding, and what is known of it. Where there are several, the smallest counts. */
  examined({ rule, file, minimised, reliability, example }: FindingRecord, cell: CellInfo | undefined): void {
    if (example.verdict.kind !== 'deviates') return;
    const deviations = example.verdict.deviations.filter((one) => one.rule === rule);
    const known = deviations.length > 0 ? this.#findings.get(placeOf(example, cell, rule, deviations).key) : undefined;
    if (!known || (known.file !== undefined && sizeOf(example) >= known.size)) return;
    Object.assign(known, { example, deviations, size: sizeOf(example), file, minimised, reliability });
  }

  /**
   * What broke the kernel first, then in the order of `cells` (plan order), then by key: the same for any order in which the cases came. What did
   * not show in every replay comes last: a reader with little time begins with what is certain.
   */
  finish(cells: CellInfo[]): Finding[] {
    const order = new Map(cells.map(({ rule }, index) => [rule, index] as const).reverse());
    const rank = (finding: Finding): number => (finding.rule.startsWith('kernel/') ? -1 : order.get(finding.rule) ?? cells.length);
    return [...this.#findings.values()]
      .map(({ size: _size, ...finding }) => ({ ...finding, aspects: finding.aspects.sort(), cases: finding.cases.sort((a, b) => a - b) }))
      .sort((a, b) => Number(isFlaky(a)) - Number(isFlaky(b)) || rank(a) - rank(b) || (a.key < b.key ? -1 : 1));
  }
}

/** A case that took a guest down and was run again says itself how reliably it does so. */
function triesOf(rule: string, { crashes, tries }: CaseRecord): Pick<Finding, 'reliability'> {
  return rule.startsWith('kernel/') && crashes && tries !== undefined ? { reliability: { shown: crashes.length, of: tries } } : {};
}

function placeOf(record: CaseRecord, cell: CellInfo | undefined, rule: string, deviations: readonly Deviation[]): Pick<Finding, 'half' | 'path' | 'border' | 'key'> {
  const half = cell?.rule === rule ? cell.half : undefined;
  const path = cell?.path ?? callOf(record, deviations[0]!);
  // A case drawn for one rule can contradict another, to which its border means nothing.
  const border = cell?.rule === rule ? cell.border : undefined;
  const key = [half === undefined ? rule : `${rule}@${half}`, path, border].filter((part) => part !== undefined).join(' ');
  return { ...(half && { half }), path, ...(border && { border }), key };
}

/** `shows in 5 of 5 replays`; undefined: it was not replayed. */
export const reliabilityText = ({ reliability }: Pick<Finding, 'reliability'>): string | undefined =>
  reliability && `shows in ${reliability.shown} of ${reliability.of} replays${isFlaky({ reliability }) ? ': flaky' : ''}`;

export const isFlaky = ({ reliability }: Pick<Finding, 'reliability'>): boolean => reliability !== undefined && reliability.shown < reliability.of;

/** `minimised: no smaller form shows it (40 were run)`; undefined: it is a case as it was drawn. */
export const minimisedText = ({ minimised }: Pick<Finding, 'minimised'>): string | undefined => minimised && {
  minimal: `minimised: no smaller form shows it (${minimised.tried} were run)`,
  interrupted: `minimising was interrupted after ${minimised.tried} forms`,
  'out-of-time': `minimising ran out of time after ${minimised.tried} forms`,
}[minimised.end];

/** Both of these, as the end of a sentence about the example. */
export const exampleFacts = (finding: Finding): string => [minimisedText(finding), reliabilityText(finding)].filter((text) => text !== undefined).map((text) => `; ${text}`).join('');

/** Findings that say the same thing in different places: one rule, one side of its border, the same expected and seen in one channel at least. */
export interface FindingGroup {
  rule: string;
  border?: 'violating' | 'legal';
  findings: Finding[];
  /** How many cases show any of them. */
  cases: number;
  /** The one with the smallest case. */
  example: Finding;
}

export function groupFindings(findings: Finding[]): FindingGroup[] {
  const groups: (FindingGroup & { lines: Set<string> })[] = [];
  for (const finding of findings) {
    const lines = signatureOf(finding).split('\n');
    // Which channels show it depends on what was drawn (the debug WARN, how many halves): one that says the same is enough.
    let group = groups.find(({ rule, border, lines: known }) => rule === finding.rule && border === finding.border && lines.some((line) => known.has(line)));
    if (!group) {
      group = { rule: finding.rule, ...(finding.border && { border: finding.border }), findings: [], cases: 0, example: finding, lines: new Set() };
      groups.push(group);
    }
    if (sizeOf(finding.example) < sizeOf(group.example.example)) group.example = finding;
    group.findings.push(finding);
    group.cases += finding.cases.length;
    for (const line of lines) group.lines.add(line);
  }
  return groups.map(({ lines: _lines, ...group }) => group);
}

/** `map/length-aligned, violating value`. */
export const groupTitle = ({ rule, border }: FindingGroup): string => `${rule}${border === undefined ? '' : `, ${border} value`}`;

/** Where they are: `read half: fiemap, seek-data; write half: fiemap`. */
export function placesOf({ findings }: FindingGroup): string {
  const halves = new Map<string, string[]>();
  for (const { half, path } of findings) halves.set(half ?? '', [...(halves.get(half ?? '') ?? []), path]);
  return [...halves].map(([half, paths]) => `${half && `${half} half: `}${unique(paths).join(', ')}`).join('; ');
}

/** The deviations without the drawn values: those differ from case to case and from run to run. */
export const signatureOf = ({ deviations }: Finding): string =>
  deviations.map(({ aspect, expected, seen }) => `${aspect}|${expected}|${seen}`.replace(/0x[0-9a-f]+|\b\d+\b(?!\))/gi, '#')).sort().join('\n');

function byRule(deviations: Deviation[]): Map<string, Deviation[]> {
  const groups = new Map<string, Deviation[]>();
  for (const deviation of deviations) groups.set(deviation.rule, [...(groups.get(deviation.rule) ?? []), deviation]);
  return groups;
}

/**
 * A refusal that did not come, or came where none was due, explains the requests and bytes that follow it in the same case: those are not
 * findings of their own. The record keeps all of them.
 */
function causes(groups: Map<string, Deviation[]>): Map<string, Deviation[]> {
  const refusals: readonly Deviation['aspect'][] = ['trace-event', 'warn'];
  const about = [...groups].filter(([, deviations]) => deviations.some(({ aspect }) => refusals.includes(aspect)));
  if (about.length === 0) return groups;
  return new Map([...groups].filter(([rule]) => rule.startsWith('kernel/') || about.some(([cause]) => cause === rule)));
}

/** Without a cell (fuzzing) the syscall that shows the deviation says which path it is. */
function callOf(record: CaseRecord, { step }: Deviation): string {
  if (!record.case) return 'case';
  const shape = record.case as unknown as Parameters<typeof pathOfCase>[0];
  try {
    return step === undefined ? pathOfCase(shape) : pathOfStep(shape, step);
  } catch {
    // A case of a newer schema.
    return 'case';
  }
}

/** Fewest syscalls and replies first, then the shortest text. Records without their case come last. */
function sizeOf(record: CaseRecord): number {
  if (!record.case) return Number.MAX_SAFE_INTEGER;
  const { script, workload } = record.case as { script?: unknown[]; workload?: unknown[] };
  return ((workload?.length ?? 0) + (script?.length ?? 0)) * 1e6 + JSON.stringify(record.case).length;
}

const unique = <T>(values: T[]): T[] => [...new Set(values)];
