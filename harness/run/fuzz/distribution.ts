/** What the cases of a seed are made of, counted: no VM, no kernel, only the generators and the rules. */
import { ruleLabel } from '../../../model/rule-label.ts';
import { createHash } from 'node:crypto';
import { ScriptedServer } from '../../../oracles/kernel/scripted-server.ts';
import { simulate } from '../../../oracles/kernel/simulate.ts';
import type { Case } from '../../../model/case.ts';
import { caseHash } from '../../../model/hash.ts';
import { NULL_ADDR, revisions, type Revision } from '../../../uapi/revision.ts';
import type { FuzzCases } from './cases.ts';
import { placesOf } from './loop.ts';
import { describeSlot, type Slot } from './slots.ts';

export interface Distribution {
  cases: number;
  /**
   * sha256 over the hashes of all cases in their order: equal on every machine for the same seed, cases and version.
   */
  digest: string;
  /** Tables of counts; those of one table need not add up to `cases`. */
  tables: { title: string; counts: Map<string, number> }[];
  /** Rules on paths that some cell of the plan reaches and no case did, as `map/length-nonzero@read fiemap`. */
  missing: string[];
  /** In how many cases each rule refused something, by path. */
  covered: Map<string, number>;
  /** Number of the case by which every rule had refused on every path; undefined: never. */
  coveredBy?: number;
}

const KNOWN_BORDERS: readonly [string, bigint][] = [
  ['0', 0n],
  ['2^31', 1n << 31n],
  ['2^32', 1n << 32n],
  ['2^63', 1n << 63n],
  ['2^64', 1n << 64n],
];
/** How far from a border a value still counts as near. */
const NEAR = 4096n;

export function distribution(
  cases: FuzzCases,
  of: { start: number; runs: number; select?: (slot: Slot) => boolean; onCase?: (done: number) => void },
): Distribution {
  const { start, runs, select = () => true, onCase } = of;
  const digest = createHash('sha256');
  const covered = new Map<string, number>();
  const reachable = new Set(
    cases.table.slots
      .concat(cases.table.ownMounts.map((cell): Slot => ({ kind: 'own-mount', cell })))
      .filter(select)
      .flatMap(reachableBy),
  );
  const missing = new Set(reachable);
  const tables = {
    slots: new Map<string, number>(),
    paths: new Map<string, number>(),
    wrong: new Map<string, number>(),
    steps: new Map<string, number>(),
    replies: new Map<string, number>(),
    files: new Map<string, number>(),
    blockSizes: new Map<string, number>(),
    borders: new Map<string, number>(),
    circumstances: new Map<string, number>(),
  };
  const count = (table: Map<string, number>, key: string): void => {
    table.set(key, (table.get(key) ?? 0) + 1);
  };
  let done = 0;
  let coveredBy: number | undefined;
  for (let index = start; done < runs; index += 1) {
    const slot = cases.slotAt(index);
    if (!select(slot)) continue;
    const { case: value } = cases.at(index);
    done += 1;
    digest.update(caseHash(value));
    const places = new Set(refusalsOf(value, slot, cases.revision));
    for (const place of places) {
      covered.set(place, (covered.get(place) ?? 0) + 1);
      missing.delete(place);
    }
    if (missing.size === 0) coveredBy ??= index;
    count(tables.slots, slot.kind);
    count(tables.paths, describeSlot(slot).path);
    count(tables.wrong, String(places.size));
    count(tables.steps, String(value.workload.filter(({ call }) => call !== 'open' && call !== 'close').length));
    count(tables.replies, String(value.script.length));
    count(tables.files, String(value.geometry.files.length));
    const { config, mount, devices } = value.geometry;
    count(tables.blockSizes, String(config?.kind === 'config' ? (config.blockSizeBytes ?? 4096) : 4096));
    for (const name of bordersOf(value)) count(tables.borders, name);
    if (value.debugIomap) count(tables.circumstances, 'debug WARN on');
    if (mount === 'syncInit') count(tables.circumstances, 'mounted after SYNC_INIT');
    if (config?.kind === 'config' && config.maxBytes !== undefined) count(tables.circumstances, 'maxbytes set');
    if (devices.some(({ access }) => access !== 'rw'))
      count(tables.circumstances, 'a device for reading or writing only');
    if (value.script.some(({ reply }) => reply.kind === 'raw')) count(tables.circumstances, 'a reply of raw bytes');
    if (value.script.some(({ reply }) => reply.kind === 'error')) count(tables.circumstances, 'a reply with an error');
    onCase?.(done);
  }
  return {
    cases: done,
    digest: digest.digest('hex'),
    missing: [...missing].sort(),
    covered,
    ...(coveredBy !== undefined && { coveredBy }),
    tables: [
      { title: 'slots', counts: tables.slots },
      { title: 'paths', counts: tables.paths },
      { title: 'rules that refuse in one case', counts: tables.wrong },
      { title: 'syscalls besides open and close', counts: tables.steps },
      { title: 'lines of the script', counts: tables.replies },
      { title: 'files', counts: tables.files },
      { title: 'block size in bytes', counts: tables.blockSizes },
      { title: "a mapping's offset, length, addr or their sum near", counts: tables.borders },
      { title: 'circumstances', counts: tables.circumstances },
    ],
  };
}

