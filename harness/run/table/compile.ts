/**
 * Cases as table cases, where they are simple enough: every reply is known, every request is one that the addon
 * answers.
 */
import type { Case, ScriptLine, Step } from '../../../model/case.ts';
import type { Notification } from '../../../model/notification.ts';
import { isQuiet, needsOpens, needsOwnMount } from '../../../model/case-traits.ts';
import { OPEN_FLAGS, SEEK_DATA, SEEK_HOLE } from '../../../model/syscall-flags.ts';
import {
  mostTableFiles,
  mostTableLines,
  mostTableNotifications,
  mostTableStepBytes,
  type TableCase,
  type TableLine,
  type TableNotification,
  type TableStep,
} from '../../../model/table-case.ts';
import { operationsByName } from '../../../uapi/fuse-operations.ts';
import { revisions, type Revision } from '../../../uapi/revision.ts';
import { tableNotification } from './notifications.ts';
import { tableReply } from './replies.ts';
import { windowsOf } from './windows.ts';

/** A table case is handled as one buffer of results: more steps than this are no simple case. */
const mostSteps = 64;

/**
 * Undefined: the case needs the server in TypeScript. `revision`: that of the case, by default with the numbers of its
 * own table.
 */
export function tableCaseOf(value: Case, revision: Revision = revisions[value.revision]): TableCase | undefined {
  const { geometry, script, workload } = value;
  if (
    needsOwnMount(value) ||
    needsOpens(value) ||
    geometry.files.length > mostTableFiles ||
    script.length > mostTableLines ||
    workload.length > mostSteps
  )
    return undefined;
  // Ordinary files are read and written through the server.
  if (!geometry.files.every(({ attrFlags }) => attrFlags.includes('IOMAP') && attrFlags.includes('EXCLUSIVE')))
    return undefined;
  const notifications: TableNotification[] = [];
  /** Where it stands among the case's; undefined: there is none for a table. */
  const add = (notification: Notification): number | undefined => {
    const made = tableNotification(
      revision,
      { devices: geometry.devices.length, files: geometry.files.length },
      notification,
    );
    return made && notifications.push(made) - 1;
  };
  const lines = allOf(script, (line) => tableLine(revision, geometry.devices.length, line, add));
  const steps = lines && tableSteps(workload, geometry.files.length, add);
  if (!steps || notifications.length > mostTableNotifications) return undefined;
  return {
    quiet: isQuiet(value),
    lines,
    steps,
    windows: windowsOf(value),
    notifications,
    files: geometry.files.map(({ sizeBytes, attrFlags }) => ({
      sizeBytes,
      attrFlags: attrFlags.reduce((sum, name) => sum | (revision.attrFlags[name] ?? 0), 0),
    })),
  };
}

function allOf<A, B>(values: readonly A[], each: (value: A) => B | undefined): B[] | undefined {
  const out: B[] = [];
  for (const value of values) {
    const one = each(value);
    if (one === undefined) return undefined;
    out.push(one);
  }
  return out;
}

type Add = (notification: Notification) => number | undefined;

function tableLine(revision: Revision, devices: number, line: ScriptLine, add: Add): TableLine | undefined {
  const { on, file, opflagsSet = 0, opflagsClear = 0, posFrom = 0n, posTo = 1n << 64n, times, before, reply } = line;
  const opcode = operationsByName(revision).get(on)?.opcode;
  const encoded = tableReply(revision, devices, reply);
  if (
    opcode === undefined ||
    !encoded ||
    !isOnlyOf(line, ['on', 'file', 'opflagsSet', 'opflagsClear', 'posFrom', 'posTo', 'times', 'before', 'reply'])
  )
    return undefined;
  if (posTo === 0n) return undefined;
  const sent = before && allOf(before, add);
  if (before && !sent) return undefined;
  return {
    opcode,
    opflagsSet,
    opflagsClear,
    posFirst: posFrom,
    posLast: posTo - 1n,
    ...(file !== undefined && { file }),
    ...(times !== undefined && { times }),
    ...encoded,
    ...(sent && { before: { first: sent[0]!, count: sent.length } }),
  };
}

