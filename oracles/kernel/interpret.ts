/**
 * Readings of the rules. Where the rules leave a choice ("served exactly as it says, or the operation fails"), the
 * model asks the driver; this file tries the choices one after the other against what was seen.
 */
import type { ByteRun } from '../../model/bytes.ts';
import type { Case } from '../../model/case.ts';
import { ordinaryCalls } from '../../model/ordinary-calls.ts';
import { parseFileName } from '../../model/nodes.ts';
import type { Exchange, Observation } from '../../model/observation.ts';
import type { DeviationFacts, Unjudged } from '../../model/verdict.ts';
import type { Deviation } from '../deviation.ts';
import { SETATTR_VALID } from '../../uapi/fuse-flags.ts';
import type { Revision } from '../../uapi/revision.ts';
import type { BeginTable } from '../rules/first-violation.ts';
import { compareBytes } from './content.ts';
import { byteFacts } from './byte-facts.ts';
import {
  Desynchronised,
  isField,
  isReserved,
  plainFields,
  type Driver,
  type ExpectedField,
  type ExpectedRequest,
} from './driver.ts';
import type { Expectation } from './expectation.ts';
import { exchangeText, expectedText, fieldName, fieldText, flagDifference, operationOf } from './request-text.ts';
import { simulate } from './simulate.ts';

/**
 * Readings tried at most for one case: enough for a truncation that a dead server ends, which has most (1,300), and a
 * few seconds.
 */
const MAX_READINGS = 4096;

/**
 * How often the model may look at one request without taking it; loops that it ends look a few times for each mapping.
 */
const MAX_LOOKS = 100_000;

/**
 * Requests whose place the model knows; others (LOOKUP, OPEN, FLUSH, SETATTR of times ...) come when the VFS pleases.
 */
const PLACED = new Set([
  'IOMAP_BEGIN',
  'IOMAP_END',
  'IOMAP_IOEND',
  'READ',
  'WRITE',
  'LSEEK',
  'FSYNC',
  'FALLOCATE',
  'COPY_FILE_RANGE',
  'COPY_FILE_RANGE_64',
  'FREEZE_FS',
  'UNFREEZE_FS',
  'SHUTDOWN_FS',
]);
/** Requests whose place the model knows too, but looks for only where the case answers them. */
const PLACED_BY_SCRIPT = new Set<string>(['LOOKUP', 'OPEN', 'FLUSH']);
/** `file`: undefined where the request does not say. */
const isScripted = (testCase: Case, name: string, file: number | undefined): boolean =>
  testCase.script.some(
    (line) => line.on === name && (line.file === undefined || file === undefined || line.file === file),
  );
/** Steps in which SYNCFS has its place; at other times sync(2) and umount(2) send it. */
const syncs = (testCase: Case, step: number | undefined): boolean =>
  step !== undefined && ['freeze', 'syncfs'].includes(testCase.workload[step]?.call ?? '');
/** The request that a syscall about names, attributes and the like leads to. */
const isOrdinary = ({ name, step }: Exchange, testCase: Case): boolean => {
  const call = step === undefined ? undefined : testCase.workload[step];
  return (
    call?.call === 'ordinary' &&
    ordinaryCalls[call.syscall] === name &&
    name !== 'RELEASEDIR' &&
    testCase.script.some(({ on }) => on === name)
  );
};
/** What a case leaves frozen the guest thaws behind its last step, so that the next case can run. */
const isThawOfGuest = ({ name, step }: Exchange, testCase: Case): boolean =>
  name === 'UNFREEZE_FS' && step === undefined && testCase.workload.some(({ call }) => call === 'freeze');
const isPlaced = (exchange: Exchange, testCase: Case): boolean => {
  const { name, request, file, step } = exchange;
  if (isThawOfGuest(exchange, testCase)) return false;
  return (
    isOrdinary(exchange, testCase) ||
    PLACED.has(name) ||
    (name === 'SYNCFS' && syncs(testCase, step)) ||
    (PLACED_BY_SCRIPT.has(name) &&
      isScripted(testCase, name, name === 'LOOKUP' ? parseFileName(String(request['name']))?.file : file)) ||
    (name === 'SETATTR' && (Number(request['valid'] ?? 0) & SETATTR_VALID.SIZE) !== 0)
  );
};

/**
 * Tries readings until `judgeReading` finds no deviation, and returns the one that explains most: with the fewest
 * deviations, and the least left behind a request that was not predicted. `goesOn`: the workload is the beginning of a
 * longer one. `table`: rules of another kernel than the revision's, for tests. Where more readings are left than are
 * tried, nothing is said: one of them may explain what was seen.
 */
