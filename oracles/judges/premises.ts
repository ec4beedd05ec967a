/**
 * Deviations that rest on a wrong premise: behind a syscall that left the files otherwise than the rules say, what is
 * due is not known, so that what differs from it is no deviation. Which deviations have one cause, and are one finding,
 * is another question: model/finding/cause.ts.
 */
import type { Case, Step } from '../../model/case.ts';
import type { Deviation } from '../deviation.ts';

/** Calls that leave files as they are: a wrong outcome says nothing about what comes later. */
const readOnly: ReadonlySet<Step['call']> = new Set([
  'pread',
  'mmapRead',
  'seekData',
  'seekHole',
  'fiemap',
  'deviceRead',
  'readahead',
  'fadvise',
  'fsUuid',
  'fuseIoctl',
  'ordinary',
  'setTimes',
] as const);

const endings: ReadonlySet<string> = new Set([
  'request/none',
  'request/end',
  'request/ioend',
  'request/writeback-ioend',
]);

/**
 * From a syscall on that changed the files otherwise than the rules say, sizes, requests and bytes are predicted on a
 * wrong premise. What is left: that syscall's own deviations, those before it, and what the kernel's log shows, which
 * needs no prediction.
 */
export function onRightPremises({ workload }: Case, deviations: readonly Deviation[]): Deviation[] {
  // Without a mount nothing else happens.
  if (deviations.some(({ rule, aspect, step }) => aspect === 'errno' && step === undefined && rule !== 'unmount')) {
    return deviations.filter(
      ({ aspect, step, rule }) => aspect === 'kernel-log' || (step === undefined && rule !== 'refusal/none'),
    );
  }
  const isOutcome = ({ aspect }: Deviation): boolean => aspect === 'errno' || aspect === 'result';
  const departs = (one: Deviation): boolean =>
    one.step !== undefined &&
    (one.aspect === 'size' || (isOutcome(one) && !readOnly.has(workload[one.step]?.call ?? 'open')));
  const first = Math.min(...deviations.filter(departs).map(({ step }) => step!));
  // A syscall that fails or stops where nothing is to be refused, and a report that nothing asks for: that says why.
  const refused = deviations.some(
    ({ step, facts }) => step === first && (facts?.errno?.seen === 'EUCLEAN' || facts?.value === 'too few'),
  );
  const failedSteps = new Set(
    deviations.filter((one) => isOutcome(one) && one.step !== undefined).map(({ step }) => step),
  );
  return deviations.filter((one) => {
    if (one.aspect === 'kernel-log' || one.rule === 'request/reserved') return true;
    // What the kernel told the server of an operation, or asked beyond it, goes with what it returned.
    if (one.aspect === 'request' && endings.has(one.rule) && failedSteps.has(one.step)) return false;
    // Without a step: what the devices hold in the end, and reports that no refusal asked for.
    return one.step === undefined
      ? first === Infinity || (one.aspect !== 'device-bytes' && (refused || one.rule !== 'refusal/none'))
      : one.step <= first;
  });
}
