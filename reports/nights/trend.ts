/** The nights of a history in their order: outcome of each, and the life of each finding. */
import { noCounts } from '../../model/run-summary.ts';
import { plural } from '../text.ts';
import type { Digest, History, Night, NightFinding, NightKernel, Stage } from './night.ts';

export type Outcome =
  'deviates' | 'conforms' | 'regression' | 'incomplete' | 'no-vm' | 'nothing-ran' | 'running' | 'unreadable';

export interface TrendNight {
  name: string;
  outcome: Outcome;
  /** One line: why this outcome. */
  says: string;
  /** Of a night that deviates: what did not end. */
  besides?: string;
  kernel?: NightKernel;
  /** The kernel image is another than in the night before it that had one. */
  newKernel: boolean;
  counts: Digest['counts'];
  cells: Digest['cells'];
  /** Judged cases and conforming cells in which something was not judged. */
  inPart: NonNullable<Digest['inPart']>;
  opened: OpenFinding[];
  closed: OpenFinding[];
  /** Open at the end of the night, and of how many rules. */
  open: number;
  openRules: number;
  stages: Stage[];
  seed?: number;
}

export interface OpenFinding extends NightFinding {
  kind: string;
}

export interface Life extends OpenFinding {
  opened: string;
  /** Night that looked for it and did not see it; absent: it is open. */
  closed?: string;
  /** Nights in which it was seen. */
  seen: number;
}

export interface Trend {
  nights: TrendNight[];
  /** Open ones first, the youngest first. A finding that comes back has a second life. */
  lives: Life[];
}

/** Findings of a kind that are open after these nights. */
export function openFindings(nights: readonly Night[], kind: string): NightFinding[] {
  const open = new Map<string, NightFinding>();
  for (const { stages } of nights) {
    const digest = stages.find((stage) => stage.kind === kind)?.digest;
    for (const finding of digest?.findings ?? []) open.set(finding.key, finding);
    for (const { key } of digest?.closed ?? []) open.delete(key);
  }
  return [...open.values()];
}

export function buildTrend({ nights, unreadable }: History): Trend {
  const open = new Map<string, Life>();
  const lives: Life[] = [];
  let lastImage: string | undefined;
  const rows = nights.map((night): TrendNight => {
    const row: TrendNight = {
      name: night.name,
      ...outcomeOf(night),
      newKernel: false,
      ...sums(night),
      opened: [],
      closed: [],
      open: 0,
      openRules: 0,
      stages: night.stages,
      seed: night.seed,
    };
    for (const { kind, digest } of night.stages) {
      for (const finding of digest?.findings ?? []) {
        const id = `${kind} ${finding.key}`;
        let life = open.get(id);
        if (!life) {
          life = { ...finding, kind, opened: night.name, seen: 0 };
          open.set(id, life);
          lives.push(life);
          row.opened.push({ ...finding, kind });
        }
        life.seen += 1;
        life.shown = finding.shown;
      }
      for (const finding of digest?.closed ?? []) {
        const life = open.get(`${kind} ${finding.key}`);
        if (!life) continue;
        life.closed = night.name;
        open.delete(`${kind} ${finding.key}`);
        row.closed.push({ ...finding, kind });
      }
    }
    for (const finding of closedWithTheirTwins(open, row.closed, night)) {
      finding.closed = night.name;
      open.delete(`${finding.kind} ${finding.key}`);
      row.closed.push(finding);
    }
    row.open = open.size;
    row.openRules = new Set([...open.values()].map(({ rule }) => rule)).size;
    const kernel = night.stages.map(({ digest }) => digest?.kernel).find((one) => one !== undefined);
    if (kernel) {
      row.kernel = kernel;
      row.newKernel = lastImage !== undefined && lastImage !== kernel.imageHash;
      lastImage = kernel.imageHash;
    }
    return row;
  });
  const broken = unreadable.map(({ name, reason }): TrendNight => ({
    name,
    outcome: 'unreadable',
    says: reason,
    newKernel: false,
    ...sums({ stages: [] }),
    opened: [],
    closed: [],
    open: 0,
    openRules: 0,
    stages: [],
  }));
  const rank = new Map(nights.map(({ name }, index) => [name, index]));
  lives.sort(
    (a, b) =>
      Number(a.closed !== undefined) - Number(b.closed !== undefined) ||
      rank.get(b.closed ?? b.opened)! - rank.get(a.closed ?? a.opened)!,
  );
  return {
    nights: [...rows, ...broken].sort((a, b) =>
      a.name.slice(0, 10) === b.name.slice(0, 10)
        ? Number(a.name.slice(11)) - Number(b.name.slice(11))
        : a.name < b.name
          ? -1
          : 1,
    ),
    lives,
  };
}

/**
 * What was drawn at random is seldom drawn again. Where the plan found the same rule broken on the same path, and
 * judged it again and saw nothing, it is closed with the plan's findings.
 */
