/** A clause of the rules table as reports print it; the command line passes it in from oracles. */
export interface RuleText {
  /** `map/length-nonzero`. */
  id: string;
  /** The clause: when the rule is violated; of a behaviour what must happen. */
  clause: string;
  /** What must happen, instead of what must be refused. */
  behaviour?: true;
  /** `EUCLEAN (117)`, or what else a refusal looks like. */
  errno?: string;
  /** The condition's text as kernels print it. */
  condition?: string;
  /** Where the clause comes from. */
  source?: string;
}

/** `Violated when: CLAUSE`, or `Must hold: CLAUSE`. */
export const clauseLead = (behaviour: true | undefined): string => (behaviour ? 'Must hold' : 'Violated when');

/** The clause as a part of a sentence: `violated when CLAUSE`, `must hold: CLAUSE`. */
export const clauseText = ({ clause, behaviour }: Pick<RuleText, 'clause' | 'behaviour'>): string =>
  `${behaviour ? 'must hold:' : 'violated when'} ${clause}`;

export type RuleTexts = ReadonlyMap<string, RuleText>;
