/**
 * Readings of the rules. Where the rules leave a choice ("served exactly as it says, or the operation fails"), the model asks the
 * driver; this file tries the choices one after the other against what was seen.
 */
import type { ByteRun } from '../../harness/model/bytes.ts';
import type { Case } from '../../harness/model/case.ts';
import { ordinaryCalls } from '../../harness/model/ordinary-calls.ts';
import { parseFileName } from '../../harness/model/nodes.ts';
import type { Exchange, Observation } from '../../harness/model/observation.ts';
import type { Deviation } from '../../harness/model/verdict.ts';
import { SETATTR_VALID } from '../../harness/uapi/fuse-flags.ts';
import { revisions, type Revision } from '../../harness/uapi/revision.ts';
import type { BeginTable } from '../rules/first-violation.ts';
import { firstDifference } from './content.ts';
import { Desynchronised, isField, type Driver, type ExpectedField, type ExpectedRequest } from './driver.ts';
import type { Expectation } from './expectation.ts';
import { simulate } from './simulate.ts';

/** Readings tried at most for one case; a case of the plan has fewer than ten choices. */
const MAX_READINGS = 512;

/** How often the model may look at one request without taking it; loops that it ends look a few times for each mapping. */
const MAX_LOOKS = 100_000;

/** Requests whose place the model knows; others (LOOKUP, OPEN, FLUSH, SETATTR of times ...) come when the VFS pleases. */
const PLACED = new Set(['IOMAP_BEGIN', 'IOMAP_END', 'IOMAP_IOEND', 'READ', 'WRITE', 'LSEEK', 'FSYNC', 'FALLOCATE', 'COPY_FILE_RANGE', 'COPY_FILE_RANGE_64',
  'FREEZE_FS', 'UNFREEZE_FS', 'SHUTDOWN_FS']);
/** Requests whose place the model knows too, but looks for only where the case answers them. */
const PLACED_BY_SCRIPT = new Set<string>(['LOOKUP', 'OPEN', 'FLUSH']);
/** `file`: undefined where the request does not say. */
const isScripted = (of: Case, name: string, file: number | undefined): boolean =>
  of.script.some((line) => line.on === name && (line.file === undefined || file === undefined || line.file === file));
/** Steps in which SYNCFS has its place; at other times sync(2) and umount(2) send it. */
const syncs = (of: Case, step: number | undefined): boolean => step !== undefined && ['freeze', 'syncfs'].includes(of.workload[step]?.call ?? '');
/** The request that a syscall about names, attributes and the like leads to. */
const isOrdinary = ({ name, step }: Exchange, of: Case): boolean => {
  const call = step === undefined ? undefined : of.workload[step];
  return call?.call === 'ordinary' && ordinaryCalls[call.syscall] === name && name !== 'RELEASEDIR' && of.script.some(({ on }) => on === name);
};
const isPlaced = (exchange: Exchange, of: Case): boolean => {
  const { name, request, file, step } = exchange;
  return isOrdinary(exchange, of) || PLACED.has(name) || (name === 'SYNCFS' && syncs(of, step)) || (PLACED_BY_SCRIPT.has(name) && isScripted(of, name, name === 'LOOKUP' ? parseFileName(String(request['name']))?.file : file)) || (name === 'SETATTR' && (Number(request['valid'] ?? 0) & SETATTR_VALID.SIZE) !== 0);
};

/**
 * Tries readings until `judgeReading` finds no deviation, and returns the one with the fewest. `table`: rules of another kernel than the
 * revision's, for tests.
 */
export function interpret(of: Case, seen: Observation, judgeReading: (expectation: Expectation) => Deviation[], table?: BeginTable):
{ expectation: Expectation; deviations: Deviation[] } {
  let best: { expectation: Expectation; deviations: Deviation[] } | undefined;
  let script: number[] | undefined = [];
  for (let tried = 0; script && tried < MAX_READINGS; tried += 1) {
    const driver = new TranscriptDriver(of, seen, script);
    const expectation = simulate({ case: of, mount: seen.mount, inodes: seen.inodes, driver, ...(table && { table }) });
    if (!expectation.unspecified) driver.noMoreRequests();
    expectation.requests.push(...driver.deviations);
    const deviations = [...expectation.requests, ...judgeReading(expectation)];
    if (!best || deviations.length < best.deviations.length) best = { expectation, deviations };
    if (deviations.length === 0) break;
    script = nextScript(driver.choices);
  }
  return best!;
}

/** The choices that come next in depth-first order; undefined: there are none. */
function nextScript(choices: readonly { taken: number; count: number }[]): number[] | undefined {
  const last = choices.findLastIndex((choice) => choice.taken + 1 < choice.count);
  if (last < 0) return undefined;
  return choices.slice(0, last + 1).map((choice, index) => (index === last ? choice.taken + 1 : choice.taken));
}

class TranscriptDriver implements Driver {
  readonly deviations: Deviation[] = [];
  readonly choices: { taken: number; count: number }[] = [];
  readonly #revision: Revision;
  readonly #placed: Exchange[];
  readonly #loose: Exchange[];
  readonly #script: readonly number[];
  #next = 0;
  #looks = { at: 0, count: 0 };