export function interpret(
  testCase: Case,
  revision: Revision,
  seen: Observation,
  judgeReading: (expectation: Expectation) => Deviation[],
  { goesOn, table, mostReadings = MAX_READINGS }: { goesOn?: boolean; table?: BeginTable; mostReadings?: number } = {},
): { expectation: Expectation; deviations: Deviation[] } {
  let best: { expectation: Expectation; deviations: Deviation[]; cost: number } | undefined;
  let script: number[] | undefined = [];
  for (let tried = 0; script && tried < mostReadings; tried += 1) {
    const driver = new TranscriptDriver(testCase, revision, seen, script);
    const expectation = simulate({
      case: testCase,
      revision,
      mount: seen.mount,
      inodes: seen.inodes,
      driver,
      ...(table && { table }),
      ...(goesOn && { goesOn }),
    });
    if (!expectation.unspecified) driver.noMoreRequests();
    expectation.requests.push(...driver.deviations);
    expectation.unjudgedRequests.push(...driver.unjudged);
    const deviations = [...expectation.requests, ...judgeReading(expectation)];
    const left =
      expectation.unspecified !== undefined
        ? 0
        : driver.left +
          (expectation.desynchronised ? Math.max(0, testCase.workload.length - expectation.steps.length - 1) : 0);
    const cost = deviations.length + left;
    if (!best || cost < best.cost) best = { expectation, deviations, cost };
    if (deviations.length === 0) break;
    script = nextScript(driver.choices);
  }
  if (script && best!.deviations.length > 0) {
    return {
      expectation: {
        ...best!.expectation,
        unspecified: `the rules leave more than ${mostReadings} ways to explain it, and none of those fits`,
      },
      deviations: [],
    };
  }
  return best!;
}

/** The choices that come next in depth-first order; undefined: there are none. */
function nextScript(choices: readonly { taken: number; count: number }[]): number[] | undefined {
  const last = choices.findLastIndex((choice) => choice.taken + 1 < choice.count);
  if (last < 0) return undefined;
  return choices.slice(0, last + 1).map((choice, index) => (index === last ? choice.taken + 1 : choice.taken));
}

/** Requests about one file: its node is in their header. */
const ABOUT_A_FILE: ReadonlySet<string> = new Set([
  'IOMAP_BEGIN',
  'IOMAP_END',
  'IOMAP_IOEND',
  'READ',
  'WRITE',
  'LSEEK',
  'FSYNC',
  'FALLOCATE',
  'COPY_FILE_RANGE',
  'COPY_FILE_RANGE_64',
  'FLUSH',
  'OPEN',
  'SETATTR',
]);
/** No file of the case. */
const NONE = -1;
/** One that names no node of the case's files is about none of them. */
const withFile = (exchange: Exchange): Exchange =>
  exchange.file === undefined && ABOUT_A_FILE.has(exchange.name) ? { ...exchange, file: NONE } : exchange;

class TranscriptDriver implements Driver {
  readonly simulated = false;
  readonly deviations: Deviation[] = [];
  readonly unjudged: Unjudged[] = [];
  readonly choices: { taken: number; count: number }[] = [];
  readonly #revision: Revision;
  readonly #placed: Exchange[];
  /** Requests whose place is open. */
  readonly #open: readonly Exchange[];
  /** Those of them that were not asked for yet. */
  readonly #loose: Exchange[];
  readonly #script: readonly number[];
  readonly #steps: number;
  /** The step that the model is at. */
  #step = -1;
  #next = 0;
  #looks = { at: 0, count: 0 };

  constructor(testCase: Case, revision: Revision, seen: Observation, script: readonly number[]) {
    this.#revision = revision;
    this.#script = script;
    this.#steps = testCase.workload.length;
    const ordered = seen.transcript.map(withFile).sort((a, b) => a.seq - b.seq);
    this.#placed = ordered.filter((exchange) => isPlaced(exchange, testCase));
    this.#open = ordered.filter((exchange) => !isPlaced(exchange, testCase));
    this.#loose = [...this.#open];
  }

  /** Requests that the model did not get to. */
  get left(): number {
    return this.#placed.length - this.#next;
  }

  choose(count: number): number {
    const taken = this.#script[this.choices.length] ?? 0;
    this.choices.push({ taken, count });
    return taken;
  }

