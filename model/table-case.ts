/**
 * Table cases: cases whose every reply is known beforehand, as the bytes that the addon runs
 * (harness/native/src/table.h has the same layouts in C). All integers are little-endian, all parts multiples of 8
 * bytes.
 *
 * A case: header {u32 total bytes, index, flags; u16 files, lines, steps, windows; u32 notifications}, then
 *   files    {u64 size; u32 attr flags, 0}
 *   lines    {u32 opcode, file, opflags set, opflags clear, times (0: always), reply bytes; u16 flags, fixups, first
 *     notification, notifications;
 *            u64 first pos, last pos},
 *            fixups {u32 at, device}, the reply with its header
 *   steps    {u32 call, fd or file; u64 offset, length; u32 flags, number}
 *   windows  {u32 device, 0; u64 start, end}: where the case may have changed a device
 *   notifications {u32 bytes, fixups, where data begins (0: nowhere), file whose server's data it is; u64 position of
 *     the data}, fixups {u32 at; u16 kind, index},
 *            the message with its header
 */

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
  kind: 'device' | 'nodeid' | 'ino';
  index: number;
}
const FIXUP_KINDS = { device: 0, nodeid: 1, ino: 2 } as const;

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

const HEADER = 24,
  FILE = 16,
  LINE = 48,
  FIXUP = 8,
  STEP = 32,
  WINDOW = 24,
  NOTIFICATION = 24;
const anyFile = 0xffff_ffff;
const padded = (bytes: number): number => (bytes + 7) & ~7;
/** Case flag; line flags. */
const QUIET = 1;
const OWN_UNIQUE = 1,
  RAW = 2;

/** `index` comes back with the result. */
export function encodeTableCase(
  { quiet, files, lines, steps, windows, notifications }: TableCase,
  index: number,
): Buffer {
  const total =
    HEADER +
    files.length * FILE +
    steps.length * STEP +
    windows.length * WINDOW +
    lines.reduce((sum, { reply, fixups }) => sum + LINE + fixups.length * FIXUP + padded(reply.length), 0) +
    notifications.reduce(
      (sum, { message, fixups }) => sum + NOTIFICATION + fixups.length * FIXUP + padded(message.length),
      0,
    );
  const out = Buffer.alloc(total);
  out.writeUInt32LE(total, 0);
  out.writeUInt32LE(index, 4);
  out.writeUInt32LE(quiet ? QUIET : 0, 8);
  out.writeUInt16LE(files.length, 12);
  out.writeUInt16LE(lines.length, 14);
  out.writeUInt16LE(steps.length, 16);
  out.writeUInt16LE(windows.length, 18);
  out.writeUInt32LE(notifications.length, 20);
  let at = HEADER;
  for (const { sizeBytes, attrFlags } of files) {
    out.writeBigUInt64LE(sizeBytes, at);
    out.writeUInt32LE(attrFlags, at + 8);
    at += FILE;
  }
  for (const line of lines) {
    out.writeUInt32LE(line.opcode, at);
    out.writeUInt32LE(line.file ?? anyFile, at + 4);
    out.writeUInt32LE(line.opflagsSet, at + 8);
    out.writeUInt32LE(line.opflagsClear, at + 12);
    out.writeUInt32LE(line.times ?? 0, at + 16);
    out.writeUInt32LE(line.reply.length, at + 20);
    out.writeUInt16LE((line.ownUnique ? OWN_UNIQUE : 0) | (line.raw ? RAW : 0), at + 24);
    out.writeUInt16LE(line.fixups.length, at + 26);
    out.writeUInt16LE(line.before?.first ?? 0, at + 28);
    out.writeUInt16LE(line.before?.count ?? 0, at + 30);
    out.writeBigUInt64LE(line.posFirst, at + 32);
    out.writeBigUInt64LE(line.posLast, at + 40);
    at += LINE;
    for (const fixup of line.fixups) {
      out.writeUInt32LE(fixup.at, at);
      out.writeUInt32LE(fixup.device, at + 4);
      at += FIXUP;
    }
    out.set(line.reply, at);
    at += padded(line.reply.length);
  }
  for (const step of steps) {
    out.writeUInt32LE(TABLE_CALLS[step.call], at);
    out.writeUInt32LE(step.fd, at + 4);
    out.writeBigUInt64LE(BigInt.asUintN(64, step.offset), at + 8);
    out.writeBigUInt64LE(BigInt.asUintN(64, step.length), at + 16);
    out.writeUInt32LE(step.flags, at + 24);
    out.writeUInt32LE(step.number, at + 28);
    at += STEP;
  }
  for (const { device, start, end } of windows) {
    out.writeUInt32LE(device, at);
    out.writeBigUInt64LE(start, at + 8);
    out.writeBigUInt64LE(end, at + 16);
    at += WINDOW;
  }
  for (const { message, fixups, fill } of notifications) {
    out.writeUInt32LE(message.length, at);
    out.writeUInt32LE(fixups.length, at + 4);
    out.writeUInt32LE(fill?.at ?? 0, at + 8);
    out.writeUInt32LE(fill?.file ?? 0, at + 12);
    out.writeBigUInt64LE(fill?.position ?? 0n, at + 16);
    at += NOTIFICATION;
    for (const fixup of fixups) {
      out.writeUInt32LE(fixup.at, at);
      out.writeUInt16LE(FIXUP_KINDS[fixup.kind], at + 4);
      out.writeUInt16LE(fixup.index, at + 6);
      at += FIXUP;
    }
    out.set(message, at);
    at += padded(message.length);
  }
  return out;
}