  constructor(of: Case, seen: Observation, script: readonly number[]) {
    this.#revision = revisions[of.revision];
    this.#script = script;
    const ordered = [...seen.transcript].sort((a, b) => a.seq - b.seq);
    this.#placed = ordered.filter((exchange) => isPlaced(exchange, of));
    this.#loose = ordered.filter((exchange) => !isPlaced(exchange, of));
  }

  choose(count: number): number {
    const taken = this.#script[this.choices.length] ?? 0;
    this.choices.push({ taken, count });
    return taken;
  }

  request(expected: ExpectedRequest): Exchange {
    const exchange = this.#placed[this.#next];
    if (exchange?.name !== expected.name || (expected.file !== undefined && exchange.file !== undefined && exchange.file !== expected.file)) {
      this.deviations.push({
        rule: expected.rule, aspect: 'request', expected: `${expected.name} ${describeFields(expected.fields)}`,
        seen: exchange ? `${exchange.name} ${describeRequest(exchange)}` : 'no such request',
      });
      throw new Desynchronised();
    }
    this.#next += 1;
    if (exchange.raw) {
      this.deviations.push({ rule: expected.rule, aspect: 'request', expected: `${expected.name} in its layout`, seen: `${exchange.raw.length} bytes of another` });
      throw new Desynchronised();
    }
    this.#compare(expected, exchange);
    return exchange;
  }

  maybe(expected: ExpectedRequest, _plain: boolean, step: number): Exchange | undefined {
    const exchange = this.#placed[this.#next];
    if (exchange?.name !== expected.name || (exchange.step !== undefined && exchange.step !== step)) return undefined;
    return this.request(expected);
  }

  peek(step: number): Exchange | undefined {
    const exchange = this.#placed[this.#next];
    this.#looks = { at: this.#next, count: this.#looks.at === this.#next ? this.#looks.count + 1 : 0 };
    if (this.#looks.count > MAX_LOOKS) throw new Error(`the model does not get past request ${this.#next}, ${exchange?.name ?? 'the last one'}, in step ${step}`);
    return exchange?.step !== undefined && exchange.step > step ? undefined : exchange;
  }

  loose(expected: ExpectedRequest, step: number): void {
    const index = this.#loose.findIndex((exchange) => exchange.name === expected.name
      && (expected.file === undefined || exchange.file === undefined || exchange.file === expected.file) && (exchange.step === undefined || exchange.step <= step));
    const [exchange] = index < 0 ? [] : this.#loose.splice(index, 1);
    if (exchange) this.#compare(expected, exchange);
    else this.deviations.push({ rule: expected.rule, aspect: 'request', expected: `${expected.name} ${describeFields(expected.fields)}`, seen: 'no such request' });
  }

  noMoreRequests(): void {
    if (this.deviations.length > 0) return;
    const extra = this.#placed[this.#next];
    if (extra) {
      this.deviations.push({ rule: 'request/none', aspect: 'request', expected: 'no further request', seen: `${extra.name} ${describeRequest(extra)}` });
    }
  }

  #compare(expected: ExpectedRequest, exchange: Exchange): void {
    const bad: string[] = [];
    const wanted: string[] = [];
    const visit = (fields: ExpectedRequest['fields'], request: Record<string, unknown>, prefix: string) => {
      for (const [key, field] of Object.entries(fields)) {
        const value = request[key];
        if (!isField(field)) visit(field, (value ?? {}) as Record<string, unknown>, `${prefix}${key}.`);
        else if (!accepts(field, value)) {
          wanted.push(`${prefix}${key} ${field.text ?? show(field.value)}`);
          bad.push(`${prefix}${key} ${show(value)}`);
        }
      }
    };
    visit(expected.fields, exchange.request, '');
    if (expected.data) {
      const difference = firstDifference((exchange.request['data'] ?? []) as ByteRun[], expected.data);
      if (difference) {
        wanted.push(`at byte ${difference.at} of the data ${difference.expected}`);
        bad.push(difference.seen);
      }
    }
    if (bad.length > 0) {
      this.deviations.push({
        rule: expected.rule, aspect: 'request',
        expected: `${expected.name} with ${wanted.join(', ')}`, seen: `${exchange.name} with ${bad.join(', ')} (revision ${this.#revision.id})`,
      });
    }
  }
}

function accepts(field: ExpectedField, value: unknown): boolean {
  if (typeof value !== 'bigint' && typeof value !== 'number') return false;
  return field.accepts ? field.accepts(value) : BigInt(value) === BigInt(field.value);
}

const show = (value: unknown): string => (typeof value === 'bigint' || typeof value === 'number' ? `0x${value.toString(16).replace('-', '(minus) ')}` : String(value));

function describeFields(fields: ExpectedRequest['fields']): string {
  return Object.entries(fields).map(([key, field]) => (isField(field) ? `${key}=${show(field.value)}` : `${key}={${describeFields(field)}}`)).join(' ');
}

function describeRequest(exchange: Exchange): string {
  const words = (record: Record<string, unknown>): string => Object.entries(record)
    .map(([key, value]) => (typeof value === 'object' && value !== null && !(value instanceof Uint8Array)
      ? `${key}={${words(value as Record<string, unknown>)}}` : `${key}=${show(value)}`)).join(' ');
  return exchange.raw ? `(${exchange.raw.length} bytes)` : words(exchange.request);
}
