/**
 * What is wrong with a results directory although it can be read: files were changed, lost, or come from different
 * runs. No pass.
 */
import { CAMPAIGN_CHUNK, type Counts, type RunSummary } from '../model/run-summary.ts';
import type { Verdict } from '../model/verdict.ts';
import { plural } from './text.ts';

/** What this file reads of a case. */
interface Listed {
  n: number;
  cell?: string;
}

/**
 * `counts`: outcomes of `cases`, as cases.jsonl has them. A summary may be a second older than the cases of a run that
 * was killed; of a complete run both are final.
 */
export function damageOf(summary: RunSummary, cases: readonly Listed[], counts: Counts): string[] {
  if (!summary.complete) return [];
  return [
    ...ofTheSummary(summary, counts),
    ...(summary.kind === 'conformance' ? ofThePlan(summary, cases) : []),
    ...gapsOf(summary, cases),
  ];
}

function ofTheSummary(
  { counts: stated, planned, endedBy, environment, incidents = [], omitted }: RunSummary,
  counts: Counts,
): string[] {
  const damage: string[] = [];
  for (const [kind, count] of Object.entries(stated) as [Verdict['kind'], number][]) {
    if (count !== counts[kind])
      damage.push(
        `summary.json counts ${count} cases as '${kind}', cases.jsonl holds ${counts[kind]}: files were changed or lost`,
      );
  }
  // What cases.jsonl holds was compared with the counts above.
  const ended = Object.values(stated).reduce((sum, count) => sum + count, 0);
  if (planned !== undefined && planned !== ended)
    damage.push(`${planned} cases were planned, ${ended} have an outcome: files were changed, or cases were left out`);
  if (endedBy !== undefined)
    damage.push(`summary.json says that the run is complete, and that it ended early (${endedBy}): it was changed`);
  if (counts.conforms + counts.deviates > 0) {
    const unnamed = environment ? kernelNames.filter((field) => environment[field].trim() === '') : [];
    if (!environment || unnamed.length > 0) {
      damage.push(
        `cases were judged, and summary.json does not say on which kernel${unnamed.length > 0 ? ` (${unnamed.join(', ')} empty)` : ''}: it was changed`,
      );
    }
  }
  if (omitted && omitted.incidents > 0 && incidents.length === 0)
    damage.push(
      `${plural(omitted.incidents, 'incident')} came after those that summary.json holds, and it holds none: it was changed`,
    );
  return damage;
}

/** What names the kernel; a run that booted it knows all of them. */
const kernelNames = ['kernelRelease', 'kernelVersion', 'kernelImageHash'] as const;

function ofThePlan(summary: RunSummary, cases: readonly Listed[]): string[] {
  const damage: string[] = [];
  const { shard = { index: 1, count: 1 } } = summary;
  const homeless = cases.filter(({ cell }) => cell === undefined);
  if (homeless.length > 0)
    damage.push(
      `${plural(homeless.length, 'case')} of cases.jsonl ${homeless.length === 1 ? 'names' : 'name'} no cell of the plan, as case ${homeless[0]!.n}: files were changed`,
    );
  const foreign = cases.filter(({ n }) => n % shard.count !== shard.index - 1);
  if (foreign.length > 0)
    damage.push(
      `${plural(foreign.length, 'case')} of cases.jsonl ${foreign.length === 1 ? 'belongs' : 'belong'} to another shard, as case ${foreign[0]!.n}: files were changed`,
    );
  // A shard has every count-th case: not each cell has one among them.
  if (shard.count > 1) return damage;
  const tried = new Set(cases.map(({ cell }) => cell));
  const bare = summary.cells.filter(({ id, impossible }) => impossible === undefined && !tried.has(id));
  if (bare.length > 0)
    damage.push(
      `${plural(bare.length, 'cell')} of the plan ${bare.length === 1 ? 'has' : 'have'} no case, as ${bare[0]!.id}: files were changed, or cases were left out`,
    );
  return damage;
}

/** Positions that must have a case, because a later one has: of all kinds of runs, and of shards. */
function gapsOf(summary: RunSummary, cases: readonly Listed[]): string[] {
  const { argv, kind, shard = { index: 1, count: 1 }, shards = 1 } = summary;
  // A campaign that leaves out what it does not aim at, or whose shards had a time each, has gaps of its own.
  const isCampaign = kind === 'fuzz';
  const isTimed = isGiven(argv, '--time') || (isCampaign && !isGiven(argv, '--runs'));
  if (isCampaign && (isGiven(argv, '--rule') || isGiven(argv, '--paths') || (isTimed && shards > 1))) return [];
  const start = isCampaign ? Number(optionOf(argv, '--start') ?? 0) : 0;
  const first = start + ((shard.index - 1 - (start % shard.count) + shard.count) % shard.count);
  const ranks = cases
    .map(({ n }) => (n - first) / shard.count)
    .filter((rank) => Number.isInteger(rank))
    .sort((a, b) => a - b);
  if (ranks.length === 0 || ranks[0]! < 0) return [];
  // A piece of a campaign that its time ends is in any order.
  const limit = ranks.at(-1)! - (isCampaign && isTimed ? CAMPAIGN_CHUNK : 0);
  const missing = ranks.findIndex((rank, index) => rank !== index);
  if (missing < 0 || missing >= limit) return [];
  const after = first + ranks[missing]! * shard.count;
  return [
    `case ${after} stands in cases.jsonl, and others before it do not, as ${first + missing * shard.count}: files were changed, or cases were left out`,
  ];
}

const isGiven = (argv: readonly string[], option: string): boolean =>
  argv.some((word) => word === option || word.startsWith(`${option}=`));

/** The value of an option that is given once, as the run's command line has it. */
function optionOf(argv: readonly string[], option: string): string | undefined {
  const at = argv.findIndex((word) => word === option || word.startsWith(`${option}=`));
  if (at < 0) return undefined;
  return argv[at] === option ? argv[at + 1] : argv[at]!.slice(option.length + 1);
}
