/**
 * Whether results directories are shards of one run: started alike, on one kernel. What their machines were may differ.
 */
import { isDeepStrictEqual } from 'node:util';
import { NOT_BOOTED, type Environment, type RunSummary } from '../model/run-summary.ts';

export interface Part {
  directory: string;
  summary: RunSummary;
}

/** `field`: for people, `the seed`. */
export interface Difference {
  kind: 'different-runs';
  field: string;
  a: string;
  b: string;
  values: [string, string];
}

/** How a run was started: every shard knows it. */
const start: [string, (summary: RunSummary) => unknown][] = [
  ['the kind of run', ({ kind }) => kind],
  ["the tool's version", ({ toolVersion }) => toolVersion],
  ['the uAPI revision', ({ revision }) => revision],
  ["the numbers of the kernel's uAPI", ({ uapiHeader }) => uapiHeader?.numbers],
  ['the seed', ({ seed }) => seed],
  ['the number of cases per cell', ({ runsPerCell }) => runsPerCell],
  ['the shard count', ({ shard }) => shard?.count],
  ['the plan', ({ cells }) => cells.map(({ id, impossible }) => [id, impossible])],
  ['the list of expected deviations', ({ expectations = [] }) => expectations],
  ['the command line', ({ argv }) => withoutShard(argv)],
];

/**
 * What says which kernel it was; `undefined`: a shard does not know it. When its image was written is no such fact: a
 * copy on another machine has another date. The command line names the image, so that its origin needs no comparison of
 * its own.
 */
const kernel: [string, (environment: Environment) => unknown][] = [
  ['the kernel image', ({ kernelImageHash }) => kernelImageHash],
  // The header of an image that was not booted says them in another form than a kernel that runs.
  ['the kernel release', booted(({ kernelRelease }) => kernelRelease)],
  ['the kernel version', booted(({ kernelVersion }) => kernelVersion)],
  ['the kernel configuration', booted(({ kernelConfig }) => kernelConfig)],
  ['the kernel flavour', ({ flavour }) => flavour],
  // Only the machine that made the image remembers it, and only with git.
  ['the kernel commit', ({ kernelCommit }) => (kernelCommit?.startsWith('unknown') ? undefined : kernelCommit)],
];

function booted(read: (environment: Environment) => unknown): (environment: Environment) => unknown {
  return (environment) => (environment.machine === NOT_BOOTED ? undefined : read(environment));
}

/** The first thing in which two of them differ that shards of one run have in common. */
export function differenceOf(parts: readonly Part[]): Difference | undefined {
  for (const [field, read] of start) {
    const difference = differing(
      field,
      parts.map((part) => ({ directory: part.directory, value: read(part.summary) })),
    );
    if (difference) return difference;
  }
  for (const [field, read] of kernel) {
    // A shard that found no VM does not know its kernel; that is in its verdict, not in its identity.
    const known = parts.flatMap(({ directory, summary: { environment } }) =>
      environment ? [{ directory, value: read(environment) }] : [],
    );
    const difference = differing(
      field,
      known.filter(({ value }) => value !== undefined),
    );
    if (difference) return difference;
  }
  return undefined;
}

function differing(field: string, read: { directory: string; value: unknown }[]): Difference | undefined {
  const [first, ...others] = read;
  const other = others.find(({ value }) => !isDeepStrictEqual(value, first?.value));
  return (
    first &&
    other && {
      kind: 'different-runs',
      field,
      a: first.directory,
      b: other.directory,
      values: shown(field, first.value, other.value),
    }
  );
}

/** Of two lists what only one of them holds: of long ones that differ in little, a reader sees nothing. */
function shown(field: string, a: unknown, b: unknown): [string, string] {
  if (field === 'the plan') return [a, b].map((cells) => `${(cells as unknown[]).length} cells`) as [string, string];
  if (field === 'the kernel configuration')
    return [only(a as string[], b as string[]), only(b as string[], a as string[])];
  return [a, b].map((value) => JSON.stringify(value) ?? 'none') as [string, string];
}

const MOST_OPTIONS = 5;

function only(lines: readonly string[], others: readonly string[]): string {
  const own = lines.filter((line) => !others.includes(line));
  if (own.length === 0) return lines.length === 0 ? 'no options' : 'nothing besides';
  return `${own.slice(0, MOST_OPTIONS).join(' ')}${own.length > MOST_OPTIONS ? ` and ${own.length - MOST_OPTIONS} more` : ''}`;
}

/** argv as an undivided run would have it: without the shard and without the place of the results. */
export function withoutShard(argv: readonly string[]): string[] {
  return argv.filter(
    (word, index) => !/^--(shard|out)(=|$)/.test(word) && !/^--(shard|out)$/.test(argv[index - 1] ?? ''),
  );
}
