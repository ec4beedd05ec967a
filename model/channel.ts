/**
 * Messages between host and guest agent, over the results channel (frames of v8.serialize: bigint and bytes as they
 * are). The host sends commands, the guest answers each with exactly one final message that carries the same `id`, and
 * may send announcements before it.
 */
import type { Case } from './case.ts';
import type { PackedObservation } from './exchange-record.ts';
import type { Hang } from './hang.ts';
import type { Liberty, LibertyCounts } from './liberties.ts';
import type { KernelEvent, MountResult, Observation } from './observation.ts';
import type { Numbers } from '../uapi/numbers.ts';

export const PROTOCOL = 1;

export type HostMessage =
  /**
   * Run these cases in order; `index` numbers them for announcements. `coverage`: say what code of the kernel they
   * reach. `hangs`: signatures of those that are known. `numbers`: those of the kernel; absent: the revision's own.
   */
  | {
      kind: 'run-cases';
      id: number;
      cases: { index: number; case: Case }[];
      coverage?: true;
      hangs?: readonly string[];
      numbers?: Numbers;
    }
  /**
   * Run these table cases (table-case.ts), one after the other in `cases`, on a mount like that of `like`, which is one
   * of them; none is announced. The answer: `table-done` for all of them, or `table-refused`.
   */
  | { kind: 'run-table'; id: number; like: Case; cases: Uint8Array; hangs?: readonly string[]; numbers?: Numbers }
  /** `input`: the command's standard input comes as `input` messages with the same id; else it is empty. */
  | { kind: 'exec'; id: number; argv: string[]; cwd?: string; env?: Record<string, string>; input?: boolean }
  /** Standard input of a running command; no bytes: its end. Answered by nothing. */
  | { kind: 'input'; id: number; bytes: Uint8Array }
  /**
   * Bytes of a file in the guest, which is made by the first and `sizeBytes` long; what no message brings is zeros.
   * Answered by `written`.
   */
  | { kind: 'write-file'; id: number; path: string; offsetBytes: number; sizeBytes: number; bytes: Uint8Array }
  | { kind: 'ping'; id: number }
  /**
   * Start the threads that the first case needs. Answered by `pong`, or by `error`: then the first case says what is
   * wrong.
   */
  | { kind: 'warm-up'; id: number }
  | { kind: 'poweroff'; id: number };

export type GuestMessage =
  | { kind: 'hello'; protocol: number; facts: GuestFacts }
  /** Write-ahead: the case that is about to run, so that a panic or a hang names it. */
  | { kind: 'case-begins'; id: number; index: number }
  | { kind: 'case-done'; id: number; index: number; observation: PackedObservation | Observation }
  /** The guest could not execute a case (not a judgement of the kernel). */
  | { kind: 'case-failed'; id: number; index: number; reason: string }
  /**
   * What the kernel's log said while no case ran; answers nothing. `before-cases`: boot, and all that came before the
   * first case of this guest.
   */
  | { kind: 'outside-cases'; id: number; where: OutsideCases; events: KernelEvent[] }
  /** `liberties`: what the switches came to since the last message with them; absent: none is on. */
  | { kind: 'cases-done'; id: number; liberties?: LibertyCounts }
  /** The guest watches its kernel, and says so every second from then on. `id`: of the command at hand. */
  | { kind: 'alive'; id: number }
  /**
   * The kernel does not come back from what it was asked; `known`: it is one of the hangs of the command. Its
   * connection is cut next; `case-done` follows if that sets it free.
   */
  | { kind: 'case-hangs'; id: number; hang: Hang; known?: true }
  /** `results`: batches as in table-result.ts, in order; `events`: what the kernel's log held, by index of the case. */
  | {
      kind: 'table-done';
      id: number;
      mount: MountResult;
      results: Uint8Array[];
      events: { index: number; events: KernelEvent[] }[];
      liberties?: LibertyCounts;
    }
  /**
   * The batch tells nothing: each of its cases must be run by `run-cases`. `events`: what the kernel's log held
   * meanwhile, by index of the case.
   */
  | { kind: 'table-refused'; id: number; reason: string; events: { index: number; events: KernelEvent[] }[] }
  | { kind: 'output'; id: number; stream: 'stdout' | 'stderr'; bytes: Uint8Array }
  | { kind: 'exited'; id: number; code: number; signal?: string }
  | { kind: 'written'; id: number }
  | { kind: 'pong'; id: number }
  /** A command failed as a whole. */
  | { kind: 'error'; id: number; reason: string };

/** `unmount`, `mount`: of a mount that several cases share; what a case's own mount says is the case's. */
export type OutsideCases = 'before-cases' | 'mount' | 'between-cases' | 'unmount';

/** What the agent found out about the kernel it runs on. */
export interface GuestFacts {
  release: string;
  version: string;
  commandLine: string;
  /** /proc/filesystems has fuse. */
  fuse: boolean;
  /** /sys/module/fuse/parameters/enable_iomap: its value, or undefined when there is no such parameter. */
  enableIomap?: boolean;
  debugIomap?: boolean;
  /** tracefs has events/fuse/fuse_iomap_bad_data. */
  badDataEvent: boolean;
  tainted: number;
  /**
   * Sysctls (kernel.NAME) that make a panic of what is only reported elsewhere, and that could not be switched off.
   * Absent: not asked.
   */
  panicsOn?: string[];
  /** The guest can make devices that take atomic writes. */
  atomicDevices?: boolean;
  /** It can swap (CONFIG_SWAP). Absent: not asked. */
  swap?: boolean;
  /** The kernel can tell which of its code a thread runs through. */
  kcov?: boolean;
  /** Switches for what the rules leave open; absent: the kernel was built without. */
  liberties?: Liberty[];
  /** Lines of /proc/config.gz, when the kernel has it. */
  config?: string;
}

/** What is known of a kernel: with what its source says. */
export interface KernelFacts extends GuestFacts {
  /** Of its uAPI header; absent: those of the revision that a case names. */
  numbers?: Numbers;
}
