/** Makes a case smaller while it shows the same: leaves out one part after the other and keeps what still shows it. */
import type { Case, ScriptLine, Step } from '../../model/case.ts';
import type { Notification } from '../../model/notification.ts';
import { devicesOf, withDevices, withFile } from '../../model/notification-refs.ts';
import { canonicalJson } from '../../model/hash.ts';
import { jsonSafe } from '../../model/json-safe.ts';
import type { KernelFacts } from '../../model/channel.ts';
import { findingsKey } from '../../model/finding/cause.ts';
import { caseSize } from '../../model/finding/size.ts';
import { NULL_ADDR } from '../../uapi/revision.ts';
import { rulesReached } from '../../oracles/judge.ts';
import { addressOf } from './corpus.ts';
import type { Executed, Outcome } from './execute.ts';
import { verdictAlone } from './repro.ts';

/**
 * What a case shows on a kernel: deviations, or the rules that refused, or, when everything was accepted, the results
 * and the replies that were served. Undefined: nothing that could be compared.
 */
export function shown(testCase: Case, outcome: Outcome, facts: KernelFacts): string | undefined {
  const verdict = verdictAlone(testCase, outcome, facts);
  if (verdict.kind === 'deviates') return `deviates: ${findingsKey(verdict.deviations)}`;
  if (verdict.kind !== 'conforms' || outcome.kind !== 'observed') return undefined;
  const { observation } = outcome;
  const reached = rulesReached(testCase, observation, { facts });
  const results = testCase.workload.flatMap(({ call }, n) =>
    call === 'open' || call === 'close' ? [] : [{ call, ...observation.steps[n] }],
  );
  if (reached.length > 0)
    return `refused: ${reached.join(', ')} ${results
      .map(({ errno }) => errno ?? 0)
      .filter((errno) => errno !== 0)
      .join(' ')}`;
  const served = observation.transcript
    .filter(({ name }) => name.startsWith('IOMAP_') && name !== 'IOMAP_CONFIG')
    .map(({ name, request, reply }) => {
      const { attrIno: _ino, ...fields } = request;
      return { name, fields, reply: reply?.fields ?? reply };
    });
  return `served: ${canonicalJson(jsonSafe({ results, served, changes: observation.deviceChanges }))}`;
}

export interface Reduced {
  case: Case;
  /** What the kernel made of it; absent: nothing smaller was found. */
  outcome?: Outcome;
  /** How often a smaller case was found, and how many cases were executed for it. */
  steps: number;
  tried: number;
  /** `minimal`: without any of its parts it shows something else. */
  end: 'minimal' | 'interrupted';
}

/** Rounds of leaving out one part each; a case has a few dozen parts at most. */
const MAX_ROUNDS = 200;

/** Executes cases; outcomes in any order. */
export type Run = (cases: readonly Case[]) => AsyncIterable<Executed>;

export interface ReduceOptions {
  signal?: AbortSignal;
  /** The step that shows what is to be kept: what comes behind it is left out first. */
  step?: number;
  onProgress?: (state: { steps: number; tried: number }) => void;
}

