/** What `iomapfuzz judge` made of stored observations, as text and as JSON. */
import type { Deviation, Unjudged, Verdict } from '../model/verdict.ts';

export interface JudgedPlace {
  file: string;
  line?: number;
  index?: number;
  n?: number;
  cell?: string;
  note?: string;
}
export type Judged =
  | { kind: 'judged'; place: JudgedPlace; verdict: Verdict; recorded?: Verdict['kind'] }
  | { kind: 'nothing' | 'unreadable'; place: JudgedPlace; reason: string };

/** `results/cases.jsonl:12 (case 11, map/type-known@read fiemap violating)`. */
export function placeText({ file, line, index, n, cell }: JudgedPlace): string {
  const inside = line !== undefined ? `:${line}` : index !== undefined ? `[${index}]` : '';
  const what = [...(n === undefined ? [] : [`case ${n}`]), ...(cell === undefined ? [] : [cell])];
  return `${file}${inside}${what.length > 0 ? ` (${what.join(', ')})` : ''}`;
}

/** One line that says what came of it, then one for each deviation and each thing that was not judged. */
export function judgedLines(judged: Judged): string[] {
  const place = placeText(judged.place);
  if (judged.kind !== 'judged') return [`${place}: not judged: ${judged.reason}`];
  const { verdict, recorded } = judged;
  const comparison =
    recorded === undefined ? '' : recorded === verdict.kind ? ' (as recorded)' : ` (RECORDED: ${recorded})`;
  const reason = 'reason' in verdict ? `: ${verdict.reason}` : '';
  return [
    `${place}: ${verdict.kind}${comparison}${reason}`,
    ...('deviations' in verdict ? verdict.deviations.map(deviationLine) : []),
    ...('conformsAs' in verdict && verdict.conformsAs ? [`    conforms as ${verdict.conformsAs.join(', ')}`] : []),
    ...('unjudged' in verdict && verdict.unjudged ? verdict.unjudged.map(unjudgedLine) : []),
  ];
}

const deviationLine = ({ rule, aspect, step, expected, seen }: Deviation): string =>
  `    ${rule}, ${aspect}${step === undefined ? '' : ` of step ${step}`}: expected ${expected}; seen ${seen}`;
const unjudgedLine = ({ aspect, reason, step }: Unjudged): string =>
  `    not judged, ${aspect}${step === undefined ? '' : ` of step ${step}`}: ${reason}`;

/**
 * One line of `--json`. Keys that a record does not have are absent; `verdict` is `unreadable` or `nothing` where there
 * is none.
 */
export function judgedJson(judged: Judged): Record<string, unknown> {
  const { place } = judged;
  if (judged.kind !== 'judged') return { ...place, verdict: judged.kind, reason: judged.reason };
  const { verdict, recorded } = judged;
  const { kind, ...rest } = verdict;
  return {
    ...place,
    verdict: kind,
    deviations: [],
    ...rest,
    ...(recorded !== undefined && { recorded, agrees: recorded === kind }),
  };
}
