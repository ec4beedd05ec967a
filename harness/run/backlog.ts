/** Cases that wait for a guest, and how they are put together into batches. */
import type { Case } from '../model/case.ts';
import { mountKey } from '../model/case-traits.ts';
import type { HostMessage } from '../model/channel.ts';
import { encodeTableCase, type TableCase } from '../model/table-case.ts';
import { tableCaseOf } from './table/compile.ts';

export interface Batch {
  readonly id: number;
  readonly message: HostMessage;
  /** Table cases run without being announced. */
  readonly table: boolean;
  /** Without an outcome, by index. */
  readonly left: Set<number>;
  inFlight: number | undefined;
  /** One of its observations says that the kernel's state is not to be trusted. */
  tainted: boolean;
}

const tableBatch = 256;
/** A single case is announced as always: a guest that is lost then names it at once. */
const leastTableBatch = 2;

export class Backlog {
  readonly #cases: readonly Case[];
  readonly #batchSize: number;
  /** Not sent; in order. */
  readonly #pending: Set<number>;
  /** Took a VM down: run alone, so that the next try blames nobody else. */
  readonly #suspects: number[] = [];
  readonly #losses = new Map<number, number>();
  /** Must not be run as table cases. */
  readonly #plain = new Set<number>();
  readonly #tables: boolean;
  readonly #tries: number;
  readonly #coverage: boolean;
  readonly #compiled = new Map<number, { table: TableCase; key: string } | undefined>();
  #id = 0;

  constructor(cases: readonly Case[], { batchSize, tables, tries, coverage = false }: { batchSize: number; tables: boolean; tries: number; coverage?: boolean }) {
    this.#coverage = coverage;
    this.#tries = tries;
    this.#cases = cases;
    this.#batchSize = batchSize;
    this.#tables = tables;
    this.#pending = new Set(cases.keys());
  }

  /** `outstanding`: batches that the guest has. Undefined: nothing to send now. */
  next(outstanding: number): Batch | undefined {
    if (this.#suspects.length > 0) return outstanding === 0 ? this.#plainBatch([this.#suspects.shift()!]) : undefined;
    const [first] = this.#pending;
    if (first === undefined) return undefined;
    const table = this.#tableCase(first);
    if (table) {
      const alike: number[] = [];
      for (const index of this.#pending) {
        if (this.#tableCase(index)?.key === table.key && alike.push(index) === tableBatch) break;
      }
      if (alike.length >= leastTableBatch) return this.#tableBatch(alike);
      for (const index of alike) this.#plain.add(index);
    }
    const plain: number[] = [];
    for (const index of this.#pending) {
      if (plain.length === this.#batchSize || this.#tableCase(index)) break;
      plain.push(index);
    }
    return this.#plainBatch(plain);
  }

  /** The case to blame for the loss of a guest that was at `batch`; `givenUpAfter` so many tries. */
  blame(batch: Batch): { index: number; givenUpAfter?: number } | undefined {
    const index = batch.inFlight ?? (batch.table ? undefined : [...batch.left][0]);
    if (index === undefined) {
      this.finish(batch);
      return undefined;
    }
    batch.left.delete(index);
    const times = (this.#losses.get(index) ?? 0) + 1;
    this.#losses.set(index, times);
    if (times >= this.#tries) return { index, givenUpAfter: times };
    this.#suspects.push(index);
    return { index };
  }

  /** Table cases of the batch that have no outcome are announced the next time. */
  finish(batch: Batch): void {
    if (!batch.table) return;
    for (const index of batch.left) this.#plain.add(index);
    this.giveBack(batch);
  }

  /** The batch was not run, or not to its end. */
  giveBack(batch: Batch): void {
    for (const index of batch.left) this.#pending.add(index);
    batch.left.clear();
  }

  #plainBatch(indexes: readonly number[]): Batch {
    return this.#batch(indexes, false, (id) => ({ kind: 'run-cases', id, cases: indexes.map((index) => ({ index, case: this.#cases[index]! })), ...(this.#coverage && { coverage: true }) }));
  }

  #tableBatch(indexes: readonly number[]): Batch {
    const cases = Buffer.concat(indexes.map((index) => encodeTableCase(this.#tableCase(index)!.table, index)));
    for (const index of indexes) this.#compiled.delete(index);
    return this.#batch(indexes, true, (id) => ({ kind: 'run-table', id, like: this.#cases[indexes[0]!]!, cases }));
  }

  #batch(indexes: readonly number[], table: boolean, message: (id: number) => HostMessage): Batch {
    for (const index of indexes) this.#pending.delete(index);
    const id = ++this.#id;
    return { id, message: message(id), table, left: new Set(indexes), inFlight: undefined, tainted: false };
  }

  #tableCase(index: number): { table: TableCase; key: string } | undefined {
    if (!this.#tables || this.#plain.has(index)) return undefined;
    if (!this.#compiled.has(index)) {
      const value = this.#cases[index]!;
      const table = tableCaseOf(value);
      this.#compiled.set(index, table && { table, key: `${mountKey(value)} ${value.debugIomap}` });
    }
    return this.#compiled.get(index);
  }
}
