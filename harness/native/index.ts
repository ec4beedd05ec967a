/**
 * The addon: syscalls that Node lacks, and the byte patterns at native speed. A failing syscall never throws: functions
 * return what the kernel returns, a negative number being -errno. Offsets are bigint; file descriptors, lengths and
 * flags are numbers. All calls block the thread that makes them.
 */

import type { ByteRun } from '../../model/bytes.ts';

/** What the cases of a batch have in common. */
export interface TableOptions {
  firstNodeid: bigint;
  nodesPerCase: bigint;
  inoOffset: bigint;
  /** Opcodes and mapping types of the revision; 0xffffffff and 0xffff where it has none. */
  opBegin: number;
  opEnd: number;
  opIoend: number;
  typeHole: number;
  typePureOverwrite: number;
  /** u32 per device of the geometry. */
  cookies: Uint8Array;
  /** s32 per device: open for whole-device checks. */
  deviceFds: Uint8Array;
  mountPoint: string;
  /** The connection's /dev/fuse, for notifications. */
  fuseFd: number;
  /** Non-blocking; -1: there is none. */
  traceFd: number;
  kmsgFd: number;
}

/** `ret` is a count or 0, or -errno. */
type Ret = number;

export interface Native {
  /** open(2). */
  open(path: string, flags: number, mode: number): Ret;
  close(fd: number): Ret;
  /** read(2) into buffer[at, at+length), repeated on EINTR. */
  read(fd: number, buffer: Uint8Array, at: number, length: number): Ret;
  /** write(2), repeated on EINTR. */
  write(fd: number, buffer: Uint8Array, at: number, length: number): Ret;
  /** preadv2(2) with one vector; `rwf` 0 is pread(2). */
  preadv2(fd: number, buffer: Uint8Array, at: number, length: number, offset: bigint, rwf: number): Ret;
  /** pwritev2(2) with one vector; `rwf` 0 is pwrite(2). */
  pwritev2(fd: number, buffer: Uint8Array, at: number, length: number, offset: bigint, rwf: number): Ret;
  /** lseek(2); negative: -errno. */
  lseek(fd: number, offset: bigint, whence: number): bigint;
  fsync(fd: number): Ret;
  syncfs(fd: number): Ret;
  ftruncate(fd: number, size: bigint): Ret;
  fallocate(fd: number, mode: number, offset: bigint, length: bigint): Ret;
  copyFileRange(fdIn: number, offsetIn: bigint, fdOut: number, offsetOut: bigint, length: number): Ret;
  /** fstat(2): size in bytes, block size and inode number into `out`, which has three elements. */
  fstat(fd: number, out: BigUint64Array): Ret;
  /** ioctl(2) with a buffer that the kernel reads and fills in place, or with a number. The caller sizes the buffer. */
  ioctl(fd: number, request: number, argument: Uint8Array | number): Ret;

  /**
   * The syscall of that name (model/ordinary-calls.ts) on `path`, or on `other` where it makes a name. poll: the
   * returned events.
   */
  ordinaryCall(name: string, path: string, other: string): Ret;
  readahead(fd: number, offset: bigint, length: number): Ret;
  /** posix_fadvise(2). */
  fadvise(fd: number, offset: bigint, length: number, advice: number): Ret;
  /** futimens(2): seconds and nanoseconds of atime and mtime, four in all. */
  setTimes(fd: number, times: BigInt64Array): Ret;
  /** The same of the file, by fstat(2). */
  getTimes(fd: number, times: BigInt64Array): Ret;

  /** Traces the calling thread from now on, by the kernel's kcov file; room for `words` places between two looks. */
  kcovStart(path: string, words: number): Ret;
  /** Forgets what was seen so far. */
  kcovReset(): void;
  /** Places seen since the reset and never before by this process, as little-endian u64. */
  kcovTake(): Uint8Array;
  /** There was no room for all that was seen before the last take. */
  kcovFull(): boolean;

  /** Zeroed memory whose address is a multiple of `alignment` (a power of two, 8 or more). Undefined: out of memory. */
  alignedBuffer(length: number, alignment: number): Buffer | undefined;
  /**
   * Maps the file shared and copies file to buffer, or buffer to file (`write`). Returns the bytes copied: fewer than
   * asked means that touching the page there raised SIGBUS.
   */
  mmapCopy(
    fd: number,
    buffer: Uint8Array,
    at: number,
    length: number,
    offset: bigint,
    write: boolean,
    sync: boolean,
  ): Ret;

