/**
 * One night of a history: what it was to run, what became of each kind of run, and enough of the results to draw trends
 * without them.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { requireUnlinked, writeInside } from '../../files/inside.ts';
import { makeDirectory } from '../../files/make-directory.ts';
import { readRegularText } from '../../files/regular-file.ts';
import { firstIssue } from '../../model/results.ts';
import { counts } from '../../model/run-summary.ts';
import { aspect } from '../../model/verdict.ts';

/** Version of night.json. */
export const NIGHT_FORMAT = 1;

const count = z.int().min(0);
/**
 * `key`: of its cause; `path`: all of them, in one text; `cell`: of its smallest case. Older nights have no id, and a
 * finding for each rule and path.
 */
const nightFinding = z.object({
  key: z.string(),
  id: z.string().optional(),
  rule: z.string(),
  path: z.string(),
  cell: z.string().optional(),
  /** What shows it in its smallest case; absent in older nights. */
  aspect: aspect.optional(),
  shown: z.string(),
});
const kernel = z.object({
  release: z.string(),
  version: z.string(),
  imageHash: z.string(),
  origin: z.string(),
  flavour: z.string().optional(),
  image: z.string().optional(),
});

const digest = z.object({
  verdict: z.enum(['deviates', 'conforms', 'infrastructure', 'incomplete', 'nothing-ran']),
  headline: z.string(),
  counts,
  /** Cells of rule by path: judged and conforming, judged and deviating, all that can exist. */
  cells: z.object({ conforms: count, deviates: count, possible: count }),
  /** Of what was judged, cases and conforming cells in which something was not; absent: nothing of the kind. */
  inPart: z.object({ cases: count, cells: count }).optional(),
  findings: z.array(nightFinding),
  /** Findings open before the night that were looked for and not seen. */
  closed: z.array(nightFinding),
  /** Absent: no guest of the night reported a kernel. */
  kernel: kernel.optional(),
  /** Against the last night that judged anything; absent in the first. */
  comparison: z
    .object({ against: z.string(), headline: z.string(), exitCode: z.int(), lines: z.array(z.string()) })
    .optional(),
});

const stage = z.object({
  kind: z.string(),
  status: z.enum(['waiting', 'running', 'complete', 'cut-off', 'failed', 'skipped']),
  /** cut off, failed, skipped: why. */
  reason: z.string().optional(),
  /** Exit code of the run: docs/architecture.md. */
  exitCode: z.int().optional(),
  budgetMs: count.optional(),
  elapsedMs: count.optional(),
  pid: z.int().optional(),
  digest: digest.optional(),
});

const nightSchema = z.object({
  format: z.int().min(1),
  /** DATE-N, the name of the night's directory. */
  name: z.string(),
  startedAt: z.string(),
  endedAt: z.string().optional(),
  toolVersion: z.string(),
  /** Options that say what is tested; an interrupted night goes on only with the same. */
  target: z.array(z.string()),
  seed: z.int(),
  budgetMs: count,
  /** The process that runs the night. */
  pid: z.int(),
  /** SHA-256 of the kernel image; absent: none was found. */
  imageHash: z.string().optional(),
  /** Why there is no VM, where that was known before any run. */
  noVm: z.string().optional(),
  stages: z.array(stage),
});

export type Night = z.infer<typeof nightSchema>;
export type Stage = z.infer<typeof stage>;
export type Digest = z.infer<typeof digest>;
export type NightFinding = z.infer<typeof nightFinding>;
export type NightKernel = z.infer<typeof kernel>;

export interface History {
  nights: Night[];
  /** Night directories that cannot be read: never left out silently. */
  unreadable: { name: string; reason: string }[];
}

const nightName = /^\d{4}-\d\d-\d\d-[1-9]\d*$/;

/** All nights of a history, oldest first; a directory that does not exist holds none. */
export function readHistory(directory: string): History {
  const history: History = { nights: [], unreadable: [] };
  if (!existsSync(directory)) return history;
  const names = readdirSync(directory)
    .filter((name) => nightName.test(name))
    .sort(byName);
  for (const name of names) {
    try {
      requireUnlinked(join(directory, name));
      const json = JSON.parse(readRegularText(join(directory, name, 'night.json'))) as { format?: unknown };
      if (typeof json.format === 'number' && json.format > NIGHT_FORMAT)
        throw new Error(`format ${json.format} is newer than this iomapfuzz knows (${NIGHT_FORMAT}); update iomapfuzz`);
      const parsed = nightSchema.safeParse(json);
      if (!parsed.success) throw new Error(`night.json is not as its format says: ${firstIssue(parsed.error)}`);
      history.nights.push(parsed.data);
    } catch (error) {
      history.unreadable.push({ name, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return history;
}

/** By date, then by number: -10 comes after -9. */
function byName(a: string, b: string): number {
  const [day, other] = [a.slice(0, 10), b.slice(0, 10)];
  return day === other ? Number(a.slice(11)) - Number(b.slice(11)) : day < other ? -1 : 1;
}

/** The name of the next night of a day: DATE-1, DATE-2 ... */
export function nextName(directory: string, day: string): string {
  const taken = existsSync(directory)
    ? readdirSync(directory)
        .filter((name) => name.startsWith(`${day}-`))
        .map((name) => Number(name.slice(11)))
    : [];
  return `${day}-${Math.max(0, ...taken.filter(Number.isInteger)) + 1}`;
}

/** Replaces night.json whole. */
export function writeNight(directory: string, night: Night): void {
  const path = join(directory, night.name, 'night.json');
  makeDirectory(join(directory, night.name));
  requireUnlinked(join(directory, night.name));
  writeInside(path, `${JSON.stringify(night, undefined, 1)}\n`);
}
