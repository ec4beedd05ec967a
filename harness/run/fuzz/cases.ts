/**
 * The cases of a seed. Case number i depends on the seed, i, the revision with its numbers and the version of iomapfuzz,
 * and on nothing else. Each is the root of fast-check's shrink tree: `SEED:i` names it, `SEED:i:2:0` the first shrunk form of its
 * third.
 */
import fc from 'fast-check';
import { fuzzCase } from '../../../generators/fuzz-case.ts';
import { fileSequence } from '../../../generators/file-sequence.ts';
import { geometryAt, type FuzzGeometry } from '../../../generators/fuzz-geometry.ts';
import { notifiedFile } from '../../../generators/notified-file.ts';
import type { PlannedCase } from '../../../generators/reply-case.ts';
import { mix } from '../../../generators/seed.ts';
import { UsageError } from '../../../model/errors.ts';
import type { Case } from '../../../model/case.ts';
import { revisionWith, type Numbers } from '../../../uapi/numbers.ts';
import type { Revision, RevisionId } from '../../../uapi/revision.ts';
import { SlotOrder, slotTable, type Slot, type SlotTable } from './slots.ts';

/** A case, where it stands in its shrink tree, and what it shrinks to. */
export interface CaseNode {
  case: Case;
  note: string;
  /** `i`, or `i:2:0`. */
  path: string;
  /** Simpler forms, most aggressive first; drawn when they are asked for. */
  shrinks(): Iterable<CaseNode>;
}

export interface FuzzSeed {
  readonly seed: number;
  readonly revision: RevisionId;
  /** Of the kernel; absent: those of the revision. */
  readonly numbers?: Numbers | undefined;
  readonly version: string;
}

export class FuzzCases {
  readonly seed: number;
  readonly table: SlotTable;
  readonly #revision: Revision;
  readonly #version: string;
  readonly #order: SlotOrder;

  constructor(options: FuzzSeed) {
    this.seed = options.seed;
    this.#revision = revisionWith(options.revision, options.numbers);
    this.table = slotTable(this.#revision);
    this.#version = options.version;
    this.#order = new SlotOrder(this.table, options.seed);
  }

  get revision(): Revision {
    return this.#revision;
  }

  slotAt(index: number): Slot {
    return this.#order.at(index);
  }

  at(index: number): CaseNode {
    const arbitrary = this.#arbitraryAt(index);
    // What fast-check draws comes without the context that shrinking needs; an arbitrary that draws the pair keeps it.
    const [drawnCase] = fc.sample(new WithContext(arbitrary), { seed: mix(this.seed, index), numRuns: 1 }) as [
      fc.Value<PlannedCase>,
    ];
    return this.#node(arbitrary, drawnCase, String(index));
  }

  #node(arbitrary: fc.Arbitrary<PlannedCase>, drawnCase: fc.Value<PlannedCase>, path: string): CaseNode {
    const { case: value, note } = drawnCase.value;
    const node = (shrunk: fc.Value<PlannedCase>, below: string) => this.#node(arbitrary, shrunk, below);
    return {
      case: { ...value, provenance: { origin: 'fuzz', seed: this.seed, path, version: this.#version } },
      note,
      path,
      *shrinks() {
        let position = 0;
        for (const shrunk of arbitrary.shrink(drawnCase.value, drawnCase.context))
          yield node(shrunk, `${path}:${position++}`);
      },
    };
  }

  #arbitraryAt(index: number): fc.Arbitrary<PlannedCase> {
    const slot = this.slotAt(index);
    if (slot.kind === 'own-mount' || slot.kind === 'planned') return slot.cell.cases!;
    const revision = this.#revision;
    const geometry = this.#geometryAt(index, slot);
    if (slot.kind === 'sequence') return fileSequence({ revision, geometry, mode: slot.mode });
    if (slot.kind === 'notified') return notifiedFile({ revision, geometry });
    const common = { revision, geometry, path: slot.path };
    switch (slot.kind) {
      case 'aimed':
        return fuzzCase({ ...common, aim: slot.aim });
      case 'valid':
        return fuzzCase({ ...common, wrongFields: [1, 0, 0] });
      case 'wild':
        return fuzzCase({ ...common, wrongFields: [0, 3, 1] });
    }
  }

  #geometryAt(index: number, slot: Exclude<Slot, { cell: unknown }>): FuzzGeometry {
    const drawn = geometryAt(this.seed, index, slot.kind === 'aimed' ? slot.need : 'any');
    if (this.#revision.opcodes.IOMAP_CONFIG !== undefined) return drawn;
    // Without CONFIG and devices there is one kind of mount.
    return { blockSize: 4096n, devices: [], mount: 'ordinary', debugIomap: drawn.debugIomap };
  }
}

class WithContext<T> extends fc.Arbitrary<fc.Value<T>> {
  readonly #inner: fc.Arbitrary<T>;

  constructor(inner: fc.Arbitrary<T>) {
    super();
    this.#inner = inner;
  }

  override generate(random: fc.Random, biasFactor: number | undefined): fc.Value<fc.Value<T>> {
    return new fc.Value(this.#inner.generate(random, biasFactor), undefined);
  }

  override canShrinkWithoutContext(_value: unknown): _value is fc.Value<T> {
    return false;
  }

  override shrink(): fc.Stream<fc.Value<fc.Value<T>>> {
    return fc.Stream.nil();
  }
}

/** The case that `SEED:PATH` names. Throws UsageError where there is none. */
export function caseOfSeed(options: FuzzSeed, path: string | undefined): Case {
  const [first, ...below] = (path ?? '').split(':').map(Number);
  if (path === undefined || path === '')
    throw new UsageError(
      `${options.seed} is the seed of a whole campaign: name one of its cases as ${options.seed}:NUMBER, or run the campaign with \`iomapfuzz fuzz --seed ${options.seed}\``,
    );
  let node = new FuzzCases(options).at(first!);
  for (const step of below) {
    const next = nth(node.shrinks(), step);
    if (!next)
      throw new UsageError(
        `${options.seed}:${path} names no case: ${options.seed}:${node.path} does not shrink to a form number ${step}; was it made by another version of iomapfuzz?`,
      );
    node = next;
  }
  return node.case;
}

function nth<T>(values: Iterable<T>, position: number): T | undefined {
  let at = 0;
  for (const value of values) {
    if (at++ === position) return value;
  }
  return undefined;
}