  /** madvise(MADV_PAGEOUT) of the first `length` bytes; page-aligned. */
  pageOut(buffer: Uint8Array, length: number): Ret;

  mount(source: string, target: string, type: string, flags: number, data: string): Ret;
  umount2(target: string, flags: number): Ret;
  /** Makes a signal pending for the process's first thread, whose handler does nothing. */
  signalMain(): Ret;
  /** A child that holds every file that is open now, and does nothing else: its pid. */
  forkHolder(): Ret;
  /** Ends it by SIGKILL; what it held is released when this returns. */
  killHolder(pid: number): Ret;
  /**
   * The BLKPG ioctl: op 1 adds partition `number` of the open disk at [start, start+length), bytes; op 2 removes it.
   */
  blkpg(fd: number, op: number, number: number, start: bigint, length: bigint): Ret;
  swapon(path: string, flags: number): Ret;
  swapoff(path: string): Ret;
  /** reboot(2), without a sync. */
  reboot(command: number): Ret;
  prctl(option: number, argument: number): Ret;
  /** gettid(2). */
  threadId(): number;
  sync(): void;

  /**
   * Reads from a non-blocking fd (trace_pipe, /dev/kmsg) until it has nothing left or less than 8 KiB of the buffer is
   * free. Returns the bytes read; 0: nothing there.
   */
  drain(fd: number, buffer: Uint8Array): Ret;
  /** poll(2) on one fd: returned events, 0 on timeout (-1: none). */
  poll(fd: number, events: number, timeoutMs: number): Ret;

  /**
   * Fills buffer[at, at+length) with the words of an owner (kind and number as in OWNER_KINDS) from byte `position` on.
   */
  fillPattern(buffer: Uint8Array, at: number, length: number, kind: number, number: number, position: bigint): void;
  /**
   * What buffer[at, at+length) holds, as runs in order. Owned runs are recognised at any alignment, when they are 16
   * bytes or longer. Where a byte fits both neighbours (words contain zero bytes) it counts to the owned run.
   */
  decodeRuns(buffer: Uint8Array, at: number, length: number): ByteRun[];
  /** Writes the initial content of device number `device` through `fd`. */
  writePattern(fd: number, device: number, sizeBytes: number): Ret;
  /**
   * Compares a device with its initial content, restores it where it differs, and returns what it held there. Stretches
   * begin and end at multiples of 8 bytes. `fd` is open O_RDWR | O_DIRECT. A number is -errno.
   */
  compareAndRestore(
    fd: number,
    device: number,
    sizeBytes: number,
  ): { offsetBytes: bigint; content: ByteRun[] }[] | number;

  /**
   * As `read`, for the server's thread: requests that the table case of the moment answers are answered and logged by
   * the addon, all others are returned.
   */
  readUnanswered(fd: number, buffer: Uint8Array, at: number, length: number): Ret;
  /**
   * Where a batch of table cases is, for another thread than the one that runs it. Into `out`: 1 while a batch runs,
   * else 0; its case's index; the case's step; requests that were read from /dev/fuse, and dealt with or handed out by
   * `readUnanswered`; requests of the case; 1 when `endTable` ended the last batch, else 0.
   */
  progress(out: Uint32Array): void;
  /** The first 256 bytes of the request that `readUnanswered` read last; empty: it read none. */
  lastRequest(): Buffer;
  /** The batch that runs begins no further case, and its current one counts as one that tables cannot run. */
  endTable(): void;
  /**
   * Runs packed cases (model/table-case.ts) from byte `from` on; the first gets number `serial`. Returns packed
   * results. Another thread must be in `readUnanswered` on the connection meanwhile.
   */
  runTable(cases: Uint8Array, from: number, serial: number, options: TableOptions): Buffer;
}

/** Loads the addon from `path`; it works on the main thread and on worker threads. Throws when it cannot be loaded. */
export function loadNative(path: string): Native {
  const module = { exports: {} };
  process.dlopen(module, path);
  return module.exports as Native;
}
