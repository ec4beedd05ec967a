/** What a reader with little time came for: what is wrong, and where. */
import type { Finding } from './finding.ts';
import { plural } from './text.ts';

/** More than these are found below. */
const MAX_NAMED = 6;
const MAX_PATHS = 5;

/** In the order of the findings, the severe ones first. */
export function firstFindings(findings: readonly Finding[]): {
  first: { finding: Finding; says: string }[];
  more: string | undefined;
} {
  const first = findings
    .slice(0, MAX_NAMED)
    .map((finding) => ({
      finding,
      says: `${finding.title} (${finding.ofRun ? finding.example.note : `${onPaths(finding.paths)}; ${plural(finding.cases.length, 'case')}`})`,
    }));
  return {
    first,
    more: findings.length > MAX_NAMED ? plural(findings.length - MAX_NAMED, 'further finding') : undefined,
  };
}

const onPaths = (paths: readonly string[]): string =>
  `on ${[...paths].sort().slice(0, MAX_PATHS).join(', ')}${paths.length > MAX_PATHS ? ` and ${paths.length - MAX_PATHS} more paths` : ''}`;

/** As lines of text: `1a2b3c4d IOEND of writeback: new_addr is ...`. */
export function firstFindingLines(findings: readonly Finding[]): string[] {
  const { first, more } = firstFindings(findings);
  return [...first.map(({ finding: { id }, says }) => `${id} ${says}`), ...(more === undefined ? [] : [more])];
}
