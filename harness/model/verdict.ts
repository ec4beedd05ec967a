/** Verdict: what the oracles make of (Case, Observation). */

/** One way in which the kernel deviates from the rules. */
export interface Deviation {
  /** Id of the rule or behaviour that is contradicted, as in the rule tables. */
  rule: string;
  /** Which channel or effect shows it. */
  aspect: 'errno' | 'result' | 'trace-event' | 'warn' | 'bytes-read' | 'device-bytes' | 'request' | 'kernel-log' | 'size';
  /** For people: one line each. */
  expected: string;
  seen: string;
  /** Index of the workload step, when one step shows it. */
  step?: number;
}

/** A channel that could not be judged, because the kernel lacks it or records were lost. Not a pass of that channel. */
export interface Unjudged {
  aspect: Deviation['aspect'];
  reason: string;
}

export type RevisionName = 'r1' | 'r2' | 'r3';

export type Verdict =
  | { kind: 'conforms'; unjudged?: Unjudged[] }
  /** `conformsAs`: other revisions of the uAPI by which the same observation conforms. */
  | { kind: 'deviates'; deviations: Deviation[]; conformsAs?: RevisionName[]; unjudged?: Unjudged[] }
  /** The spec does not say what must happen. */
  | { kind: 'unspecified'; reason: string }
  /** Nothing was tried: the kernel or the machine lacks what the case needs. Never a pass. */
  | { kind: 'not-run'; reason: string }
  /** The infrastructure failed: no judgement possible. Never a pass. */
  | { kind: 'lost'; reason: string };
