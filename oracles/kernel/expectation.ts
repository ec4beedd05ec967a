/**
 * What the rules say must be seen of a case, given what the server answered. Data without judgement, one per reading of
 * the rules.
 */
import type { FiemapExtent } from '../../model/observation.ts';
import type { Unjudged } from '../../model/verdict.ts';
import type { Deviation } from '../deviation.ts';
import type { Refusal } from '../rules/rule.ts';
import type { Content, Segment } from './content.ts';
import type { ClauseId, RuleId } from '../rules/rule-id.ts';

/** The outcome of one syscall. */
export type StepExpectation = {
  /** Rule or behaviour that decides the outcome. */
  rule: ClauseId;
} & (
  | {
      kind: 'fails';
      /** Errnos that are right; undefined: any. */
      errnos?: readonly number[];
      /** Data that is lost, and through whom: a success would hide it. For people. */
      loss?: string;
    }
  | {
      kind: 'succeeds';
      /** Return value; undefined: any that is not negative. */
      ret?: bigint;
      /** pread: the returned bytes. */
      data?: readonly Segment[];
      /** pread: what may lie in the buffer behind the returned bytes, up to the length asked for, besides poison. */
      behind?: readonly Segment[];
      fiemap?: readonly FiemapExtent[];
      /** fm_mapped_extents. */
      fiemapMapped?: number;
      sizeBytes?: bigint;
      /** setTimes: seconds and nanoseconds of atime and mtime. */
      times?: readonly bigint[];
      /** fsUuid: what the ioctl gives. */
      outBytes?: Uint8Array;
      /** Bits of the first u64 of an ioctl's answer: those that must be set, and those that may be. */
      outFlags?: { set: bigint; may: bigint };
    }
  /** Nothing is said about the outcome. */
  | { kind: 'any' }
);

/** A refusal, at the workload step that met it; step -1: at mount. */
export interface ExpectedRefusal extends Refusal<RuleId> {
  step: number;
}

/** A warning of the kernel that generic code prints in a situation the rules describe. `pattern` matches its title. */
interface ToleratedWarning {
  pattern: RegExp;
  reason: string;
}

export interface Expectation {
  /** Deviations of the requests that the kernel sent from those it had to send. */
  requests: Deviation[];
  /** What of the requests could not be compared, because it was not kept. */
  unjudgedRequests: Unjudged[];
  mount: { errno: number | undefined; rule: ClauseId };
  /** BACKING_OPEN of each device of the geometry: errno, 0 for a cookie. */
  devices: number[];
  /** Steps in order; shorter than the workload when `unspecified` or a wrong request ended the simulation. */
  steps: StepExpectation[];
  refusals: ExpectedRefusal[];
  /** Content of the case's devices at the end; undefined when `unspecified`. */
  contents: Content[];
  tolerated: ToleratedWarning[];
  /** Why the spec says no more from some step on. */
  unspecified?: string;
  /** A request was not the one that had to come: what follows cannot be predicted, and none of it is judged. */
  desynchronised?: boolean;
}
