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

export const TABLE_CALLS = {
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
  const totalBytes =
    caseHeader.size +
    files.length * caseFile.size +
    steps.length * caseStep.size +
    windows.length * deviceWindow.size +
    lines.reduce(
      (sum, { reply, fixups }) => sum + caseLine.size + fixups.length * replyFixup.size + padded(reply.length),
      0,
    ) +
    notifications.reduce(
      (sum, { message, fixups }) =>
        sum + caseNotification.size + fixups.length * notificationFixup.size + padded(message.length),
      0,
    );
  const out = Buffer.alloc(totalBytes);
  let at = 0;
  const put = <F>(layout: Layout<F>, value: Parameters<Layout<F>['write']>[2]): void => {
    layout.write(out, at, value);
    at += layout.size;
  };
  const append = (bytes: Uint8Array): void => {
    out.set(bytes, at);
    at += padded(bytes.length);
  };
  put(caseHeader, {
    totalBytes,
    index,
    flags: quiet ? CASE_FLAGS.quiet : 0,
    files: files.length,
    lines: lines.length,
    steps: steps.length,
    windows: windows.length,
    notifications: notifications.length,
  });
  for (const file of files) put(caseFile, file);
  for (const line of lines) {
    put(caseLine, {
      opcode: line.opcode,
      file: line.file ?? ANY_FILE,
      opflagsSet: line.opflagsSet,
      opflagsClear: line.opflagsClear,
      times: line.times ?? 0,
      replyBytes: line.reply.length,
      flags: (line.ownUnique ? LINE_FLAGS.ownUnique : 0) | (line.raw ? LINE_FLAGS.raw : 0),
      fixups: line.fixups.length,
      firstBefore: line.before?.first ?? 0,
      before: line.before?.count ?? 0,
      posFirst: line.posFirst,
      posLast: line.posLast,
    });
    for (const fixup of line.fixups) put(replyFixup, fixup);
    append(line.reply);
  }
  for (const { call, fd, offset, length, flags, number } of steps)
    put(caseStep, { call: TABLE_CALLS[call], fd, offset, length, flags, number });
  for (const window of windows) put(deviceWindow, window);
  for (const { message, fixups, fill } of notifications) {
    put(caseNotification, {
      bytes: message.length,
      fixups: fixups.length,
      fillAt: fill?.at ?? 0,
      fillFile: fill?.file ?? 0,
      fillPosition: fill?.position ?? 0n,
    });
    for (const { at: position, kind, index: which } of fixups)
      put(notificationFixup, { at: position, kind: FIXUP_KINDS[kind], index: which });
    append(message);
  }
  return out;
}
