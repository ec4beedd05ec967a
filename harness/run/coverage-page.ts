/** docs/behaviour-coverage.md: which cells of the plan, and which paths of campaigns, test which sentence. */
import { matchesGlob } from '../../model/glob.ts';
import { behaviours } from '../../oracles/rules/behaviours.ts';
import { rulesOf } from '../../oracles/rules/describe.ts';
import { aboutLiberties, behindLiberties, liberties } from '../../oracles/rules/sentences/liberties.ts';
import type { JudgedBy, Section, Sentence } from '../../oracles/rules/sentences/section.ts';
import { sections } from '../../oracles/rules/sentences/sections.ts';
import { withoutCells } from '../../oracles/rules/sentences/without-cells.ts';
import { triedFaults } from '../../oracles/rules/sentences/tried-faults.ts';
import { conformancePlan, type PlanCell } from '../../plan/plan.ts';
import { defaultRevision, revisions } from '../../uapi/revision.ts';
import { describeSlot, slotTable, type Slot } from './fuzz/slots.ts';

export const UPDATE_COMMAND =
  'IOMAPFUZZ_UPDATE=1 npx playwright test --project=unit harness/run/behaviour-coverage.test.ts';

/** More paths than these are counted. */
const MOST_PATHS = 4;

interface Covered {
  plan: readonly PlanCell[];
  /** `map/length-nonzero direct-read`: what campaigns draw. */
  drawn: ReadonlySet<string>;
}

function covered(): Covered {
  const { slots, ownMounts } = slotTable(revisions[defaultRevision]);
  const all = [...slots, ...ownMounts.map((cell): Slot => ({ kind: 'own-mount', cell }))].map(describeSlot);
  return {
    plan: conformancePlan(revisions[defaultRevision]),
    drawn: new Set(all.flatMap(({ rule, path }) => (rule === undefined ? [] : [`${rule} ${path}`]))),
  };
}

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];
const escaped = (text: string): string => text.replaceAll('|', '\\|');
const row = (...cells: string[]): string => `| ${cells.map(escaped).join(' | ')} |`;
const table = (head: readonly string[], rows: readonly string[]): string =>
  [row(...head), `|${'---|'.repeat(head.length)}`, ...rows].join('\n');
const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;

/** Cells that have cases, of clauses that the patterns name, on the paths. */
export const cellsOf = (plan: readonly PlanCell[], { rules, on }: JudgedBy): PlanCell[] =>
  plan.filter(
    ({ rule, path, cases }) =>
      cases !== undefined &&
      (on === undefined || on.includes(path)) &&
      rules.some((pattern) => matchesGlob(pattern, rule)),
  );

const pathsText = (paths: readonly string[]): string =>
  paths.length > MOST_PATHS ? count(paths.length, 'path') : paths.join(', ');

const judgedText = ({ judgedBy, everyCase }: Sentence): string =>
  [
    ...(everyCase ? ['every case'] : []),
    ...judgedBy.map(({ rules, on }) => {
      const names = rules[0] === '*' ? 'every rule and type' : rules.map((rule) => `\`${rule}\``).join(', ');
      return on ? `${names} on ${on.join(', ')}` : names;
    }),
  ].join('; ');

/** `met`: judged in whatever case meets it, where it has no cells. */
function sentenceRow(sentence: Sentence, { plan, drawn }: Covered, met = sentence.everyCase === true): string {
  const cells = unique(sentence.judgedBy.flatMap((one) => cellsOf(plan, one)));
  const paths = unique(cells.map(({ path }) => path));
  const campaigns = unique(cells.filter(({ rule, path }) => drawn.has(`${rule} ${path}`)).map(({ path }) => path));
  return row(
    sentence.says,
    judgedText(sentence) || 'nothing',
    cells.length === 0 ? (met ? 'none of its own' : '**none**') : `${cells.length} on ${pathsText(paths)}`,
    campaigns.length === 0 ? '' : campaigns.length === paths.length ? 'all of these' : pathsText(campaigns),
    sentence.unreached ?? sentence.remark ?? '',
  );
}

const link = (source: string): string => `[${source.replace('docs/', '')}](${source.replace('docs/', '')})`;

/** Behaviours whose source is the section's, and that none of its sentences names. */
function unnamed({ source, sentences }: Section): string[] {
  const named = sections
    .filter((other) => other.source === source)
    .flatMap((other) => [...other.sentences, ...sentences])
    .flatMap(({ judgedBy }) => judgedBy.flatMap(({ rules }) => rules))
    .filter((pattern) => pattern !== '*');
  return Object.entries(behaviours)
    .filter(
      ([id, one]) => one.source.split('; ').includes(source) && !named.some((pattern) => matchesGlob(pattern, id)),
    )
    .map(([id]) => id);
}

