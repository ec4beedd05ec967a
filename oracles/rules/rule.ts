/**
 * What a rule is. Rules are data: generators aim at them, judges predict by them, reports and documentation print them.
 * Source of every row: docs/spec/rules.md, in its order of evaluation.
 */

export type Half = 'read' | 'write';
export type RuleGroup =
  | 'map'
  | 'begin'
  | 'inline'
  | 'upsert'
  | 'inval'
  | 'devinval'
  | 'config'
  | 'backing-open'
  | 'backing-close'
  | 'set-nofs'
  | 'add-iomap'
  | 'set-blocksize';

/** One clause. `C` is what it judges, `Id` the names that it may have: those of its table. */
export interface Rule<C, Id extends string = string> {
  /** Stable name, used in code, reports and tests. */
  readonly id: Id;
  readonly group: RuleGroup;
  /** The clause: what the kernel refuses. */
  readonly text: string;
  /** Where the clause stands: `docs/spec/rules.md#map-length-nonzero`. */
  readonly source: string;
  /** Errno of the refusal; `reply`: the one that the server answered. */
  readonly errno: number | 'reply';
  /** Reported as bad data: trace event, and WARN while debug_iomap is on. */
  readonly viaBadData: boolean;
  /** Texts of the conditions, in the order in which they are reported; undefined: the spec names none. */
  readonly conditions?: readonly string[];
  /** Function that reports it; undefined: the spec names none. */
  readonly func?: string;
  /** Halves of a reply the rule judges; absent: the rule is not about one half. */
  readonly halves?: readonly Half[];
  readonly applies: (context: C) => boolean;
  /** Only asked when the rule applies. */
  readonly violated: (context: C) => boolean;
  /**
   * Why the clause leaves open whether this context violates it; undefined where it does not. Only asked when the rule
   * applies.
   */
  readonly unclear?: (context: C) => string | undefined;
}

/** A rule that a context violates, and how the kernel reports that. */
export interface Refusal<Id extends string = string> {
  readonly rule: Id;
  readonly half?: Half;
  /** Positive errno. */
  readonly errno: number;
  readonly viaBadData: boolean;
  readonly conditions?: readonly string[];
  readonly func?: string;
}

/** The refusal that a violated rule stands for. */
export function refusalOf<Id extends string>(rule: Rule<never, Id>, repliedErrno: number, half?: Half): Refusal<Id> {
  return {
    rule: rule.id,
    ...(half && { half }),
    errno: rule.errno === 'reply' ? repliedErrno : rule.errno,
    viaBadData: rule.viaBadData,
    ...(rule.conditions && { conditions: rule.conditions }),
    ...(rule.func && { func: rule.func }),
  };
}