/** `keeps`: whether a smaller case still shows what the whole one shows. */
export async function reduce(
  run: Run,
  testCase: Case,
  keeps: (smaller: Case, outcome: Outcome) => boolean,
  { signal, step, onProgress }: ReduceOptions = {},
): Promise<Reduced> {
  const state: Reduced = { case: testCase, steps: 0, tried: 0, end: 'minimal' };
  /**
   * Those of `candidates` that keep it, in their order. Each that takes the kernel down costs a guest: one is enough
   * then.
   */
  const keeping = async (candidates: readonly Case[]): Promise<{ index: number; outcome: Outcome }[]> => {
    const found: { index: number; outcome: Outcome }[] = [];
    for await (const { index, outcome } of run(candidates)) {
      state.tried += 1;
      if (!keeps(candidates[index]!, outcome)) continue;
      found.push({ index, outcome });
      if (outcome.kind === 'crashed') break;
    }
    return found.sort((a, b) => a.index - b.index);
  };
  /** Goes on with the first of `candidates` that keeps it. */
  const take = async (candidates: readonly Case[]): Promise<readonly Case[]> => {
    const found = await keeping(candidates);
    const [first] = found;
    if (first) {
      Object.assign(state, { case: candidates[first.index]!, outcome: first.outcome });
      state.steps += 1;
    }
    onProgress?.(state);
    return found.map(({ index }) => candidates[index]!);
  };
  const done = (): boolean => signal?.aborted === true;
  const shown = step === undefined ? undefined : testCase.workload[step];
  while (!done() && (await take(muchSmaller(state.case, shown))).length > 0);
  for (let round = 0; round < MAX_ROUNDS && !done(); round += 1) {
    const whole = state.case;
    const kept = await take(smaller(whole));
    if (kept.length === 0) break;
    // What can go alone can often go together: fewer rounds than one for each part.
    if (kept.length > 1 && !done()) await take(withoutAll(whole, kept));
  }
  return done() ? { ...state, end: 'interrupted' } : state;
}

/** Large parts of a case away at once, the largest first. */
function muchSmaller(testCase: Case, shown: Step | undefined): Case[] {
  const { workload, script } = testCase;
  const step = shown ? workload.indexOf(shown) : -1;
  const until =
    step < 0
      ? []
      : [
          { ...testCase, workload: workload.filter((one, n) => n === step || (n < step && one.call === 'open')) },
          ...(step + 1 < workload.length ? [{ ...testCase, workload: workload.slice(0, step + 1) }] : []),
        ];
  const half = Math.ceil(script.length / 2);
  const halves =
    script.length < 4
      ? []
      : [
          { ...testCase, script: script.slice(half) },
          { ...testCase, script: script.slice(0, half) },
        ];
  const calls = workload.filter(({ call }) => call !== 'open');
  const [early, late] = [new Set(calls.slice(0, calls.length / 2)), new Set(calls.slice(calls.length / 2))];
  const parts =
    calls.length < 4
      ? []
      : [early, late].map((gone) => ({ ...testCase, workload: workload.filter((one) => !gone.has(one)) }));
  return [...until, ...parts, ...halves].filter((value) => addressOf(value) !== addressOf(testCase));
}

/** `of` without all replies and syscalls, opens but for, that one of `kept` lacks; then without the replies alone. */
function withoutAll(testCase: Case, kept: readonly Case[]): Case[] {
  const lines = testCase.script.filter((line) =>
    kept.every(({ script }) => script.length >= testCase.script.length || script.includes(line)),
  );
  const steps = testCase.workload.filter(
    (step) =>
      step.call === 'open' ||
      kept.every(
        ({ workload }) =>
          workload.length >= testCase.workload.length ||
          workload.includes(step) ||
          workload.filter(({ call }) => call === 'open').length <
            testCase.workload.filter(({ call }) => call === 'open').length,
      ),
  );
  const all = [
    { ...testCase, script: lines, workload: steps },
    { ...testCase, script: lines },
    { ...testCase, workload: steps },
  ];
  return all.filter(
    (value, index) =>
      caseSize(value) < caseSize(testCase) &&
      value.workload.length > 0 &&
      all.findIndex((other) => addressOf(other) === addressOf(value)) === index,
  );
}