const HEAD = ['sentence', 'judged by', 'cells that have cases', 'paths of campaigns', 'more'] as const;

function sectionText(section: Section, all: Covered): string {
  const { title, source, intro, sentences, outro } = section;
  const others = unnamed(section).map((id) => {
    const { text } = behaviours[id as keyof typeof behaviours];
    const hasCells = all.plan.some(({ rule }) => rule === id);
    return sentenceRow({ says: text, judgedBy: [{ rules: [id as keyof typeof behaviours] }] }, all, !hasCells);
  });
  return [
    `## ${title}`,
    [`Specification: ${link(source)}.`, ...(intro === undefined ? [] : [intro])].join(' '),
    table(HEAD, [...sentences.map((sentence) => sentenceRow(sentence, all)), ...others]),
    ...(outro === undefined ? [] : [outro]),
  ].join('\n\n');
}

/** Rules and behaviours that have no case in the plan, and why. */
function unreachedText({ plan }: Covered): string {
  const sentences = sections.flatMap((section) =>
    section.sentences.flatMap(({ says, unreached }) => (unreached === undefined ? [] : [row(says, unreached)])),
  );
  const ids = unique([
    ...rulesOf(revisions[defaultRevision]).map(({ id }) => id),
    ...plan.map(({ rule }) => rule),
    ...Object.keys(behaviours),
  ]);
  const withoutCases = ids.filter((id) => !plan.some(({ rule, cases }) => rule === id && cases !== undefined));
  const reasons = (id: string): string[] =>
    unique([
      ...plan.flatMap(({ rule, impossible }) => (rule === id && impossible !== undefined ? [impossible] : [])),
      ...withoutCells
        .filter(({ rules }) => rules.some((pattern) => matchesGlob(pattern, id)))
        .map(({ because }) => because),
    ]);
  const impossible = withoutCases.filter((id) => reasons(id).length > 0);
  const wherever = withoutCases.filter((id) => reasons(id).length === 0);
  const places = new Map<string, number>();
  for (const { rule, impossible: reason } of plan)
    if (reason !== undefined && !impossible.includes(rule)) places.set(reason, (places.get(reason) ?? 0) + 1);
  return [
    '## What no cell reaches',
    'Sentences:',
    table(['sentence', 'why'], sentences),
    `Clauses that have no case in ${defaultRevision}:`,
    table(
      ['clauses', 'why'],
      unique(impossible.map((id) => reasons(id).join('; '))).map((why) =>
        row(
          impossible
            .filter((id) => reasons(id).join('; ') === why)
            .map((id) => `\`${id}\``)
            .join(', '),
          why,
        ),
      ),
    ),
    `Clauses without cells of their own, which are judged in whatever case meets them: ${wherever.map((id) => `\`${id}\``).join(', ')}.`,
    'Places where a clause that has cases elsewhere has none:',
    table(
      ['why', 'cells'],
      [...places].sort((a, b) => b[1] - a[1]).map(([reason, cells]) => row(reason, String(cells))),
    ),
  ].join('\n\n');
}

export function coveragePage(): string {
  const all = covered();
  return `${[
    '# Which cells test which sentence',
    `Written from the rules and the plan of ${defaultRevision} by \`${UPDATE_COMMAND}\`; what cannot be derived is data in oracles/rules/sentences.`,
    'The text of the rules says what an accepted mapping must do. Each sentence of it is here, with the clauses by which it is judged, the cells of the conformance plan that would fail if it did not hold (`iomapfuzz conformance --list` prints them all, `--rule cache/hit` runs some), and the paths on which campaigns draw cases of these clauses. "Every case" means: judged in every case that runs, whatever it is about.',
    ...sections.map((section) => sectionText(section, all)),
    '## What kernels may do differently',
    aboutLiberties,
    table(
      ['a kernel may', 'and still deviates'],
      liberties.map(({ may, still }) => row(may, still)),
    ),
    behindLiberties,
    unreachedText(all),
    '## Faults that were tried',
    triedFaults.summary,
    table(
      ['fault', 'why it is not caught'],
      triedFaults.missed.map(({ fault, because }) => row(fault, because)),
    ),
  ].join('\n\n')}\n`;
}
