/**
 * What the cases of a campaign are drawn for, as a table of slots that is gone through again and again, each time in
 * another order: however a seed falls, every rule is aimed at on every path once a round. Shares are therefore exact,
 * not probable.
 */
import fc from 'fast-check';
import { mix, pickIndex, shuffled } from '../../../generators/seed.ts';
import type { GeometryNeed } from '../../../generators/fuzz-geometry.ts';
import { sequenceModes, type SequenceMode } from '../../../generators/file-sequence.ts';
import { canAim, type Aim } from '../../../generators/fuzz-op.ts';
import { campaignPaths, type Path } from '../../../generators/setting.ts';
import { needsOwnMount } from '../../../model/case-traits.ts';
import type { RuleId } from '../../../oracles/rules/rule-id.ts';
import { perRevision } from '../../../uapi/per-revision.ts';
import type { Revision } from '../../../uapi/revision.ts';
import { conformancePlan, type PlanCell } from '../../../plan/plan.ts';

export type Slot =
  /** A reply that violates a rule at its border. */
  | { kind: 'aimed'; path: Path; aim: Aim; need: GeometryNeed }
  /** Nothing is wrong. */
  | { kind: 'valid'; path: Path }
  /** One or two fields of a valid reply are replaced by something that no rule was aimed with. */
  | { kind: 'wild'; path: Path }
  /** Syscalls in any order on one file in several pieces. */
  | { kind: 'sequence'; mode: SequenceMode }
  /** Notifications that are older than iomap between syscalls on one file. */
  | { kind: 'notified' }
  /**
   * A cell of the plan that none of the above is about: other paths, other types, the legal side of a border. Drawn as
   * the plan draws it.
   */
  | { kind: 'planned'; cell: PlanCell }
  /**
   * A cell whose cases need a mount of their own: control plane, the whole file system, answers that the connection
   * remembers.
   */
  | { kind: 'own-mount'; cell: PlanCell };

/**
 * Slots a round; of the planned ones there is one for each cell. Own mounts are few because each costs as much as
 * dozens of cases; enough that 20,000 cases have all of their cells.
 */
const SHARES = { aimedEach: 2, validPerPath: 16, wildPerPath: 16, sequences: 64, notified: 32, ownMounts: 96 } as const;

export interface SlotTable {
  /** Fixed slots; own mounts come on top and go round in their own order. */
  readonly slots: readonly Slot[];
  readonly ownMounts: readonly PlanCell[];
  /** Slots in one round. */
  readonly round: number;
}

/** Some cases of the cell, always the same ones, need a mount of their own. */
const isOwnMount = ({ cases }: PlanCell): boolean =>
  cases !== undefined && fc.sample(cases, { seed: 1, numRuns: 3 }).some((drawn) => needsOwnMount(drawn.case));

const isAim = (cell: PlanCell): cell is PlanCell & { rule: RuleId; path: Path } =>
  cell.cases !== undefined &&
  cell.border === 'violating' &&
  cell.reaches !== undefined &&
  canAim(cell.rule) &&
  (campaignPaths as readonly string[]).includes(cell.path);

const needs = (rule: RuleId, path: Path): GeometryNeed =>
  rule === 'begin/device-readable' || rule === 'begin/device-writable'
    ? 'restricted-devices'
    : rule === 'map/offset-below-maxbytes' && path.startsWith('direct-')
      ? 'small-maxbytes'
      : 'any';

export const slotTable = perRevision((revision: Revision): SlotTable => {
  const plan = conformancePlan(revision);
  const noWrites = revision.ioctls.BACKING_OPEN === undefined;
  const aimed = plan
    .filter(isAim)
    .map((cell): Slot => ({
      kind: 'aimed',
      path: cell.path,
      need: needs(cell.rule, cell.path),
      aim: { rule: cell.rule, ...(cell.half && { half: cell.half }) },
    }));
  const plain = campaignPaths
    .filter((path) => path !== 'direct-write' || !noWrites)
    .flatMap((path): Slot[] => [
      ...Array.from({ length: SHARES.validPerPath }, (): Slot => ({ kind: 'valid', path })),
      ...Array.from({ length: SHARES.wildPerPath }, (): Slot => ({ kind: 'wild', path })),
    ]);
  const sequences = noWrites
    ? []
    : sequenceModes.flatMap((mode) =>
        Array.from({ length: SHARES.sequences }, (): Slot => ({ kind: 'sequence', mode })),
      );
  const notified =
    revision.notifications.IOMAP_UPSERT_MAPPINGS === undefined
      ? []
      : Array.from({ length: SHARES.notified }, (): Slot => ({ kind: 'notified' }));
  const others = plan.filter((cell) => cell.cases !== undefined && !isAim(cell));
  const ownMounts = others.filter(isOwnMount);
  const own = new Set(ownMounts);
  // Whatever the plan learns, campaigns do.
  const planned = others.filter((cell) => !own.has(cell)).map((cell): Slot => ({ kind: 'planned', cell }));
  const slots = [
    ...Array.from({ length: SHARES.aimedEach }, () => aimed).flat(),
    ...plain,
    ...sequences,
    ...notified,
    ...planned,
  ];
  return { slots, ownMounts, round: slots.length + Math.min(SHARES.ownMounts, ownMounts.length) };
});

/** Which slot case `index` fills. */
export class SlotOrder {
  readonly #table: SlotTable;
  readonly #seed: number;
  #round = -1;
  #order: readonly number[] = [];

  constructor(table: SlotTable, seed: number) {
    this.#table = table;
    this.#seed = seed;
  }

  at(index: number): Slot {
    const { slots, ownMounts, round } = this.#table;
    const number = Math.floor(index / round);
    if (number !== this.#round) {
      this.#order = shuffled(round, mix(this.#seed, number));
      this.#round = number;
    }
    const place = this.#order[index % round]!;
    if (place < slots.length) return slots[place]!;
    const turn = number * (round - slots.length) + (place - slots.length) + pickIndex(ownMounts.length, this.#seed, 1);
    return { kind: 'own-mount', cell: ownMounts[turn % ownMounts.length]! };
  }
}

/** For people and for filters: `map/length-nonzero direct-read`. */
export function describeSlot(slot: Slot): { rule?: string; path: string } {
  switch (slot.kind) {
    case 'aimed':
      return { rule: slot.aim.rule, path: slot.path };
    case 'own-mount':
    case 'planned':
      return { rule: slot.cell.rule, path: slot.cell.path };
    case 'sequence':
      return { path: `${slot.mode}-sequence` };
    case 'notified':
      return { path: 'notified' };
    default:
      return { path: slot.path };
  }
}
