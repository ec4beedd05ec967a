/** A rule with the half of the reply that it judges, as texts and ids name it. */

interface RuleOnHalf {
  rule: string;
  half?: 'read' | 'write' | undefined;
}

/** `map/length-nonzero@read`, in ids of cells and places. Rules of begin/* name their half themselves. */
export const ruleLabel = ({ rule, half }: RuleOnHalf): string =>
  half && !rule.startsWith('begin/') ? `${rule}@${half}` : rule;

/** A row of the matrix: with the half wherever there is one. */
export const rowLabel = ({ rule, half }: RuleOnHalf): string => (half === undefined ? rule : `${rule}@${half}`);

/** `map/length-nonzero@read fiemap` taken apart again, without the half. */
export function placeOfLabel(label: string): { rule: string; path: string } {
  const [rule = '', path = ''] = label.split(' ');
  return { rule: rule.replace(/@\w+$/, ''), path };
}
