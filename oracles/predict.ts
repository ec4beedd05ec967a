/**
 * What the rules expect of a case, without a kernel: every reading of the rules, against the case's own script. Where
 * the rules leave a choice, a syscall has several outcomes that are right.
 */
import type { Case } from '../model/case.ts';
import { revisions, type Revision } from '../uapi/revision.ts';
import type { Exchange } from '../model/observation.ts';
import type { Segment } from './kernel/content.ts';
import type { Expectation, ExpectedRefusal, StepExpectation } from './kernel/expectation.ts';
import { EndlessWalk, ScriptedServer } from './kernel/scripted-server.ts';
import { simulate } from './kernel/simulate.ts';
import type { ExpectedRequest } from './kernel/driver.ts';
import type { ClauseId } from './rules/rule-id.ts';
import { canonicalJson } from '../model/hash.ts';
import { jsonSafe } from '../model/json-safe.ts';

export interface Prediction {
  /** Errnos that mount(2) may give, 0 for success; undefined: any. */
  mount: { errno: number | undefined; rule: ClauseId }[];
  /** BACKING_OPEN of each device: errno, 0 for a cookie; empty: nothing is said. */
  devices: number[];
  /** Per workload step the outcomes that are right; empty: the rules say nothing. */
  steps: StepExpectation[][];
  /** What must be reported as bad data, in order, in each reading. */
  refusals: ExpectedRefusal[][];
  /** Per device of the case the ranges that differ from the initial content, or may; undefined: nothing is said. */
  contents: Segment[][] | undefined;
  /** Warnings that are no fault, in some reading; see ToleratedWarning. */
  tolerated: RegExp[];
  /** Requests about mappings that the kernel has to make, in order, in each reading. */
  requests: PredictedRequest[][];
  /**
   * By line of the script: for each notification that it has `before` its answer the errno of write(), 0: it is taken;
   * undefined: the rules leave a choice.
   */
  meanwhile: Readonly<Record<number, (number | undefined)[]>>;
  /** Why the rules say nothing from some step on. */
  unspecified?: string;
}

export interface PredictedRequest {
  name: string;
  file?: number;
  fields: ExpectedRequest['fields'];
}

/** Readings looked at. A case that has more is a case with dozens of replies. */
const MAX_READINGS = 256;

/** `revision`: the rules; default: those of the revision that the case names. */
export function predict(testCase: Case, revision: Revision = revisions[testCase.revision]): Prediction {
  const readings = [...readingsOf(testCase, revision)];
  const specified = readings.filter(({ expectation }) => expectation.unspecified === undefined);
  const used = specified.length > 0 ? specified : readings;
  const unspecified =
    specified.length > 0
      ? undefined
      : (used[0]?.expectation.unspecified ?? 'the case makes the kernel ask without end');
  return {
    mount: distinct(used.map(({ expectation }) => expectation.mount)),
    devices: used[0]?.expectation.devices ?? [],
    steps: testCase.workload.map((_, index) =>
      distinct(used.flatMap(({ expectation }) => expectation.steps[index] ?? [])),
    ),
    refusals: distinct(used.map(({ expectation }) => expectation.refusals.filter(({ viaBadData }) => viaBadData))),
    contents:
      unspecified === undefined
        ? testCase.geometry.devices.map((_, device) =>
            mergeContents(
              used.map(({ expectation }) => expectation),
              device,
            ),
          )
        : undefined,
    tolerated: distinct(
      used.flatMap(({ expectation }) => expectation.tolerated.map(({ pattern }) => pattern.source)),
    ).map((source) => new RegExp(source)),
    requests: unspecified === undefined ? distinct(used.map(({ requests }) => requests)) : [],
    meanwhile: unspecified === undefined ? agreed(used.flatMap(({ notified }) => notified)) : {},
    ...(unspecified !== undefined && { unspecified }),
  };
}

type Notified = NonNullable<Exchange['notified']>;
interface Reading {
  expectation: Expectation;
  requests: PredictedRequest[];
  notified: Notified[];
}

/** Where all readings, and all times that a line answers, have the same outcome. */
function agreed(all: readonly Notified[]): Prediction['meanwhile'] {
  const lines: Record<number, (number | undefined)[]> = {};
  for (const { line, errnos } of all) {
    const known = lines[line];
    lines[line] =
      known === undefined ? [...errnos] : known.map((errno, index) => (errno === errnos[index] ? errno : undefined));
  }
  return lines;
}

function* readingsOf(testCase: Case, revision: Revision): Generator<Reading> {
  let choices: number[] | undefined = [];
  for (let tried = 0; choices && tried < MAX_READINGS; tried += 1) {
    const devices = testCase.geometry.devices.map((_, index) => index + 1);
    const server: RecordingServer = new RecordingServer(testCase, devices, choices, revision);
    const mount = { errno: 0, minor: revision.minor, devices };
    try {
      yield {
        expectation: simulate({
          case: testCase,
          revision,
          mount,
          inodes: testCase.geometry.files.map((_, index) => 100n + BigInt(index)),
          driver: server,
        }),
        requests: server.asked,
        notified: server.transcript.map(({ notified }) => notified).filter((one) => one !== undefined),
      };
    } catch (error) {
      if (!(error instanceof EndlessWalk)) throw error;
    }
    const last: number = server.choices.findLastIndex(({ taken, count }) => taken + 1 < count);
    choices =
      last < 0
        ? undefined
        : server.choices.slice(0, last + 1).map(({ taken }, index) => (index === last ? taken + 1 : taken));
  }
}

class RecordingServer extends ScriptedServer {
  readonly asked: PredictedRequest[] = [];

  override request(expected: ExpectedRequest) {
    this.asked.push({
      name: expected.name,
      ...(expected.file !== undefined && { file: expected.file }),
      fields: expected.fields,
    });
    return super.request(expected);
  }
}

function distinct<T>(values: readonly T[]): T[] {
  const seen = new Map<string, T>();
  for (const value of values) {
    const key = canonicalJson(jsonSafe(withoutFunctions(value)));
    if (!seen.has(key)) seen.set(key, value);
  }
  return [...seen.values()];
}

/** Predicates of request fields have a text that says the same. */
const withoutFunctions = (value: unknown): unknown => {
  if (typeof value === 'function') return undefined;
  if (Array.isArray(value)) return value.map(withoutFunctions);
  if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array)) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutFunctions(inner)]));
  }
  return value;
};

/** Each byte with what is right for it in any reading, for the ranges that any reading touches. */
function mergeContents(readings: readonly Expectation[], device: number): Segment[] {
  const contents = readings.map(({ contents: all }) => all[device]).filter((content) => content !== undefined);
  const edges = [
    ...new Set(contents.flatMap((content) => content.touched().flatMap(({ start, end }) => [start, end]))),
  ].sort((a, b) => (a < b ? -1 : 1));
  return edges.slice(0, -1).flatMap((start, index): Segment[] => {
    const end = edges[index + 1]!;
    if (!contents.some((content) => content.touched().some((segment) => segment.start < end && segment.end > start)))
      return [];
    const sources = distinct(contents.flatMap((content) => content.read(start, end)[0]!.sources));
    return [{ start, end, sources }];
  });
}
