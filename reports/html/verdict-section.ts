/** The first thing on the page: what the run says, why, and in which numbers. */
import type { Finding } from '../findings.ts';
import { countStatuses } from '../matrix.ts';
import type { ReportInput } from '../reporter.ts';
import { duration, plural } from '../text.ts';
import { asSentence, upperFirst, verdictBox } from './frame.ts';
import { html, type Markup } from './markup.ts';

const marks: Record<ReportInput['verdict']['kind'], string> = { deviates: '✗', conforms: '✓', infrastructure: '!', incomplete: '…', 'nothing-ran': '∅' };

export function verdictSection({ run, matrix, verdict }: ReportInput): Markup {
  const [word, ...rest] = verdict.headline.split(': ');
  const { environment } = run.summary;
  const statuses = countStatuses(matrix);
  const possible = Object.values(statuses).reduce((sum, count) => sum + count, 0) - statuses.impossible;
  const judged = run.counts.conforms + run.counts.deviates;
  const judgedCells = statuses.conforms + statuses.deviates + statuses.expected;
  const facts: [string, string, (string | undefined)?][] = [
    ['Findings', String(run.findings.length), run.findings.length > 0 ? `in ${plural(new Set(run.findings.map(({ rule }) => rule)).size, 'rule')}` : judged > 0 ? 'no deviation seen' : 'nothing was judged'],
    ['Cases judged', judged.toLocaleString('en'), `of ${run.cases.length.toLocaleString('en')}`],
    ...(possible > 0 ? [['Matrix', `${judgedCells} / ${possible}`, 'rule by path cells judged'] as [string, string, string]] : []),
    ['Kernel', environment?.kernelRelease ?? 'unknown', environment ? `${environment.kernelOrigin}${environment.flavour ? `, ${environment.flavour}` : ''}; rules ${run.summary.revision}` : `rules ${run.summary.revision}`],
    ['Took', duration(run.summary.elapsedMs), environment ? `${environment.accelerator}, ${environment.hostCpus} CPUs` : undefined],
    ['Seed', String(run.summary.seed), run.summary.shard ? `shard ${run.summary.shard.index} of ${run.summary.shard.count}` : run.summary.startedAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')],
  ];
  return verdictBox({ mark: marks[verdict.kind], word: asSentence(word!), says: upperFirst(rest.join(': ')), reasons: [...brokenRules(run.findings), ...verdict.reasons], facts });
}

/** A request with all its fields would fill the box; the finding has it whole. */
const short = (text = ''): string => (text.length > 90 ? `${text.slice(0, 90).replace(/\s+\S*$/, '')} ...` : text);

/** More rules than these are found below. */
const MAX_NAMED = 6;
const MAX_PATHS = 5;

/** What a reader with little time came for: which rules are broken, where, and how it shows. */
function brokenRules(findings: readonly Finding[]): Markup[] {
  const cases = new Map<string, number>();
  for (const finding of findings) cases.set(finding.rule, (cases.get(finding.rule) ?? 0) + finding.cases.length);
  // What most cases show is likely to be the fault, the others its consequences.
  const rules = [...cases].sort(([, a], [, b]) => b - a).map(([rule]) => rule);
  const lines = rules.slice(0, MAX_NAMED).map((rule) => {
    const places = findings.filter((finding) => finding.rule === rule);
    const all = places.flatMap(({ deviations }) => deviations);
    // An errno says more in a few words than wrong bytes do.
    const first = all.find(({ aspect }) => aspect === 'errno') ?? all[0];
    const paths = [...new Set(places.map(({ path }) => path))];
    return html`<a href="#finding-${findings.indexOf(places[0]!) + 1}">${rule}</a> on ${paths.slice(0, MAX_PATHS).join(', ')}${paths.length > MAX_PATHS && ` and ${paths.length - MAX_PATHS} more paths`}: ${first?.aspect} expected ${short(first?.expected)}, seen ${short(first?.seen)}`;
  });
  return rules.length > MAX_NAMED ? [...lines, html`${plural(rules.length - MAX_NAMED, 'further rule')}`] : lines;
}