/** The case without one of its parts, for each part; each is a valid case, none is the case itself. */
export function smaller(testCase: Case): Case[] {
  const { geometry, script, workload } = testCase;
  const all: Case[] = [
    ...script.map((_, n) => ({ ...testCase, script: without(script, n) })),
    ...workload.map((_, n) => withoutStep(testCase, n)).filter((value) => value !== undefined),
    ...geometry.devices.map((_, n) => withoutDevice(testCase, n)).filter((value) => value !== undefined),
    ...geometry.files.map((_, n) => withoutFile(testCase, n)).filter((value) => value !== undefined),
    ...(geometry.mount === 'syncInit' ? [{ ...testCase, geometry: { ...geometry, mount: 'ordinary' as const } }] : []),
    ...(geometry.config === undefined ? [] : [{ ...testCase, geometry: withoutConfig(geometry) }]),
    ...script.flatMap(({ times }, n) =>
      times === undefined
        ? []
        : [{ ...testCase, script: script.map((line, m) => (m === n ? withoutTimes(line) : line)) }],
    ),
    ...script.flatMap((line, n) =>
      line.posFrom === undefined && line.posTo === undefined
        ? []
        : [{ ...testCase, script: script.map((other, m) => (m === n ? withoutPlace(line) : other)) }],
    ),
    ...script.flatMap((line, n) =>
      withoutNotification(line).map((plainer) => ({
        ...testCase,
        script: script.map((other, m) => (m === n ? plainer : other)),
      })),
    ),
    ...script.flatMap((line, n) =>
      plainerLines(line).map((plainer) => ({
        ...testCase,
        script: script.map((other, m) => (m === n ? plainer : other)),
      })),
    ),
    ...(testCase.debugIomap ? [{ ...testCase, debugIomap: false }] : []),
  ];
  const own = addressOf(testCase);
  return all.filter((value) => addressOf(value) !== own);
}

/** A line that sends one notification less. */
function withoutNotification(line: ScriptLine): ScriptLine[] {
  const { before = [], ...rest } = line;
  return before.map((_, n) => (before.length === 1 ? rest : { ...rest, before: without(before, n) }));
}

/** Fewer wrong fields: no flags, or nothing at all behind one of the halves. */
function plainerLines(line: ScriptLine): ScriptLine[] {
  const { reply } = line;
  if (reply.kind !== 'mappings') return [];
  const halves = ['read', 'write'] as const;
  const others = { read: reply.write, write: reply.read };
  return [
    ...halves.map((half) => ({
      ...reply,
      [half]: {
        type: 'HOLE' as const,
        flags: [],
        dev: 0,
        addr: NULL_ADDR,
        offset: others[half].offset,
        length: others[half].length,
      },
    })),
    ...halves
      .filter((half) => reply[half].flags.length > 0)
      .map((half) => ({ ...reply, [half]: { ...reply[half], flags: [] } })),
  ]
    .map((plainer) => ({ ...line, reply: plainer }))
    .filter((plainer) => sizeOf(plainer) < sizeOf(line));
}

/** A HOLE for a HOLE is no progress. */
const sizeOf = (line: ScriptLine): number => canonicalJson(jsonSafe(line)).length;

const without = <T>(list: readonly T[], n: number): T[] => list.filter((_, index) => index !== n);

function withoutTimes<T extends { times?: number | undefined }>({ times: _times, ...rest }: T): Omit<T, 'times'> {
  return rest;
}

function withoutPlace({ posFrom: _from, posTo: _to, ...rest }: ScriptLine): ScriptLine {
  return rest;
}

function withoutConfig({ config: _config, ...rest }: Case['geometry']): Case['geometry'] {
  return rest;
}

/** An open goes with everything that uses its fd. */
function withoutStep(testCase: Case, n: number): Case | undefined {
  const gone = testCase.workload[n]!;
  let workload: Step[] = without(testCase.workload, n);
  if (gone.call === 'open') {
    const fd = testCase.workload.slice(0, n).filter(({ call }) => call === 'open').length;
    const shift = (one: number): number => (one > fd ? one - 1 : one);
    workload = workload
      .filter((step) => (!('fd' in step) || step.fd !== fd) && (!('from' in step) || step.from !== fd))
      .map((step) =>
        'from' in step
          ? { ...step, fd: shift(step.fd), from: shift(step.from) }
          : 'fd' in step
            ? { ...step, fd: shift(step.fd) }
            : step,
      );
  }
  return workload.length === 0 ? undefined : { ...testCase, workload };
}

