/** A night as a short mail: what changed, what is open, where to read on. */
import { mailText, plainLine, plainText } from '../../model/plain-text.ts';
import { plural, wrap } from '../text.ts';
import type { OpenFinding, Trend } from './trend.ts';

const WIDTH = 72;
const MAX_NAMED = 10;
export const outcomeWords = {
  deviates: 'DEVIATES',
  conforms: 'CONFORMS',
  regression: 'REGRESSION',
  incomplete: 'NO VERDICT',
  'no-vm': 'NO VM',
  'nothing-ran': 'NOTHING WAS JUDGED',
  running: 'NOT FINISHED',
  unreadable: 'UNREADABLE',
} as const;

/**
 * One cause shows in more than one kind of run; nights of older versions have a finding for each path instead, which
 * belong together by their rule.
 */
export function byRule<T extends OpenFinding>(findings: readonly T[]): [rule: string, findings: T[]][] {
  const rules = new Map<string, T[]>();
  for (const finding of findings)
    rules.set(finding.id ?? finding.rule, [...(rules.get(finding.id ?? finding.rule) ?? []), finding]);
  return [...rules.values()].map((all) => [all[0]!.rule, all]);
}

export const distinct = (values: string[]): string[] => [...new Set(values)];

export function nightMail(trend: Trend, name: string): string {
  const night = trend.nights.find((one) => one.name === name)!;
  const { outcome, says, besides, kernel, opened, closed, open, openRules, stages } = night;
  const lines = [
    plainLine(
      `Subject: [iomapfuzz] night ${name}: ${outcomeWords[outcome]}${kernel ? `, ${kernel.release}` : ''}${opened.length > 0 ? `, ${opened.length} opened` : ''}${closed.length > 0 ? `, ${closed.length} closed` : ''}`,
    ),
    '',
    ...wrap(plainText(`${outcomeWords[outcome]}: ${says}`), WIDTH),
    ...(besides === undefined ? [] : wrap(plainText(besides), WIDTH)),
    ...(outcome === 'conforms' || outcome === 'deviates' ? [] : ['This night is not a pass.']),
    '',
    ...(kernel
      ? wrap(
          plainText(
            `Kernel: ${kernel.release} ${kernel.version} (${kernel.origin}${kernel.image === undefined ? '' : `; ${kernel.image}`})${night.newKernel ? ', another image than in the night before' : ''}`,
          ),
          WIDTH,
          8,
        )
      : []),
    `Findings: ${opened.length} opened, ${closed.length} closed, ${open} open${openRules > 1 && openRules < open ? ` in ${openRules} rules` : ''}`,
    '',
  ];
  for (const [title, list] of [
    ['Opened', opened],
    ['Closed', closed],
  ] as const) {
    if (list.length === 0) continue;
    const rules = byRule(list);
    lines.push(
      `${title}:`,
      ...rules
        .slice(0, MAX_NAMED)
        .flatMap(([rule, of]) =>
          wrap(
            plainText(
              `- ${rule} on ${distinct(of.map(({ path }) => path)).join(', ')} (${distinct(of.map(({ kind }) => kind)).join(', ')})${title === 'Opened' ? `: ${of[0]!.shown}` : ''}`,
            ),
            WIDTH,
            2,
          ),
        ),
    );
    if (rules.length > MAX_NAMED) lines.push(`- and ${rules.length - MAX_NAMED} more rules`);
    lines.push('');
  }
  for (const { kind, status, reason, digest } of stages) {
    lines.push(
      ...wrap(
        plainText(`${kind}: ${digest?.headline ?? `${status}${reason === undefined ? '' : `: ${reason}`}`}`),
        WIDTH,
        2,
      ),
    );
    if (digest && reason !== undefined && !digest.headline.includes(reason))
      lines.push(...wrap(plainText(`  ${reason}`), WIDTH, 2));
    if (digest?.comparison)
      lines.push(...wrap(`  against ${digest.comparison.against}: ${digest.comparison.headline}`, WIDTH, 2));
  }
  const reports = stages.filter(({ digest }) => digest !== undefined);
  lines.push(
    '',
    `${plural(reports.length, 'report')} in the history${reports.length > 0 ? ':' : ''}`,
    ...reports.map(({ kind }) => `  ${name}/${kind}/report.html`),
    '  index.html (all nights)',
  );
  return `${mailText(lines)}\n`;
}
