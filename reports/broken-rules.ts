/** What a reader with little time came for: which rules are broken, where, and how it shows. */
import type { Finding } from './findings.ts';
import { plural } from './text.ts';

export interface BrokenRule {
  rule: string;
  first: Finding;
  /** `on fiemap, seek-data: errno expected EUCLEAN, seen success`. */
  says: string;
}

/** More rules than these are found below. */
const MAX_NAMED = 6;
const MAX_PATHS = 5;

/** What most cases show comes first: it is likely to be the fault, the others its consequences. */
export function brokenRules(findings: readonly Finding[]): { rules: BrokenRule[]; more: string | undefined } {
  const cases = new Map<string, number>();
  for (const finding of findings) cases.set(finding.rule, (cases.get(finding.rule) ?? 0) + finding.cases.length);
  const all = [...cases].sort(([, a], [, b]) => b - a).map(([rule]) => rule);
  const rules = all.slice(0, MAX_NAMED).map((rule): BrokenRule => {
    const places = findings.filter((finding) => finding.rule === rule);
    const deviations = places.flatMap((finding) => finding.deviations);
    // An errno says more in a few words than wrong bytes do.
    const shown = deviations.find(({ aspect }) => aspect === 'errno') ?? deviations[0];
    const paths = [...new Set(places.map(({ path }) => path))];
    return {
      rule, first: places[0]!,
      says: `on ${paths.slice(0, MAX_PATHS).join(', ')}${paths.length > MAX_PATHS ? ` and ${paths.length - MAX_PATHS} more paths` : ''}: ${shown?.aspect} expected ${short(shown?.expected)}, seen ${short(shown?.seen)}`,
    };
  });
  return { rules, more: all.length > MAX_NAMED ? plural(all.length - MAX_NAMED, 'further rule') : undefined };
}

/** A request with all its fields would fill the place; the finding has it whole. */
const short = (text = ''): string => (text.length > 90 ? `${text.slice(0, 90).replace(/\s+\S*$/, '')} ...` : text);

/** As lines of text: `map/type-known on fiemap: ...`. */
export function brokenRuleLines(findings: readonly Finding[]): string[] {
  const { rules, more } = brokenRules(findings);
  return [...rules.map(({ rule, says }) => `${rule} ${says}`), ...(more === undefined ? [] : [more])];
}
