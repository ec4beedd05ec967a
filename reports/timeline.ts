/**
 * What happened in a case, top to bottom: the set-up, then each syscall with the requests it caused, then what the
 * kernel reported.
 */
import type { Numbers } from '../uapi/numbers.ts';
import type { Revision } from '../uapi/revision.ts';
import { decodeCase, type Case, type ScriptLine } from '../model/case.ts';
import type { Exchange, Observation } from '../model/observation.ts';
import { messageOf } from '../model/errors.ts';
import { plainLine } from '../model/plain-text.ts';
import { observationOf, type CaseRecord } from '../model/results.ts';
import { unjudgedIn } from '../model/partly-judged.ts';
import type { Deviation, Verdict } from '../model/verdict.ts';
import {
  describeEvent,
  describeFields,
  describeNotification,
  describeOpflags,
  describeReply,
  describeRequest,
  describeResult,
  describeRuns,
  describeStep,
  describeWireMapping,
  quantity,
  revisionOf,
} from './describe.ts';
import { errnoText } from '../uapi/errno.ts';

interface TimelineEntry {
  /** `result` ends what `syscall` began; the requests that the syscall caused stand between them. */
  kind: 'setup' | 'script' | 'syscall' | 'request' | 'result' | 'event' | 'device';
  title: string;
  /** Lines below the title: fields, replies. */
  lines: string[];
  /** What deviates here. */
  deviations: Deviation[];
  /** A request that every file system gets, and that the case's script says nothing about: a reader may skip it. */
  everyday?: true;
}

export type Timeline =
  | { kind: 'timeline'; entries: TimelineEntry[]; case: Case; observation?: Observation }
  | { kind: 'none'; reason: string };

/** `numbers`: of the kernel's uAPI, where the run says them. */
export function buildTimeline(record: CaseRecord, numbers?: Numbers): Timeline {
  if (record.case === undefined) return { kind: 'none', reason: 'the results do not hold this case' };
  let value: Case;
  try {
    value = decodeCase(record.case);
  } catch (error) {
    return {
      kind: 'none',
      reason: `the stored case can't be decoded by this version: ${String((error as Error).message)
        .split('\n')
        .join(' ')
        .slice(0, 200)}`,
    };
  }
  const deviations = record.verdict.kind === 'deviates' ? record.verdict.deviations : [];
  const revision = revisionOf(value.revision, numbers);
  const { happened, observation } = happenedIn(value, record, deviations, revision);
  const entries = [setup(value), ...script(value, revision), ...happened];
  // What no syscall shows (a warning, changed device bytes) stands at the end, where it was found.
  const loose = deviations.filter(({ step }) => step === undefined || value.workload[step] === undefined);
  if (loose.length > 0) entries.push({ kind: 'event', title: 'over the whole case', lines: [], deviations: loose });
  return {
    kind: 'timeline',
    entries: [...shortened(entries), ...notJudged(record.verdict)].map(plainEntry),
    case: value,
    ...(observation && { observation }),
  };
}

/** What was seen, where the stored observation is one of this case; else the case alone, and why. */
function happenedIn(
  value: Case,
  record: CaseRecord,
  deviations: Deviation[],
  revision: Revision,
): { happened: TimelineEntry[]; observation?: Observation } {
  const stored = observationOf(record);
  let reason: string;
  if (stored?.kind !== 'observation') {
    if (!stored) return { happened: happenings(value, revision, undefined, deviations) };
    reason = `can't be read by this version (${stored.reason})`;
  } else {
    try {
      return { happened: happenings(value, revision, stored.observation, deviations), observation: stored.observation };
    } catch (error) {
      reason = `does not fit the case (${messageOf(error)})`;
    }
  }
  const title = `what was seen is left out: the stored observation ${reason}`;
  const happened = happenings(value, revision, undefined, deviations);
  return { happened: [...happened, { kind: 'event', title, lines: [], deviations: [] }] };
}

/** What stands above may hold more that deviates, of which nothing is known. */
function notJudged(verdict: Verdict): TimelineEntry[] {
  const lines = unjudgedIn(verdict).map(
    ({ aspect, step, reason }) => `${aspect}${step === undefined ? '' : ` of step ${step}`}: ${reason}`,
  );
  return lines.length === 0 ? [] : [{ kind: 'event', title: 'not judged', lines, deviations: [] }];
}

