/** Parts of one results directory that contradict each other: a record and its case, cases and findings. */
import { createHash } from 'node:crypto';
import { caseSchema } from '../harness/model/case.ts';
import { canonicalJson, caseHash } from '../harness/model/hash.ts';
import type { CaseRecord, FindingRecord, RunSummary } from '../harness/model/results.ts';
import type { Verdict } from '../harness/model/verdict.ts';

type Stored = Pick<CaseRecord, 'n' | 'hash' | 'case' | 'verdict'>;

/** So many contradictions of one kind are named. */
const MOST_NAMED = 3;

/** Collects them while records stream by. */
export class Contradictions {
  readonly #summary: Pick<RunSummary, 'kind' | 'revision' | 'complete'>;
  readonly #kinds = new Map<number, Verdict['kind']>();
  readonly #found = new Map<string, { texts: string[]; count: number }>();

  constructor(summary: Pick<RunSummary, 'kind' | 'revision' | 'complete'>) {
    this.#summary = summary;
  }

  /** A line of cases.jsonl. */
  addCase(record: Stored): void {
    this.#kinds.set(record.n, record.verdict.kind);
    this.#checkCase(record, `case ${record.n} of cases.jsonl`);
  }

  /** A line of findings.jsonl, after all cases. */
  addFinding({ example, file }: Pick<FindingRecord, 'example' | 'file'>): void {
    const place = `findings.jsonl (${file})`;
    this.#checkCase(example, `the example of ${place}`);
    const kind = this.#kinds.get(example.n);
    if (example.verdict.kind !== 'deviates') {
      this.#note('verdict of a finding', `${place} holds a finding whose example does not deviate (${example.verdict.kind})`);
    } else if (kind === undefined) {
      // A run that was killed may have lost the last lines of one file and not of the other.
      if (this.#summary.complete) this.#note('finding without a case', `${place} holds a deviation of case ${example.n}, and cases.jsonl has no such case`);
    } else if (kind !== 'deviates') {
      this.#note('finding of a case that does not deviate', `${place} holds a deviation of case ${example.n}, and cases.jsonl says of that case '${kind}'`);
    }
  }

  /** One line each; several of one kind are counted. */
  get texts(): string[] {
    return [...this.#found.values()].flatMap(({ texts, count }) => [
      ...texts.map((text) => `${text}: files were changed, or come from different runs`),
      ...(count > texts.length ? [`${count - texts.length} more contradictions of that kind`] : []),
    ]);
  }

  #checkCase({ hash, case: value }: Stored, place: string): void {
    if (value === undefined) return;
    // Cases of one corpus may be of several revisions, and each is judged by its own.
    const { revision } = value as { revision?: unknown };
    if (this.#summary.kind !== 'corpus' && revision !== this.#summary.revision) {
      this.#note('revision', `${place} is of revision ${JSON.stringify(revision) ?? 'none'}, and the run was judged by ${this.#summary.revision}`);
    }
    if (!isHashOf(hash, value)) this.#note('hash', `${place} has the hash ${hash.slice(0, 16)}, which is not that of its case`);
  }

  #note(kind: string, text: string): void {
    const known = this.#found.get(kind) ?? { texts: [], count: 0 };
    this.#found.set(kind, known);
    known.count += 1;
    if (known.texts.length < MOST_NAMED) known.texts.push(text);
  }
}

/** Of the case as it is stored, or as this version reads it: an older one may have written fewer fields. A case of a schema that this version does not know has any hash. */
function isHashOf(hash: string, stored: unknown): boolean {
  if (typeof stored !== 'object' || stored === null) return false;
  const { provenance: _provenance, ...experiment } = stored as Record<string, unknown>;
  if (createHash('sha256').update(canonicalJson(experiment)).digest('hex') === hash) return true;
  const decoded = caseSchema.safeDecode(stored as never);
  return !decoded.success || caseHash(decoded.data) === hash;
}