function withoutDevice(testCase: Case, n: number): Case | undefined {
  const uses = (dev: number | { device: number } | undefined): boolean => typeof dev === 'object' && dev.device === n;
  const used =
    testCase.script.some(({ reply }) => reply.kind === 'mappings' && (uses(reply.read.dev) || uses(reply.write.dev))) ||
    testCase.script.some(({ before = [] }) => before.some((notification) => devicesOf(notification).some(uses))) ||
    testCase.workload.some(
      (step) =>
        (step.call === 'fuseIoctl' && (step.device === n || uses(step.id))) ||
        (step.call === 'deviceRead' && step.device === n) ||
        (step.call === 'notify' && devicesOf(step.notification).some(uses)),
    );
  if (used) return undefined;
  const shift = <T>(dev: T): T =>
    typeof dev === 'object' && dev !== null && 'device' in dev && (dev.device as number) > n
      ? { ...dev, device: (dev.device as number) - 1 }
      : dev;
  return {
    ...testCase,
    geometry: { ...testCase.geometry, devices: without(testCase.geometry.devices, n) },
    script: testCase.script
      .map((line) => withNotifications(line, (notification) => withDevices(notification, shift)))
      .map((line) =>
        line.reply.kind !== 'mappings'
          ? line
          : {
              ...line,
              reply: {
                ...line.reply,
                read: { ...line.reply.read, dev: shift(line.reply.read.dev) },
                write: { ...line.reply.write, dev: shift(line.reply.write.dev) },
              },
            },
      ),
    workload: testCase.workload.map((step) => {
      if (step.call === 'notify') return { ...step, notification: withDevices(step.notification, shift) };
      if (step.call === 'deviceRead') return step.device > n ? { ...step, device: step.device - 1 } : step;
      return step.call !== 'fuseIoctl'
        ? step
        : {
            ...step,
            ...(step.device !== undefined && step.device > n && { device: step.device - 1 }),
            ...(step.id !== undefined && { id: shift(step.id) }),
          };
    }),
  };
}

/** The same line with its notifications replaced. */
const withNotifications = (line: ScriptLine, replace: (one: Notification) => Notification): ScriptLine =>
  line.before === undefined ? line : { ...line, before: line.before.map(replace) };

function withoutFile(testCase: Case, n: number): Case | undefined {
  const used =
    testCase.workload.some(
      (step) =>
        (step.call === 'open' && step.file === n) ||
        (step.call === 'notify' &&
          'node' in step.notification &&
          'file' in step.notification.node &&
          step.notification.node.file === n),
    ) ||
    testCase.script.some(
      ({ file, before = [] }) =>
        file === n || before.some((one) => 'node' in one && 'file' in one.node && one.node.file === n),
    );
  if (used) return undefined;
  const shift = (file: number): number => (file > n ? file - 1 : file);
  return {
    ...testCase,
    geometry: { ...testCase.geometry, files: without(testCase.geometry.files, n) },
    script: testCase.script
      .map((line) => withNotifications(line, (one) => withFile(one, shift)))
      .map((line) => (line.file === undefined ? line : { ...line, file: shift(line.file) })),
    workload: testCase.workload.map((step) =>
      step.call === 'open'
        ? { ...step, file: shift(step.file) }
        : step.call === 'notify'
          ? { ...step, notification: withFile(step.notification, shift) }
          : step,
    ),
  };
}

/**
 * Cases that show nothing that the others do not show together, the largest first. `shows` and `sizeBytes` are those of
 * each case.
 */
export function redundant(cases: readonly { hash: string; shows: readonly string[]; sizeBytes: number }[]): string[] {
  const count = new Map<string, number>();
  for (const { shows } of cases) for (const key of shows) count.set(key, (count.get(key) ?? 0) + 1);
  const gone: string[] = [];
  for (const { hash, shows } of [...cases].sort((a, b) => b.sizeBytes - a.sizeBytes || (a.hash < b.hash ? -1 : 1))) {
    // A case of which it is not known what it shows is not ours to drop.
    if (shows.length === 0 || shows.some((key) => count.get(key) === 1)) continue;
    for (const key of shows) count.set(key, count.get(key)! - 1);
    gone.push(hash);
  }
  return gone;
}