/** Each text of a timeline is one line. */
const plainEntry = (entry: TimelineEntry): TimelineEntry => ({
  ...entry,
  title: plainLine(entry.title),
  lines: entry.lines.map(plainLine),
  deviations: entry.deviations.map((one) => ({
    ...one,
    rule: plainLine(one.rule),
    expected: plainLine(one.expected),
    seen: plainLine(one.seen),
  })),
});

/** Nobody reads on after so many; what deviates is always kept. */
const MAX_ENTRIES = 300;

function shortened(entries: TimelineEntry[]): TimelineEntry[] {
  if (entries.length <= MAX_ENTRIES) return entries;
  const rest = entries.slice(MAX_ENTRIES);
  const telling = rest.filter(({ deviations }) => deviations.length > 0);
  const left: TimelineEntry = {
    kind: 'setup',
    title: `${rest.length - telling.length} more entries are left out here; the results hold them`,
    lines: [],
    deviations: [],
  };
  return [...entries.slice(0, MAX_ENTRIES), left, ...telling];
}

function setup({ geometry, revision, debugIomap }: Case): TimelineEntry {
  const config =
    geometry.config === undefined
      ? 'CONFIG answered ENOSYS'
      : geometry.config.kind === 'error'
        ? `CONFIG answered ${errnoText(geometry.config.errno)}`
        : `CONFIG answered ${describeReply(geometry.config)[0]}`;
  return {
    kind: 'setup',
    title: `${geometry.mount === 'syncInit' ? 'mount after SYNC_INIT' : 'mount'}, revision ${revision}, debug WARN ${debugIomap ? 'on' : 'off'}`,
    lines: [
      config,
      ...geometry.devices.map(
        ({ sizeBytes, access }, index) => `device ${index}: ${quantity(BigInt(sizeBytes))} bytes, opened ${access}`,
      ),
      ...geometry.files.map(
        ({ sizeBytes, attrFlags, directIo }, index) =>
          `file ${index}: size ${quantity(sizeBytes)}, ${attrFlags.join('|') || 'no attribute flags'}${directIo ? ', FOPEN_DIRECT_IO' : ''}`,
      ),
    ],
    deviations: [],
  };
}

function script(value: Case, revision: Revision): TimelineEntry[] {
  return value.script.map((line) => ({
    kind: 'script',
    title: `the server answers ${line.on}${line.file === undefined ? '' : ` of file ${line.file}`}${conditions(line, revision)}${line.times === undefined ? '' : line.times === 1 ? ' once' : ` ${line.times} times`} with`,
    lines: [
      ...(line.signal ? ['with a signal pending'] : []),
      ...(line.before ?? []).map((notification) => `after notify(/dev/fuse, ${describeNotification(notification)})`),
      ...describeReply(line.reply),
    ],
    deviations: [],
  }));
}

/** Requests that every open file makes; somebody who reads about mappings knows them. */
export const everydayRequests: ReadonlySet<string> = new Set([
  'INIT',
  'LOOKUP',
  'GETATTR',
  'OPEN',
  'FLUSH',
  'RELEASE',
  'FORGET',
  'GETXATTR',
  'IOMAP_CONFIG',
]);

/** For which operations a line of the script holds, where it does not hold for all. */
function conditions({ opflagsSet = 0, opflagsClear = 0 }: ScriptLine, revision: Revision): string {
  const names = (bits: number): string => describeOpflags(bits, revision);
  return `${opflagsSet === 0 ? '' : ` with ${names(opflagsSet)} set`}${opflagsSet !== 0 && opflagsClear !== 0 ? ' and' : ''}${opflagsClear === 0 ? '' : ` with ${names(opflagsClear)} clear`}`;
}