/** A field that the table does not know must not be ignored. */
const isOnlyOf = (value: object, known: readonly string[]): boolean =>
  Object.keys(value).every((key) => known.includes(key));

const nothing = { fd: 0, offset: 0n, length: 0n, flags: 0, number: 0 };

/** By call: how a step becomes one of the table; calls that are not here need TypeScript. */
const stepTable: { [C in Step['call']]?: (step: Extract<Step, { call: C }>, add: Add) => TableStep | undefined } = {
  open: ({ file, flags }) => ({
    ...nothing,
    call: 'open',
    fd: file,
    flags: flags.reduce<number>((sum, flag) => sum | OPEN_FLAGS[flag], 0),
  }),
  close: ({ fd }) => ({ ...nothing, call: 'close', fd }),
  pread: ({ fd, offset, lengthBytes, rwf = 0 }) => ({
    ...nothing,
    call: 'pread',
    fd,
    offset,
    length: BigInt(lengthBytes),
    flags: rwf,
  }),
  pwrite: ({ fd, offset, lengthBytes, rwf = 0, writer }) => ({
    call: 'pwrite',
    fd,
    offset,
    length: BigInt(lengthBytes),
    flags: rwf,
    number: writer,
  }),
  seekData: ({ fd, offset }) => ({ ...nothing, call: 'seek', fd, offset, flags: SEEK_DATA }),
  seekHole: ({ fd, offset }) => ({ ...nothing, call: 'seek', fd, offset, flags: SEEK_HOLE }),
  fiemap: ({ fd, start, lengthBytes, flags, extents }) => ({
    call: 'fiemap',
    fd,
    offset: start,
    length: lengthBytes,
    flags,
    number: extents,
  }),
  fsync: ({ fd }) => ({ ...nothing, call: 'fsync', fd }),
  ftruncate: ({ fd, sizeBytes }) => ({ ...nothing, call: 'ftruncate', fd, offset: sizeBytes }),
  fallocate: ({ fd, mode, offset, lengthBytes }) => ({
    ...nothing,
    call: 'fallocate',
    fd,
    offset,
    length: lengthBytes,
    flags: mode,
  }),
  fstat: ({ fd }) => ({ ...nothing, call: 'fstat', fd }),
  mmapRead: ({ fd, offset, lengthBytes }) => ({
    ...nothing,
    call: 'mmapRead',
    fd,
    offset,
    length: BigInt(lengthBytes),
  }),
  mmapWrite: ({ fd, offset, lengthBytes, writer, msync = false }) => ({
    call: 'mmapWrite',
    fd,
    offset,
    length: BigInt(lengthBytes),
    flags: msync ? 1 : 0,
    number: writer,
  }),
  notify: ({ notification }, add) => {
    const number = add(notification);
    return number === undefined ? undefined : { ...nothing, call: 'notify', number };
  },
};
const stepFields = [
  'call',
  'file',
  'fd',
  'flags',
  'offset',
  'lengthBytes',
  'rwf',
  'writer',
  'start',
  'extents',
  'sizeBytes',
  'mode',
  'msync',
  'notification',
];

function tableSteps(workload: readonly Step[], files: number, add: Add): TableStep[] | undefined {
  let opened = 0;
  return allOf(workload, (step) => {
    const make = stepTable[step.call] as ((step: Step, add: Add) => TableStep | undefined) | undefined;
    if (!make || !isOnlyOf(step, stepFields)) return undefined;
    // What the guest refuses as no case, it refuses in its own words.
    if (step.call === 'open' ? step.file >= files : 'fd' in step && step.fd >= opened) return undefined;
    if ('lengthBytes' in step && typeof step.lengthBytes === 'number' && step.lengthBytes > mostTableStepBytes)
      return undefined;
    if (step.call === 'open') opened += 1;
    return make(step, add);
  });
}
