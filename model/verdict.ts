/** Verdict: what the oracles make of (Case, Observation). */

/** One way in which the kernel deviates from the rules. */
export interface Deviation {
  /** Id of the rule or behaviour that is contradicted, as in the rule tables. */
  rule: string;
  /** Which channel or effect shows it. */
  aspect:
    'errno' | 'result' | 'trace-event' | 'warn' | 'bytes-read' | 'device-bytes' | 'request' | 'kernel-log' | 'size';
  /** For people: one line each. */
  expected: string;
  seen: string;
  /** Index of the workload step, when one step shows it. */
  step?: number;
  /** The same for programs: findings are grouped by it. Absent in results of older versions. */
  facts?: DeviationFacts;
}

/** What bytes are, next to those that belong where they lie. */
export type ByteKind =
  /** Of a device, a write or the server. On a device, `unchanged` is what lay there before the case. */
  | 'device'
  | 'unchanged'
  | 'writer'
  | 'server'
  | 'zeros'
  /** The read buffer as it was before the syscall. */
  | 'untouched'
  | 'unknown'
  /** Bytes end here. */
  | 'nothing'
  /** Of the same kind as those that belong there, and of another owner or from another position. */
  | 'other device'
  | 'other writer'
  | 'other file'
  | 'other place';

/** What is wrong, without what was drawn. Each part only where the deviation is about it. */
export interface DeviationFacts {
  /** Name of the request's opcode. */
  request?: string;
  /** What the request is for: `writeback`, `direct read`, `report` ... */
  operation?: string;
  /** How it differs from the one that was due. */
  differs?: 'missing' | 'extra' | 'layout' | 'fields' | 'data';
  /** Fields that differ, named as in the uAPI header: `new_addr`, `map.offset`. */
  fields?: { name: string; expected: string; seen: string }[];
  /** Of those that hold flags: `+FAULT -WRITE` where FAULT is set and should not be, and WRITE is not. */
  flags?: string[];
  /** Names; `success` where the call, the mount or the answer is to succeed, or did. */
  errno?: { expected: string[]; seen: string };
  /** The errno that was due, or the one that was seen, is one that the server answered with in this case. */
  answered?: { expected?: true; seen?: true };
  /** A value that a syscall returned besides its errno: `count`, `extents`, `times` ... */
  value?: string;
  bytes?: { expected: ByteKind[]; seen: ByteKind };
  /** Texts of reported conditions; absent: no report. */
  condition?: { expected?: string; seen?: string };
}

/**
 * What could not be judged, because the kernel lacks a channel, records were lost, or what was seen was cut short. Not
 * a pass of that: the rest of the case was judged.
 */
export interface Unjudged {
  aspect: Deviation['aspect'];
  reason: string;
  /** Index of the workload step, when it is about one, or about those from there on. */
  step?: number;
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
