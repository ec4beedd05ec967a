/** Kernel events since the last time somebody asked: bad-data traces and what the kernel log holds. */
import { closeSync, existsSync, writeFileSync } from 'node:fs';
import { makeDirectory } from '../../../files/make-directory.ts';
import { parseTrace } from '../../../model/bad-data-trace.ts';
import { parseRecords, type LogRecord } from '../../../model/kernel-log/line.ts';
import { LogReader } from '../../../model/kernel-log/reader.ts';
import type { KernelEvent } from '../../../model/observation.ts';
import type { Native } from '../../native/index.ts';

const O_RDONLY = 0,
  O_NONBLOCK = 0o4000;
/** A private instance, so that nobody else's tracing and ours disturb each other. */
const instance = '/sys/kernel/tracing/instances/iomapfuzz';

type ChannelEnded = Extract<KernelEvent, { kind: 'channel-ended' }>;

export class KernelEvents {
  readonly #native: Native;
  readonly #kmsg: number;
  readonly #trace: number;
  readonly #buffer = Buffer.allocUnsafeSlow(1 << 20);
  readonly #reader = new LogReader();
  #ended: ChannelEnded | undefined;
  #lastSeq: number | undefined;

  /** Starts with the oldest that the kernel's log still has. A kernel without the trace event has log events only. */
  constructor(native: Native) {
    this.#native = native;
    this.#kmsg = native.open('/dev/kmsg', O_RDONLY | O_NONBLOCK, 0);
    this.#trace = openTrace(native);
  }

  /** Said for each later case: the kernel checks no locks any more. Undefined: it does, or it never did. */
  get ended(): KernelEvent | undefined {
    return this.#ended;
  }

  drain(): KernelEvent[] {
    const trace = this.#trace < 0 ? [] : parseTrace(this.#read(this.#trace));
    const log = this.#kmsg < 0 ? [] : this.#log();
    return trace.length === 0 ? log : trace.concat(log);
  }

  close(): void {
    for (const fd of [this.#kmsg, this.#trace]) if (fd >= 0) closeSync(fd);
  }

  #read(fd: number): string {
    let text = '';
    for (;;) {
      const got = this.#native.drain(fd, this.#buffer);
      if (got <= 0) return text;
      text += this.#buffer.toString('latin1', 0, got);
      // Room was left: the stream is empty.
      if (got < this.#buffer.length - 8192) return text;
    }
  }

  /** The streams, for the addon to read; what it reads of the kernel log goes to `ofLog`. */
  get fds(): { traceFd: number; kmsgFd: number } {
    return { traceFd: this.#trace, kmsgFd: this.#kmsg };
  }

  ofLog(bytes: Buffer): KernelEvent[] {
    return this.#events(bytes.toString('latin1'));
  }

  #log(): KernelEvent[] {
    return this.#events(this.#read(this.#kmsg));
  }

  #events(text: string): KernelEvent[] {
    if (text === '') return [];
    const records = parseRecords(text);
    const gap = this.#gap(records);
    this.#reader.push(records);
    // What stops a checker stops nothing where there is none.
    const events = this.#reader
      .take()
      .filter(({ kind }) => kind !== 'channel-ended' || existsSync('/proc/lockdep_stats'));
    const ended = events.find((event): event is ChannelEnded => event.kind === 'channel-ended');
    if (ended) this.#ended ??= { ...ended, text: '', earlier: true };
    return [...gap, ...events];
  }

  /** Sequence numbers have no gaps unless records were overwritten before they were read. */
  #gap(records: readonly LogRecord[]): KernelEvent[] {
    let missing = 0;
    for (const { seq } of records) {
      if (this.#lastSeq !== undefined && seq > this.#lastSeq + 1) missing += seq - this.#lastSeq - 1;
      this.#lastSeq = seq;
    }
    return missing > 0 ? [{ kind: 'lost-events', source: 'kmsg', count: missing }] : [];
  }
}

function openTrace(native: Native): number {
  try {
    makeDirectory(instance);
    writeFileSync(`${instance}/events/fuse/fuse_iomap_bad_data/enable`, '1');
  } catch {
    return -1;
  }
  return native.open(`${instance}/trace_pipe`, O_RDONLY | O_NONBLOCK, 0);
}
