/** Parts of one results directory that contradict each other: a record and its case, cases and findings. */
import { createHash } from 'node:crypto';
import { caseSchema } from '../model/case.ts';
import { canonicalJson, caseHash } from '../model/hash.ts';
import type { CaseRecord, FindingRecord } from '../model/results.ts';
import type { CellInfo, RunSummary } from '../model/run-summary.ts';
import { plainText } from '../model/plain-text.ts';
import type { Verdict } from '../model/verdict.ts';
import type { FindingLine, ReadRecord } from './read.ts';

type Stored = Pick<CaseRecord, 'n' | 'cell' | 'hash' | 'case' | 'verdict'>;
type Judged = Pick<RunSummary, 'kind' | 'revision' | 'complete' | 'cells'>;

/** So many contradictions of one kind are named. */
const MOST_NAMED = 3;

/** How the origin of a case begins that a plan drew; its cell follows. */
const OF_THE_PLAN = 'conformance ';

/** Collects them while records stream by. */
export class Contradictions {
  readonly #summary: Judged;
  readonly #cells: ReadonlyMap<string, CellInfo>;
  readonly #kinds = new Map<number, Verdict['kind']>();
  readonly #found = new Map<string, { texts: string[]; count: number }>();

  constructor(summary: Judged) {
    this.#summary = summary;
    this.#cells = new Map(summary.cells.map((cell) => [cell.id, cell]));
  }

  /** A line of cases.jsonl. */
  addCase({ record, stray }: ReadRecord<Stored>): void {
    this.#kinds.set(record.n, record.verdict.kind);
    const place = `case ${record.n} of cases.jsonl`;
    this.#checkCase(record, stray, place);
    this.#checkCell(record, place);
  }

  /** A line of findings.jsonl, after all cases. */
  addFinding(line: FindingLine): void {
    if (line.kind === 'bad')
      this.#note('line of findings', `line ${line.line} of findings.jsonl is no finding (${plainText(line.detail)})`);
    else if (line.kind === 'finding') this.#checkFinding(line);
    else if (this.#summary.complete)
      this.#note(
        'line of findings',
        `the last line of findings.jsonl (line ${line.line}) breaks off, and the run is complete`,
      );
  }

  #checkFinding({ record: { example, file }, stray }: ReadRecord<FindingRecord>): void {
    const place = `findings.jsonl (${file})`;
    this.#checkCase(example, stray, `the example of ${place}`);
    const kind = this.#kinds.get(example.n);
    if (example.verdict.kind !== 'deviates') {
      this.#note(
        'verdict of a finding',
        `${place} holds a finding whose example does not deviate (${example.verdict.kind})`,
      );
    } else if (kind === undefined) {
      // A run that was killed may have lost the last lines of one file and not of the other.
      if (this.#summary.complete)
        this.#note(
          'finding without a case',
          `${place} holds a deviation of case ${example.n}, and cases.jsonl has no such case`,
        );
    } else if (kind !== 'deviates') {
      this.#note(
        'finding of a case that does not deviate',
        `${place} holds a deviation of case ${example.n}, and cases.jsonl says of that case '${kind}'`,
      );
    } else if (example.case === undefined) {
      this.#note('finding that lacks its case', `${place} holds a finding without the case that shows it`);
    }
  }

  /** One line each; several of one kind are counted. */
  get texts(): string[] {
    return [...this.#found.values()].flatMap(({ texts, count }) => [
      ...texts.map((text) => `${text}: files were changed, or come from different runs`),
      ...(count > texts.length ? [`${count - texts.length} more contradictions of that kind`] : []),
    ]);
  }

  #checkCell({ cell: id, case: value, verdict: { kind } }: Stored, place: string): void {
    if (id === undefined) return;
    const impossible = this.#cells.get(id)?.impossible;
    if (impossible !== undefined && kind !== 'lost' && kind !== 'not-run') {
      this.#note(
        'impossible cell',
        `${place} was judged (${kind}) in the cell ${id}, which the plan says no case can exercise (${impossible})`,
      );
    }
    if (this.#summary.kind !== 'conformance') return;
    // Of a plan's case its own text says for which cell it was drawn. What an older version wrote there names no cell
    // of the plan.
    const origin = (value as { provenance?: { origin?: unknown } } | null | undefined)?.provenance?.origin;
    const drawnFor =
      typeof origin === 'string' && origin.startsWith(OF_THE_PLAN) ? origin.slice(OF_THE_PLAN.length) : id;
    if (drawnFor !== id && this.#cells.has(drawnFor))
      this.#note('cell of another case', `${place} stands in the cell ${id}, and was drawn for ${drawnFor}`);
  }

  #checkCase({ hash, case: value, verdict }: Stored, stray: string | undefined, place: string): void {
    if (stray !== undefined)
      this.#note('verdict with parts of another', `${place} says '${verdict.kind}', and holds ${stray}`);
    if (value === undefined) return;
    // Cases of one corpus may be of several revisions, and each is judged by its own.
    const { revision } = value as { revision?: unknown };
    if (this.#summary.kind !== 'corpus' && revision !== this.#summary.revision) {
      this.#note(
        'revision',
        `${place} is of revision ${JSON.stringify(revision) ?? 'none'}, and the run was judged by ${this.#summary.revision}`,
      );
    }
    if (!isHashOf(hash, value))
      this.#note('hash', `${place} has the hash ${hash.slice(0, 16)}, which is not that of its case`);
  }

  #note(kind: string, text: string): void {
    const known = this.#found.get(kind) ?? { texts: [], count: 0 };
    this.#found.set(kind, known);
    known.count += 1;
    if (known.texts.length < MOST_NAMED) known.texts.push(text);
  }
}

/**
 * Of the case as it is stored, or as this version reads it: an older one may have written fewer fields. A case of a
 * schema that this version does not know has any hash.
 */
function isHashOf(hash: string, stored: unknown): boolean {
  if (typeof stored !== 'object' || stored === null) return false;
  const { provenance: _provenance, ...experiment } = stored as Record<string, unknown>;
  if (createHash('sha256').update(canonicalJson(experiment)).digest('hex') === hash) return true;
  const decoded = caseSchema.safeDecode(stored as never);
  return !decoded.success || caseHash(decoded.data) === hash;
}