function happenings(
  value: Case,
  revision: Revision,
  observation: Observation | undefined,
  deviations: Deviation[],
): TimelineEntry[] {
  if (!observation)
    return value.workload.map((step, index) => ({
      kind: 'syscall',
      title: describeStep(step),
      lines: [],
      deviations: deviations.filter((one) => one.step === index),
    }));
  const scripted = new Set<string>(value.script.map(({ on }) => on));
  const request = (exchange: Exchange): TimelineEntry => ({
    kind: 'request',
    ...(everydayRequests.has(exchange.name) &&
      !scripted.has(exchange.name) &&
      !exchange.raw && { everyday: true as const }),
    title: `${exchange.name}${exchange.file === undefined ? '' : ` of file ${exchange.file}`}`,
    lines: [
      exchange.raw
        ? `undecodable: ${Buffer.from(exchange.raw).toString('hex').slice(0, 160)}`
        : describeRequest(exchange.name, exchange.request, revision),
      ...answer(exchange, value, revision),
    ].filter((line) => line !== ''),
    deviations: [],
  });
  // Without the guest's note a request is not attributed to a syscall: guessing would put words into the kernel's
  // mouth.
  const noted = observation.transcript.some(({ step }) => step !== undefined);
  const outside = observation.transcript.filter(({ step }) => step === undefined).map(request);
  const entries: TimelineEntry[] = [];
  if (observation.mount.errno !== 0)
    entries.push({
      kind: 'event',
      title: `mount failed with ${errnoText(observation.mount.errno)}`,
      lines: [],
      deviations: [],
    });
  if (noted) entries.push(...outside);
  value.workload.forEach((step, index) => {
    const result = observation.steps[index];
    entries.push(
      { kind: 'syscall', title: describeStep(step), lines: [], deviations: [] },
      ...observation.transcript.filter((exchange) => exchange.step === index).map(request),
      {
        kind: 'result',
        title: result ? describeResult(result) : 'not reached',
        lines: [],
        deviations: deviations.filter((one) => one.step === index),
      },
    );
  });
  if (!noted && outside.length > 0) {
    entries.push(
      {
        kind: 'setup',
        title: 'requests during the case, in the order of their arrival (which syscall caused which was not noted)',
        lines: [],
        deviations: [],
      },
      ...outside,
    );
  }
  entries.push(
    ...observation.events.map((event): TimelineEntry => ({
      kind: 'event',
      title: describeEvent(event),
      lines: [],
      deviations: [],
    })),
  );
  entries.push(
    ...observation.deviceChanges.map(({ device, offsetBytes, content }): TimelineEntry => ({
      kind: 'device',
      title: `device ${device} changed from ${quantity(offsetBytes)}: ${describeRuns(content)}`,
      lines: [],
      deviations: [],
    })),
  );
  return entries;
}

function answer(exchange: Exchange, value: Case, revision: Revision): string[] {
  return [...notifications(exchange, value), ...ending(exchange, revision)];
}

function notifications({ notified }: Exchange, { script: lines }: Case): string[] {
  return (notified && lines[notified.line]?.before ? lines[notified.line]!.before! : []).map((notification, index) => {
    const errno = notified!.errnos[index] ?? 0;
    return `while it waits: notify(/dev/fuse, ${describeNotification(notification)})${errno === 0 ? '' : ` = -1 ${errnoText(errno)}`}`;
  });
}

function ending({ reply, writeErrno, name, ended }: Exchange, revision: Revision): string[] {
  if (ended)
    return [
      `no answer: ${{ die: 'the server closed /dev/fuse', kill: 'the process that held /dev/fuse was killed', abort: 'the connection was aborted' }[ended]}`,
    ];
  if (!reply) return ['no answer'];
  const lines: string[] = [];
  const { read, write } = (reply.fields ?? {}) as { read?: Record<string, unknown>; write?: Record<string, unknown> };
  if (reply.error !== 0)
    lines.push(`answered ${errnoText(Math.abs(reply.error))}${reply.error > 0 ? ', as a positive error' : ''}`);
  else if (name === 'IOMAP_BEGIN' && read && write) {
    lines.push(
      `answered read  half: ${describeWireMapping(read, revision)}`,
      `         write half: ${describeWireMapping(write, revision)}`,
    );
  } else if (reply.fields) lines.push(`answered ${describeFields(reply.fields)}`);
  else lines.push(reply.payload.length === 0 ? 'answered, no payload' : `answered ${reply.payload.length} bytes`);
  if (writeErrno) lines.push(`the kernel refused the answer: write() gave ${errnoText(writeErrno)}`);
  return lines;
}

/** The timeline as plain text, for mail and terminals. */
export function timelineText(timeline: Timeline): string[] {
  if (timeline.kind === 'none') return [timeline.reason];
  const lines: string[] = [];
  for (const { kind, title, lines: below, deviations } of timeline.entries) {
    const indent = kind === 'request' ? '    ' : '';
    lines.push(kind === 'result' ? `  = ${title}` : `${indent}${title}`);
    for (const line of below) lines.push(`${indent}    ${line}`);
    for (const { rule, expected, seen, aspect } of deviations) {
      lines.push(`  ! ${rule} (${aspect})`, `    expected: ${expected}`, `    seen:     ${seen}`);
    }
  }
  return lines;
}

/** Mappings that a case's script answers, for pictures. */
export const scriptMappings = (value: Case) =>
  value.script.flatMap(({ reply }) => (reply.kind === 'mappings' ? [reply] : []));
