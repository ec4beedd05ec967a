/** Findings of a campaign: one for each rule, channel, report and path, however many cases show it; the smallest case is kept. */
import type { CaseNode } from './cases.ts';
import type { Case } from '../../model/case.ts';
import type { CaseRecord, Minimised, ReliabilityCount } from '../../model/results.ts';
import type { Outcome } from '../execute.ts';
import type { Deviation } from '../../model/verdict.ts';
import { pathOfCase, pathOfStep } from '../../model/places.ts';

export interface FuzzFinding {
  key: string;
  rule: string;
  aspect: Deviation['aspect'];
  /** Condition and function, or the first line of the kernel's complaint; empty where neither tells one finding from another. */
  detail: string;
  path: string;
  /** How many cases show it. */
  cases: number;
  /** The example was made from a case of the campaign and stays, whatever comes later. */
  minimised: boolean;
  /** The smallest of them, and what deviates there. */
  example: CaseNode;
  deviations: readonly Deviation[];
  /** What was seen of it, once it was minimised. */
  outcome?: Outcome;
  /** The guests that were lost when it was found. */
  lost?: Pick<CaseRecord, 'consoleTail' | 'tries' | 'crashes'>;
  shrunk?: Minimised;
  reliability?: ReliabilityCount;
}

/** What follows from another deviation: of use alone only when there is no other. */
const isConsequence = ({ rule }: Deviation): boolean => rule.startsWith('request/') || rule === 'refusal/none' || rule === 'read/poison' || rule === 'device/bytes' || rule === 'size';
const isHealth = ({ rule }: Deviation): boolean => rule.startsWith('kernel/');

/** The deviations that each stand for a finding: one a rule, and no consequences where there is a cause. */
export function primaryDeviations(deviations: readonly Deviation[]): Deviation[] {
  const causes = [deviations.filter(isHealth), deviations.filter((one) => !isConsequence(one)), deviations].find((some) => some.length > 0) ?? [];
  return causes.filter((one, index) => causes.findIndex(({ rule }) => rule === one.rule) === index);
}

/** Numbers that differ from case to case say nothing about the finding. */
const withoutNumbers = (text: string): string => text.replace(/0x[0-9a-f]+|\b\d+\b/gi, '#');

const DETAILS: Readonly<Partial<Record<Deviation['aspect'], (deviation: Deviation) => string>>> = {
  'trace-event': ({ expected, seen, rule }) => withoutNumbers(rule === 'refusal/none' ? seen : expected),
  warn: ({ expected, seen, rule }) => withoutNumbers(rule === 'refusal/none' ? seen : expected),
  'kernel-log': ({ seen }) => withoutNumbers(seen),
};

export function findingKey(of: Case, deviation: Deviation): Pick<FuzzFinding, 'key' | 'rule' | 'aspect' | 'detail' | 'path'> {
  const { rule, aspect, step } = deviation;
  const detail = DETAILS[aspect]?.(deviation) ?? '';
  const path = step === undefined ? pathOfCase(of) : pathOfStep(of, step);
  return { key: [rule, aspect, detail, path].filter((part) => part !== '').join(' | '), rule, aspect, detail, path };
}

/** Fewest syscalls and replies, then the shortest text. */
export function caseSize({ workload, script, geometry }: Case): number {
  const text = JSON.stringify([workload, script, geometry], (_, value: unknown) => (typeof value === 'bigint' ? value.toString(16) : value));
  return (workload.length + script.length + geometry.files.length) * 1e6 + text.length;
}

export class FindingSet {
  readonly #findings = new Map<string, FuzzFinding>();

  /** Takes a case that deviates; returns the findings that are new with it. */
  add(node: CaseNode, deviations: readonly Deviation[]): FuzzFinding[] {
    const fresh: FuzzFinding[] = [];
    for (const deviation of primaryDeviations(deviations)) {
      const identity = findingKey(node.case, deviation);
      const known = this.#findings.get(identity.key);
      if (!known) {
        const finding: FuzzFinding = { ...identity, cases: 1, minimised: false, example: node, deviations };
        this.#findings.set(identity.key, finding);
        fresh.push(finding);
        continue;
      }
      known.cases += 1;
      if (!known.minimised && caseSize(node.case) < caseSize(known.example.case)) Object.assign(known, { example: node, deviations });
    }
    return fresh;
  }

  get size(): number {
    return this.#findings.size;
  }

  /** Smallest case first. */
  all(): FuzzFinding[] {
    return [...this.#findings.values()].sort((a, b) => caseSize(a.example.case) - caseSize(b.example.case) || (a.key < b.key ? -1 : 1));
  }
}