  request(expected: ExpectedRequest): Exchange {
    const exchange = this.#placed[this.#next];
    if (
      exchange?.name !== expected.name ||
      (expected.file !== undefined && exchange.file !== undefined && exchange.file !== expected.file)
    ) {
      // What an earlier step asked for and the model had no place for comes first.
      if (exchange?.step !== undefined && exchange.step < this.#step) this.#unexpected(exchange);
      else this.#missing(expected, exchange);
      throw new Desynchronised();
    }
    const isOther =
      exchange.name === 'IOMAP_BEGIN' && !IDENTITY.every((key) => fits(expected.fields[key], exchange.request[key]));
    // What a later step asks for is no answer to what is due in this one.
    if (isOther && exchange.step !== undefined && exchange.step > this.#step) {
      this.#missing(expected, exchange);
      throw new Desynchronised();
    }
    this.#next += 1;
    if (exchange.raw) {
      this.#deviate(expected, exchange.step, {
        expected: `${expected.name} in its layout`,
        seen: `${exchange.raw.length} bytes of another`,
        facts: { request: expected.name, differs: 'layout' },
      });
      throw new Desynchronised();
    }
    if (isOther && exchange.step !== undefined && exchange.step < this.#step) this.#unexpected(exchange);
    else this.#compare(expected, exchange);
    // The answer to another question says nothing about this one.
    if (isOther) throw new Desynchronised();
    return exchange;
  }

  maybe(expected: ExpectedRequest, _plain: boolean, step: number): Exchange | undefined {
    const exchange = this.#placed[this.#next];
    if (exchange?.name !== expected.name || (exchange.step !== undefined && exchange.step !== step)) return undefined;
    return this.request(expected);
  }

  owed(expected: ExpectedRequest, step: number): Exchange | undefined {
    const exchange = this.maybe(expected, true, step);
    if (!exchange) this.#missing(expected, this.#placed[this.#next]);
    return exchange;
  }

  peek(step: number): Exchange | undefined {
    const exchange = this.#placed[this.#next];
    this.#looks = { at: this.#next, count: this.#looks.at === this.#next ? this.#looks.count + 1 : 0 };
    if (this.#looks.count > MAX_LOOKS)
      throw new Error(
        `the model does not get past request ${this.#next}, ${exchange?.name ?? 'the last one'}, in step ${step}`,
      );
    return exchange?.step !== undefined && exchange.step > step ? undefined : exchange;
  }

  nextBut(step: number, passed: (exchange: Exchange) => boolean): Exchange | undefined {
    let at = this.#next;
    while (at < this.#placed.length && passed(this.#placed[at]!)) at += 1;
    const exchange = this.#placed[at];
    return exchange?.step !== undefined && exchange.step > step ? undefined : exchange;
  }

  loose(expected: ExpectedRequest, step: number): void {
    const index = this.#loose.findIndex(
      (exchange) =>
        exchange.name === expected.name &&
        (expected.file === undefined || exchange.file === undefined || exchange.file === expected.file) &&
        (exchange.step === undefined || exchange.step <= step),
    );
    const [exchange] = index < 0 ? [] : this.#loose.splice(index, 1);
    if (exchange) this.#compare(expected, exchange);
    else {
      this.#deviate(expected, step, {
        expected: expectedText(expected, this.#revision),
        seen: 'no such request',
        facts: this.#dueFacts(expected, 'missing'),
      });
    }
  }