function closedWithTheirTwins(
  open: ReadonlyMap<string, Life>,
  closed: readonly OpenFinding[],
  { stages }: Night,
): Life[] {
  const seen = new Set(
    stages.flatMap(({ kind, digest }) => (digest?.findings ?? []).map(({ key }) => `${kind} ${key}`)),
  );
  const all = [...open.values()];
  return all.filter((life) => {
    const isTwin = (other: OpenFinding): boolean =>
      other.cell !== undefined && (other.key === life.key || (other.rule === life.rule && other.path === life.path));
    return life.cell === undefined && !seen.has(`${life.kind} ${life.key}`) && closed.some(isTwin) && !all.some(isTwin);
  });
}

/**
 * The one place that says what a night came to. Only a night in which every run ended and something was judged
 * conforms.
 */
export function outcomeOf(night: Night): { outcome: Outcome; says: string; besides?: string } {
  const stages = night.stages.filter(({ status }) => status !== 'skipped');
  const deviating = stages.filter(({ digest }) => digest?.verdict === 'deviates');
  const { counts, inPart } = sums(night);
  const broken = stages.find(
    ({ status, digest }) =>
      status !== 'complete' ||
      digest === undefined ||
      digest.verdict === 'infrastructure' ||
      digest.verdict === 'incomplete',
  );
  if (deviating.length > 0) {
    const findings = deviating.flatMap(({ digest }) => digest!.findings);
    const rules = [...new Set(findings.map(({ rule }) => rule))];
    return {
      outcome: 'deviates',
      says: `${plural(findings.length, 'finding')} by ${deviating.map(({ kind }) => kind).join(' and ')}: ${rules.slice(0, 4).join(', ')}${rules.length > 4 ? ` and ${rules.length - 4} more rules` : ''}`,
      ...(broken && { besides: explain(broken) }),
    };
  }
  if (night.noVm !== undefined) return { outcome: 'no-vm', says: night.noVm };
  if (night.endedAt === undefined)
    return { outcome: 'running', says: 'interrupted, or still running: there is no verdict' };
  if (
    counts.conforms === 0 &&
    stages.some(({ status }) => status === 'failed') &&
    stages.every(({ digest }) => digest?.kernel === undefined)
  ) {
    return { outcome: 'no-vm', says: stages.map(explain).find((text) => text !== '') ?? 'no guest came up' };
  }
  if (broken) return { outcome: 'incomplete', says: explain(broken) };
  if (counts.conforms === 0)
    return { outcome: 'nothing-ran', says: stages.map(explain).find((text) => text !== '') ?? 'nothing was judged' };
  const regression = regressionOf(night);
  if (regression !== undefined) return { outcome: 'regression', says: regression };
  const some = `${counts.conforms.toLocaleString('en')} judged cases conform`;
  return {
    outcome: 'conforms',
    says:
      (counts.deviates === 0 ? `all ${some}` : `${some}, ${counts.deviates.toLocaleString('en')} deviate as expected`) +
      (inPart.cases === 0 ? '' : `; something was not judged in ${plural(inPart.cases, 'case')}`),
  };
}

/** What was judged before and is not any more, where nothing deviates: silence must not look like success. */
function regressionOf({ stages }: Night): string | undefined {
  const worse = stages.find(({ digest }) => digest?.comparison?.exitCode === 1);
  return (
    worse && `${worse.kind}, against night ${worse.digest!.comparison!.against}: ${worse.digest!.comparison!.headline}`
  );
}

/** Exit code of a night, as of a run: docs/architecture.md. A kernel that no run could test is 125. */
export function nightExitCode(night: Night): 0 | 1 | 3 | 4 | 125 {
  const { outcome } = outcomeOf(night);
  if (outcome === 'deviates' || outcome === 'regression') return 1;
  if (outcome === 'nothing-ran') return night.stages.some(({ exitCode }) => exitCode === 125) ? 125 : 4;
  return outcome === 'conforms' ? 0 : 3;
}

function explain({ kind, status, reason, digest }: Stage): string {
  if (reason !== undefined) return `${kind}: ${reason}`;
  if (status !== 'complete') return `${kind}: ${status === 'cut-off' ? 'cut off' : status}`;
  return digest === undefined
    ? `${kind}: left no results`
    : digest.verdict === 'conforms'
      ? ''
      : `${kind}: ${digest.headline}`;
}

function sums({ stages }: Pick<Night, 'stages'>): Pick<TrendNight, 'counts' | 'cells' | 'inPart'> {
  const counts = noCounts();
  const inPart = { cases: 0, cells: 0 };
  const cells = { conforms: 0, deviates: 0, possible: 0 };
  for (const { kind, digest } of stages) {
    if (!digest) continue;
    for (const name of Object.keys(counts) as (keyof typeof counts)[]) counts[name] += digest.counts[name];
    // Only the plan has all cells; the corpus repeats some of them.
    inPart.cases += digest.inPart?.cases ?? 0;
    if (kind === 'conformance') {
      Object.assign(cells, digest.cells);
      inPart.cells = digest.inPart?.cells ?? 0;
    }
  }
  return { counts, cells, inPart };
}
