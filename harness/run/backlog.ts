/** Cases that wait for a guest, and how they are put together into batches. */
import type { Case } from '../../model/case.ts';
import { mountKey } from '../../model/case-traits.ts';
import type { HostMessage } from '../../model/channel.ts';
import { encodeTableCase, type TableCase } from '../../model/table-case.ts';
import { revisionWith, type Numbers } from '../../uapi/numbers.ts';
import { tableCaseOf } from './table/compile.ts';

export interface Batch {
  readonly id: number;
  readonly message: HostMessage;
  /** By which its requests were made. */
  readonly numbers?: Numbers | undefined;
  /** Table cases run without being announced. */
  readonly table: boolean;
  readonly size: number;
  /** Without an answer, by index. */
  readonly left: Set<number>;
  /** Of those, the ones that the guest has announced. */
  readonly begun: Set<number>;
  /** The one announced last, while it has no answer. */
  inFlight: number | undefined;
  /** One of its observations says that the kernel's state is not to be trusted. */
  tainted: boolean;
}

const tableBatch = 256;
/** A single case is announced as always: a guest that is lost then names it at once. */
const leastTableBatch = 2;

/** Of all backlogs: a guest serves several, and must not answer one with what it had to say to another. */
let lastId = 0;

interface BacklogOptions {
  batchSize: number;
  tables: boolean;
  coverage?: boolean;
  /** Signatures of hangs that are known when a batch is made. */
  hangs?: () => readonly string[];
  /** Of the kernel that the cases are for; see GuestSource. */
  numbers?: Numbers | undefined;
}

export class Backlog {
  readonly #cases: readonly Case[];
  readonly #batchSize: number;
  /** Not sent; in order. */
  readonly #pending: Set<number>;
  /** Took a VM down: run alone, so that the next try blames nobody else. */
  readonly #suspects: number[] = [];
  /** Must not be run as table cases. */
  readonly #plain = new Set<number>();
  readonly #tables: boolean;
  readonly #coverage: boolean;
  readonly #hangs: () => readonly string[];
  readonly #numbers: Numbers | undefined;
  readonly #compiled = new Map<number, { table: TableCase; key: string } | undefined>();

  constructor(
    cases: readonly Case[],
    { batchSize, tables, coverage = false, hangs = () => [], numbers }: BacklogOptions,
  ) {
    this.#hangs = hangs;
    this.#numbers = numbers;
    this.#coverage = coverage;
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

  /** The case goes into no batch with others any more. */
  isolate(batch: Batch, index: number): void {
    batch.left.delete(index);
    this.#suspects.push(index);
  }

  /** The batch was not run, or not to its end: what has no answer is sent again. */
  giveBack(batch: Batch): void {
    for (const index of batch.left) this.#pending.add(index);
    batch.left.clear();
  }

  /** What has no answer is sent again, and announced then. */
  giveBackPlain(batch: Batch): void {
    for (const index of batch.left) this.#plain.add(index);
    this.giveBack(batch);
  }

  /** Takes all that waits, which is not sent any more. */
  drain(): number[] {
    const all = [...this.#suspects.splice(0), ...this.#pending];
    this.#pending.clear();
    return all;
  }

  #plainBatch(indexes: readonly number[]): Batch {
    const cases = indexes.map((index) => ({ index, case: this.#cases[index]! }));
    return this.#batch(indexes, false, (id) => ({
      kind: 'run-cases',
      id,
      cases,
      ...(this.#coverage && { coverage: true }),
      ...this.#known(),
    }));
  }

  #tableBatch(indexes: readonly number[]): Batch {
    const cases = Buffer.concat(indexes.map((index) => encodeTableCase(this.#tableCase(index)!.table, index)));
    for (const index of indexes) this.#compiled.delete(index);
    return this.#batch(indexes, true, (id) => ({
      kind: 'run-table',
      id,
      like: this.#cases[indexes[0]!]!,
      cases,
      ...this.#known(),
    }));
  }

  /** What is known of the kernel, and the guest cannot know. */
  #known(): { hangs?: readonly string[]; numbers?: Numbers } {
    const hangs = this.#hangs();
    return { ...(hangs.length > 0 && { hangs }), ...(this.#numbers && { numbers: this.#numbers }) };
  }

  #batch(indexes: readonly number[], table: boolean, message: (id: number) => HostMessage): Batch {
    for (const index of indexes) this.#pending.delete(index);
    const id = ++lastId;
    return {
      id,
      message: message(id),
      numbers: this.#numbers,
      table,
      size: indexes.length,
      left: new Set(indexes),
      begun: new Set(),
      inFlight: undefined,
      tainted: false,
    };
  }

  #tableCase(index: number): { table: TableCase; key: string } | undefined {
    if (!this.#tables || this.#plain.has(index)) return undefined;
    if (!this.#compiled.has(index)) {
      const value = this.#cases[index]!;
      const table = tableCaseOf(value, revisionWith(value.revision, this.#numbers));
      this.#compiled.set(index, table && { table, key: `${mountKey(value)} ${value.debugIomap}` });
    }
    return this.#compiled.get(index);
  }
}