function reachableBy(slot: Slot): string[] {
  if (slot.kind === 'aimed') return [`${ruleLabel(slot.aim)} ${slot.path}`];
  if (slot.kind !== 'planned' && slot.kind !== 'own-mount') return [];
  const { reaches, border, path } = slot.cell;
  return reaches !== undefined && border === 'violating' ? [`${reaches} ${path}`] : [];
}

/** What the rules refuse in a case, on a kernel that follows them. */
export function refusalsOf(value: Case, slot: Slot, revision: Revision = revisions[value.revision]): string[] {
  const devices = value.geometry.devices.map((_, index) => index + 1);
  const mount = { errno: 0, minor: revision.minor, flags: 1n << BigInt(revision.initBit), devices };
  const { refusals } = simulate({
    case: value,
    revision,
    mount,
    inodes: value.geometry.files.map((_, index) => BigInt(index) + 100n),
    driver: new ScriptedServer(value, devices, [], revision),
  });
  return placesOf(refusals, value, slot);
}

/** Names of the borders that some value of the case's mappings is near. */
function bordersOf({ script, geometry: { config } }: Case): Set<string> {
  const maxBytes = config?.kind === 'config' ? config.maxBytes : undefined;
  const borders = [...KNOWN_BORDERS, ...(maxBytes === undefined ? [] : [['maxbytes', maxBytes] as [string, bigint]])];
  const values = script.flatMap(({ reply }) =>
    reply.kind !== 'mappings'
      ? []
      : [reply.read, reply.write].flatMap(({ offset, length, addr }) => [
          offset,
          length,
          offset + length,
          ...(addr === NULL_ADDR ? [] : [addr, addr + length]),
        ]),
  );
  return new Set(
    values.flatMap((value) =>
      borders.filter(([, border]) => value - border <= NEAR && border - value <= NEAR).map(([name]) => name),
    ),
  );
}

/** As lines for people: one table after the other, with shares. */
export function distributionText({ cases, digest, tables, missing, covered, coveredBy }: Distribution): string[] {
  const byCount = ([a, m]: [string, number], [b, n]: [string, number]): number =>
    /^\d+$/.test(a) && /^\d+$/.test(b) ? Number(a) - Number(b) : n - m;
  return [
    ...tables.flatMap(({ title, counts }) => [
      `${title}:`,
      ...[...counts]
        .sort(byCount)
        .map(
          ([key, count]) =>
            `  ${key.padEnd(38)} ${String(count).padStart(7)}  ${((100 * count) / cases).toFixed(1).padStart(5)} %`,
        ),
    ]),
    `rules on paths: ${covered.size} refused something${coveredBy === undefined ? '' : `, all that the plan reaches by case ${coveredBy}`}${covered.size > 0 ? `; at least ${Math.min(...covered.values())} cases each` : ''}`,
    ...missing.map((place) => `  no case yet: ${place}`),
    `cases: ${cases}, sha256 of their hashes: ${digest}`,
  ];
}
