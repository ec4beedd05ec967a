/**
 * Layouts of table cases and of what the addon gives for them, in the tables from which the addon's are generated
 * (harness/native/src/layouts.h). All integers are little-endian, all parts multiples of 8 bytes.
 */
import { layout, s32, s64, u16, u32, u64 } from '../uapi/struct.ts';

/** How often each part that follows is there, in this order; `files` and on. */
export const caseHeader = layout('CaseHeader', 24, {
  totalBytes: u32(0),
  index: u32(4),
  flags: u32(8),
  files: u16(12),
  lines: u16(14),
  steps: u16(16),
  windows: u16(18),
  notifications: u32(20),
});
export const CASE_FLAGS = {
  /** Everything the case makes the kernel ask is answered while a syscall of the case waits. */
  quiet: 1,
} as const;

export const caseFile = layout('File', 16, { sizeBytes: u64(0), attrFlags: u32(8), reserved: u32(12) });

/** Followed by its fixups and the reply, header first, padded. */
export const caseLine = layout('Line', 48, {
  opcode: u32(0),
  file: u32(4),
  opflagsSet: u32(8),
  opflagsClear: u32(12),
  /** 0: always. */
  times: u32(16),
  replyBytes: u32(20),
  flags: u16(24),
  fixups: u16(26),
  /** Notifications that are sent while the request waits: the first, and how many. */
  firstBefore: u16(28),
  before: u16(30),
  /** Of requests that have a position: where it must lie; both inclusive. */
  posFirst: u64(32),
  posLast: u64(40),
});
export const LINE_FLAGS = {
  /** The header's `unique` is the reply's own. */
  ownUnique: 1,
  /** The reply may be one that the kernel cannot match to its request: the request is then ended with EIO. */
  raw: 2,
} as const;
/** In place of a line's file. */
export const ANY_FILE = 0xffff_ffff;

/** A device's cookie goes to byte `at` of the reply, header included. */
export const replyFixup = layout('Fixup', 8, { at: u32(0), device: u32(4) });

export const caseStep = layout('Step', 32, {
  call: u32(0),
  fd: u32(4),
  offset: u64(8),
  length: u64(16),
  flags: u32(24),
  number: u32(28),
});

/** Where a case that writes may have changed a device. */
export const deviceWindow = layout('Window', 24, { device: u32(0), reserved: u32(4), start: u64(8), end: u64(16) });

/** Followed by its fixups and the message, header first, padded. */
export const caseNotification = layout('Notification', 24, {
  bytes: u32(0),
  fixups: u32(4),
  /** From this byte on the message is the server's data of `fillFile`; 0: nothing is. */
  fillAt: u32(8),
  fillFile: u32(12),
  fillPosition: u64(16),
});
export const notificationFixup = layout('NotificationFixup', 8, { at: u32(0), kind: u16(4), index: u16(6) });
export const FIXUP_KINDS = { device: 0, nodeid: 1, ino: 2 } as const;

/** What was run, and the sizes of the results and of the log behind it. */
export const batchHead = layout('BatchHead', 32, {
  cases: u64(0),
  resumeAt: u64(8),
  recordBytes: u64(16),
  logBytes: u64(24),
});
export const resultHead = layout('ResultHead', 64, {
  totalBytes: u32(0),
  index: u32(4),
  flags: u32(8),
  serial: u32(12),
  firstSeq: u32(16),
  steps: u32(20),
  traceBytes: u32(24),
  kmsgBytes: u32(28),
  changes: u32(32),
  streamsAt: u32(36),
  logStart: u64(40),
  logEnd: u64(48),
  writes: u32(56),
  reserved: u32(60),
});
export const RESULT_FLAGS = {
  /** The case needs the server in TypeScript. */
  beyond: 1,
  /** A device could not be compared. */
  deviceError: 2,
} as const;
/** Followed by its runs and extents (struct fiemap_extent). */
export const resultStep = layout('StepHead', 40, {
  ret: s64(0),
  error: u32(8),
  /** Sequence number after the newest request's when the step was over. */
  begun: u32(12),
  runs: u32(16),
  extra: u32(20),
  size: u64(24),
  extents: u32(32),
  reserved: u32(36),
});
/** Owned: the position, 0; of unknown origin: its bytes. */
export const packedRun = layout('PackedRun', 24, {
  lengthBytes: u32(0),
  kind: u16(4),
  number: u16(6),
  first: u64(8),
  second: u64(16),
});
/** Kinds besides those of owners (OWNER_KINDS). */
export const RUN_KINDS = { other: 0, zero: 4, poison: 5, unknown: 6 } as const;
/** Bytes of unknown origin that a run has room for; longer ones are packed as several. */
export const PACKED_OTHER_BYTES = 16;
/** Followed by its runs. */
export const resultChange = layout('Change', 16, { device: u32(0), runs: u32(4), offset: u64(8) });
/** What a WRITE request carried; followed by its runs. */
export const resultWritten = layout('Written', 8, { seq: u32(0), runs: u32(4) });

/** Of a record of the transcript (exchange-record.ts). */
export const recordHead = layout('RecordHead', 16, {
  requestBytes: u32(0),
  /** -1: no reply. */
  replyBytes: s32(4),
  writeErrno: u32(8),
  seq: u32(12),
});
