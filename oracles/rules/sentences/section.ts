/** Sentences of the specification, each with the clauses by which it is judged. */
import type { AnsweredRequest } from '../behaviours.ts';
import type { ClauseId } from '../rule-id.ts';

/** A clause, or several: `map/*`, `*` for all, `* /READ` (without the space) for all about answers to READ. */
export type ClausePattern = ClauseId | `${string}*` | `*/${AnsweredRequest}`;

/** Cells that fail where the sentence does not hold. */
export interface JudgedBy {
  readonly rules: readonly ClausePattern[];
  /** Only on these paths; default: on all that they have. */
  readonly on?: readonly string[];
}

export interface Sentence {
  readonly says: string;
  readonly judgedBy: readonly JudgedBy[];
  /** Judged in every case that runs, whatever it is about. */
  readonly everyCase?: true;
  /** What the cells do of it that their names do not tell. */
  readonly remark?: string;
  /** Why no cell reaches it. */
  readonly unreached?: string;
}

export interface Section {
  readonly title: string;
  /** Where the sentences stand. */
  readonly source: string;
  readonly intro?: string;
  readonly sentences: readonly Sentence[];
  readonly outro?: string;
}
