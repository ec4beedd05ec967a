/**
 * What the page's script reads: all cases in columns, so that 100,000 of them are a few megabytes, gzipped and decoded
 * on first use.
 */
import type { Verdict } from '../../model/verdict.ts';

/** One character a kind: the column of kinds is one string. */
export const kindLetters: Record<Verdict['kind'], string> = {
  conforms: 'c',
  deviates: 'd',
  unspecified: 'u',
  'not-run': 'n',
  lost: 'l',
};
export type KindLetter = 'c' | 'd' | 'u' | 'n' | 'l';

interface PageCell {
  /** `map/length-nonzero@read fiemap violating`. */
  label: string;
  rule: string;
  half?: string;
  path: string;
  border?: string;
  impossible?: string;
}

interface PageRule {
  id: string;
  clause: string;
  behaviour?: true;
  errno?: string;
  condition?: string;
  source?: string;
}

export interface PageData {
  /** Row label and path of each matrix cell, and its borders as indices into `borders`. */
  cells: {
    label: string;
    rule: string;
    path: string;
    status: string;
    partial: boolean;
    reasons: string[];
    borders: number[];
  }[];
  borders: PageCell[];
  rules: PageRule[];
  /** In the page's order: the first is finding 1. */
  findings: { title: string; expected: string; seen: string }[];
  /** Number of the finding on the page (from 1) that a case belongs to, by case index. */
  findingOf: Record<number, number>;
  cases: {
    count: number;
    /** Differences of consecutive `n`. */
    n: number[];
    /** Index into `borders`, or -1. */
    border: number[];
    kinds: string;
    /** First 16 hexadecimal digits of each hash, one after the other. */
    hashes: string;
    /** Index into `texts`. */
    note: number[];
    /** Index into `texts`, or -1. */
    reason: number[];
    /** What of the case was not judged; index into `texts`, or -1: nothing. */
    unjudged: number[];
  };
  texts: string[];
}