  come(name: string, file: number, step: number): readonly Exchange[] {
    return this.#open.filter(
      (exchange) =>
        exchange.name === name &&
        (exchange.file === undefined || exchange.file === file) &&
        (exchange.step === undefined || exchange.step <= step),
    );
  }

  atStep(step: number): void {
    this.#step = step;
  }

  noMoreRequests(): void {
    if (this.deviations.length > 0) return;
    const extra = this.#placed[this.#next];
    if (extra) this.#unexpected(extra);
  }

  /** `instead`: what the kernel asked for. */
  #missing(expected: ExpectedRequest, instead: Exchange | undefined): void {
    const late =
      instead !== undefined && (instead.step ?? this.#step) <= this.#step && this.#comesLater(expected, instead.step);
    this.#deviate(expected, Math.min(instead?.step ?? this.#step, this.#step), {
      expected: expectedText(expected, this.#revision),
      seen: instead ? exchangeText(instead, this.#revision) : 'no such request',
      facts: late ? this.#factsOf(instead, 'extra') : this.#dueFacts(expected, 'missing'),
    });
  }

  #unexpected(extra: Exchange): void {
    this.#deviate({ rule: 'request/none' }, extra.step, {
      expected: 'no further request',
      seen: exchangeText(extra, this.#revision),
      facts: this.#factsOf(extra, 'extra'),
    });
  }

  #deviate(
    { rule }: Pick<ExpectedRequest, 'rule'>,
    step: number | undefined,
    what: Pick<Deviation, 'expected' | 'seen' | 'facts'>,
  ): void {
    this.deviations.push({
      rule,
      aspect: 'request',
      ...what,
      ...(step !== undefined && step >= 0 && step < this.#steps && { step }),
    });
  }

  #factsOf({ name, request }: Exchange, differs: DeviationFacts['differs']): DeviationFacts {
    const operation = operationOf(name, request, this.#revision);
    return { request: name, ...(operation !== undefined && { operation }), ...(differs && { differs }) };
  }

  #dueFacts({ name, fields }: ExpectedRequest, differs: DeviationFacts['differs']): DeviationFacts {
    return this.#factsOf({ name, request: plainFields(fields) } as Exchange, differs);
  }

  /** Whether the request that is due comes after others in the step: then those are too many, and it is not missing. */
  #comesLater({ name, fields }: ExpectedRequest, step: number | undefined): boolean {
    const due = operationOf(name, plainFields(fields), this.#revision);
    return this.#placed
      .slice(this.#next + 1)
      .some(
        (exchange) =>
          exchange.step === step &&
          exchange.name === name &&
          operationOf(name, exchange.request, this.#revision) === due &&
          fits(fields['pos'], exchange.request['pos']),
      );
  }

  /** A request for another operation at another place is not the one that was due with wrong fields. */
  #isAnother({ name, fields }: ExpectedRequest, exchange: Exchange, wrong: readonly { name: string }[]): boolean {
    return (
      wrong.some((field) => field.name === 'opflags') &&
      wrong.some((field) => field.name === 'pos') &&
      operationOf(name, plainFields(fields), this.#revision) !== operationOf(name, exchange.request, this.#revision)
    );
  }

  #compare(expected: ExpectedRequest, exchange: Exchange): void {
    const { name } = exchange;
    const wrong: NonNullable<DeviationFacts['fields']> = [];
    const flags: string[] = [];
    const notKept: string[] = [];
    const visit = (fields: ExpectedRequest['fields'], request: Record<string, unknown>, prefix: string) => {
      for (const [key, field] of Object.entries(fields)) {
        if (isReserved(key)) continue;
        const value = request[key];
        const full = `${prefix}${fieldName(key)}`;
        if (!isField(field)) visit(field, (value ?? {}) as Record<string, unknown>, `${full}.`);
        // A record without it says nothing of the kernel.
        else if (value === undefined) notKept.push(full);
        else if (!accepts(field, value)) {
          wrong.push({
            name: full,
            expected: field.text ?? fieldText(name, full, field.value, this.#revision),
            seen: fieldText(name, full, value, this.#revision),
          });
          const difference = flagDifference(name, full, field.value, value, this.#revision);
          if (difference !== undefined) flags.push(difference);
        }
      }
    };
    visit(expected.fields, exchange.request, '');
    const kept = exchange.request['data'] as ByteRun[] | undefined;
    if (expected.data && !kept) notKept.push('data');
    const { difference: data, unknown } = expected.data && kept ? compareBytes(kept, expected.data) : {};
    if (notKept.length > 0) {
      this.unjudged.push({
        aspect: 'request',
        reason: `the record of ${name} lacks ${notKept.join(', ')}`,
        ...(exchange.step !== undefined && { step: exchange.step }),
      });
    }
    if (unknown) {
      this.unjudged.push({
        aspect: 'request',
        reason: `${unknown.bytes} bytes of the data of ${name} were not kept`,
        ...(exchange.step !== undefined && { step: exchange.step }),
      });
    }
    if (wrong.length === 0 && !data) return;
    this.#deviate(expected, exchange.step, {
      expected: `${name} with ${[...wrong.map((one) => `${one.name} ${one.expected}`), ...(data ? [`at byte ${data.at} of the data ${data.expected}`] : [])].join(', ')}`,
      seen: `${name} with ${[...wrong.map((one) => `${one.name} ${one.seen}`), ...(data ? [data.seen] : [])].join(', ')}`,
      facts: this.#isAnother(expected, exchange, wrong)
        ? this.#dueFacts(expected, 'missing')
        : {
            ...this.#factsOf(exchange, wrong.length > 0 ? 'fields' : 'data'),
            ...(wrong.length > 0 && { fields: wrong }),
            ...(flags.length > 0 && { flags }),
            ...(data && { bytes: byteFacts(data) }),
          },
    });
  }
}

/** Fields of a BEGIN that say what is asked. */
const IDENTITY = ['opflags', 'pos'] as const;
const fits = (field: ExpectedRequest['fields'][string] | undefined, value: unknown): boolean =>
  field === undefined || value === undefined || !isField(field) || accepts(field, value);

function accepts(field: ExpectedField, value: unknown): boolean {
  if (typeof value !== 'bigint' && typeof value !== 'number') return false;
  return field.accepts ? field.accepts(value) : BigInt(value) === BigInt(field.value);
}
