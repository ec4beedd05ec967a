// Turns `iomapfuzz report DIR --format json` on stdin into annotations of a GitHub Actions run, one a finding.
import { readFileSync } from 'node:fs';

/** GitHub shows ten annotations of a step; the others would be cut off without a word. */
const MAX = 9;
const data = (text) => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
const property = (text) => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');

const { verdict, findings } = JSON.parse(readFileSync(0, 'utf8'));
for (const {
  id,
  title,
  paths,
  clause,
  behaviour,
  deviations: [first],
  reproduce,
} of findings.slice(0, MAX)) {
  const lines = [
    `on ${paths.join(', ')}: expected ${first.expected}, seen ${first.seen}`,
    ...(clause ? [`${behaviour ? 'what must hold:' : 'the rule is violated when'} ${clause}`] : []),
    ...reproduce,
  ];
  console.log(`::error title=${property(`${id} ${title}`)}::${data(lines.join('\n'))}`);
}
if (findings.length > MAX)
  console.log(`::error title=iomapfuzz::${data(`${findings.length - MAX} more findings: see the report`)}`);
if (findings.length === 0)
  console.log(`::${verdict.exitCode === 0 ? 'notice' : 'error'} title=iomapfuzz::${data(verdict.headline)}`);
