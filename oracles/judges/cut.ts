/**
 * Judges a case whose transcript ends early: the steps before that place, and of these what does not follow from
 * absence.
 */
import type { Case } from '../../model/case.ts';
import type { Observation, TranscriptCut } from '../../model/observation.ts';
import type { Unjudged } from '../../model/verdict.ts';
import type { Deviation } from '../deviation.ts';
import type { Revision } from '../../uapi/revision.ts';

/** What the rules determine of a step whatever comes behind it. What devices hold in the end may be of later steps. */
const determined: ReadonlySet<Deviation['aspect']> = new Set([
  'errno',
  'result',
  'bytes-read',
  'size',
  'kernel-log',
  'request',
  'trace-event',
  'warn',
] as const);
/** Of these one that belongs to no step may have to do with what came later. */
const ofSteps: ReadonlySet<Deviation['aspect']> = new Set(['request', 'trace-event', 'warn'] as const);

/**
 * The case up to the step in which its transcript ends, and what was seen of that. The kernel's log is that of the
 * whole case.
 */
export function beforeCut(
  testCase: Case,
  seen: Observation,
  { step, why }: TranscriptCut,
): { of: Case; seen: Observation } {
  const { cut: _cut, ...whole } = seen;
  // Nothing is missing: the case was ended there.
  if (why === 'frozen') return { of: { ...testCase, workload: testCase.workload.slice(0, step) }, seen: whole };
  const { unmountErrno: _unmountErrno, ...rest } = whole;
  return {
    of: { ...testCase, workload: testCase.workload.slice(0, step) },
    seen: {
      ...rest,
      steps: seen.steps.slice(0, step),
      transcript: seen.transcript.filter((exchange) => (exchange.step ?? -1) < step),
      deviceChanges: [],
    },
  };
}

/** Those deviations of the part that are deviations of the whole case. */
export const provenBeforeCut = (deviations: readonly Deviation[], { step, why }: TranscriptCut): Deviation[] =>
  deviations.filter(
    (one) =>
      why === 'frozen' ||
      (determined.has(one.aspect) && (one.step === undefined ? !ofSteps.has(one.aspect) : one.step < step)),
  );

/** Fields by which the model finds its way through the requests: a record without one says nothing from there on. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  IOMAP_BEGIN: ['pos', 'count'],
  IOMAP_IOEND: ['pos', 'written'],
};

/** A cut, and what it is due to where the guest had no part in it. */
export interface Cut extends TranscriptCut {
  lacks?: string;
}

/** Where the transcript ends for the judges: where the guest cut it, or where its record lacks what they need. */
export function cutOf(testCase: Case, seen: Observation, { ioendFlags }: Revision): Cut | undefined {
  // The one of swapoff is about the whole file.
  const swapoff = ioendFlags.SWAPOFF ?? 0;
  const lacking = seen.transcript.flatMap(({ name, request, raw, step, seq }): (Cut & { seq: number })[] => {
    const isAboutNoRange =
      raw !== undefined || (name === 'IOMAP_IOEND' && (Number(request['flags'] ?? 0) & swapoff) !== 0);
    const field = isAboutNoRange
      ? undefined
      : NEEDED[name]?.find((one) => typeof request[one] !== 'bigint' && typeof request[one] !== 'number');
    return field === undefined
      ? []
      : [
          {
            step: Math.min(step ?? 0, testCase.workload.length),
            exchanges: 1,
            why: 'room',
            lacks: `the record of ${name} lacks ${field}`,
            seq,
          },
        ];
  });
  const [first] = lacking.sort((a, b) => a.seq - b.seq);
  return seen.cut && (!first || seen.cut.step <= first.step) ? seen.cut : first;
}

/** Steps that need no mapping: a case of which nothing else was judged passes nothing. */
const bare: ReadonlySet<string> = new Set(['open', 'close']);

/** What is not judged. Without a step where nothing was judged at all. */
export function unjudgedByCut({ step, exchanges, why, lacks }: Cut, { workload }: Case): Unjudged[] {
  const because =
    lacks ??
    {
      room: `${exchanges} exchanges found no room in the transcript`,
      count: 'it made more requests than are served in one case',
      frozen: 'it would wait for ever for a thaw',
    }[why];
  const last = step >= workload.length;
  const reason = `${because}, ${last ? 'behind the last step' : `from step ${step} on`}`;
  const nothing =
    workload.slice(0, step).every(({ call }) => bare.has(call)) && !workload.every(({ call }) => bare.has(call));
  const name = (aspects: readonly Unjudged['aspect'][]): Unjudged[] =>
    aspects.map((aspect) => ({ aspect, reason, ...(!nothing && { step }) }));
  if (why === 'frozen') return name(['errno', 'result', 'size', 'bytes-read', 'request']);
  return name([
    'request',
    'trace-event',
    'warn',
    'device-bytes',
    ...(last ? [] : (['errno', 'result', 'size', 'bytes-read'] as const)),
  ]);
}
