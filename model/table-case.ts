/**
 * Table cases: cases whose every reply is known beforehand, as the bytes that the addon runs. A case: its header, then
 * the files; the lines, each with its fixups and the reply with its header; the steps; the windows; the notifications,
 * each with its fixups and the message with its header. Layouts: table-layout.ts.
 */
import type { Layout } from '../uapi/struct.ts';
import {
  ANY_FILE,
  CASE_FLAGS,
  caseFile,
  caseHeader,
  caseLine,
  caseNotification,
  caseStep,
  deviceWindow,
  FIXUP_KINDS,
  LINE_FLAGS,
  notificationFixup,
  replyFixup,
} from './table-layout.ts';

const TABLE_CALLS = {
  open: 1,
  close: 2,
  pread: 3,
  pwrite: 4,
  seek: 5,
  fiemap: 6,
  fsync: 7,
  ftruncate: 8,
  fallocate: 9,
  fstat: 10,
  mmapRead: 11,
  mmapWrite: 12,
  notify: 13,
} as const;
type TableCall = keyof typeof TABLE_CALLS;

export interface TableLine {
  opcode: number;
  file?: number;
  opflagsSet: number;
  opflagsClear: number;
  /** Bytes of the file, both inclusive. */
  posFirst: bigint;
  posLast: bigint;
  times?: number;
  /** With its header; `unique` is filled in unless it is the reply's own. */
  reply: Uint8Array;
  ownUnique: boolean;
  /** The reply may be refused: the request is ended with EIO then. */
  raw: boolean;
  /** Where cookies of devices go. */
  fixups: { at: number; device: number }[];
  /** Sent while the request waits: the case's notifications [first, first + count). */
  before?: { first: number; count: number };
}

/**
 * What only the guest knows: a device's cookie, a file's node id or inode number. `at` counts from the start of the
 * message.
 */
export interface NotificationFixup {
  at: number;
  kind: keyof typeof FIXUP_KINDS;
  index: number;
}

export interface TableNotification {
  /** With its header. */
  message: Uint8Array;
  fixups: NotificationFixup[];
  /** From byte `at` of the message on: the data that the server has for that file, from byte `position` of it on. */
  fill?: { at: number; file: number; position: bigint };
}

export interface TableStep {
  call: TableCall;
  /** Index of the file for `open`, of the open step otherwise. */
  fd: number;
  offset: bigint;
  length: bigint;
  /** open flags, RWF flags, whence, fiemap flags, fallocate mode; mmapWrite: 1 for msync. */
  flags: number;
  /** Writer; extents of fiemap; which notification of the case. */
  number: number;
}

/** Bytes [start, end) of a device. */
export interface DeviceWindow {
  device: number;
  start: bigint;
  end: bigint;
}

export interface TableCase {
  /** Everything the case makes the kernel ask is answered while a syscall of the case waits. */
  quiet: boolean;
  files: { sizeBytes: bigint; attrFlags: number }[];
  lines: TableLine[];
  steps: TableStep[];
  windows: DeviceWindow[];
  notifications: TableNotification[];
}

export const mostTableFiles = 64;
export const mostTableLines = 256;
export const mostTableNotifications = 512;
/** The buffer for data of one step. */
export const mostTableStepBytes = 1 << 20;
export const mostTableReplyBytes = 1 << 15;

const padded = (bytes: number): number => (bytes + 7) & ~7;

/** `index` comes back with the result. */
export function encodeTableCase(
  { quiet, files, lines, steps, windows, notifications }: TableCase,
  index: number,
): Buffer {
  const parts: Part[] = [];
  for (const { sizeBytes, attrFlags } of files) parts.push([caseFile, { sizeBytes, attrFlags }]);
  for (const { file, times, reply, ownUnique, raw, fixups, before, ...line } of lines) {
    parts.push([
      caseLine,
      {
        ...line,
        file: file ?? ANY_FILE,
        times: times ?? 0,
        replyBytes: reply.length,
        flags: (ownUnique ? LINE_FLAGS.ownUnique : 0) | (raw ? LINE_FLAGS.raw : 0),
        fixups: fixups.length,
        firstBefore: before?.first ?? 0,
        before: before?.count ?? 0,
      },
    ]);
    for (const fixup of fixups) parts.push([replyFixup, fixup]);
    parts.push(reply);
  }
  for (const { call, ...step } of steps) parts.push([caseStep, { ...step, call: TABLE_CALLS[call] }]);
  for (const window of windows) parts.push([deviceWindow, { ...window }]);
  for (const { message, fixups, fill } of notifications) {
    parts.push([
      caseNotification,
      {
        bytes: message.length,
        fixups: fixups.length,
        fillAt: fill?.at ?? 0,
        fillFile: fill?.file ?? 0,
        fillPosition: fill?.position ?? 0n,
      },
    ]);
    for (const { kind, ...fixup } of fixups) parts.push([notificationFixup, { ...fixup, kind: FIXUP_KINDS[kind] }]);
    parts.push(message);
  }
  const totalBytes = caseHeader.size + parts.reduce((sum, part) => sum + sizeOf(part), 0);
  return written(totalBytes, [
    [
      caseHeader,
      {
        totalBytes,
        index,
        flags: quiet ? CASE_FLAGS.quiet : 0,
        files: files.length,
        lines: lines.length,
        steps: steps.length,
        windows: windows.length,
        notifications: notifications.length,
      },
    ],
    ...parts,
  ]);
}

/** A structure with its fields, or bytes. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- layouts of all field types
type Part = readonly [Layout<any>, Readonly<Record<string, number | bigint>>] | Uint8Array;

const sizeOf = (part: Part): number => (part instanceof Uint8Array ? padded(part.length) : part[0].size);

function written(totalBytes: number, parts: readonly Part[]): Buffer {
  const out = Buffer.alloc(totalBytes);
  let at = 0;
  for (const part of parts) {
    if (part instanceof Uint8Array) out.set(part, at);
    else part[0].write(out, at, part[1]);
    at += sizeOf(part);
  }
  return out;
}
