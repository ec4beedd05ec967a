/** The host's end of one QEMU. */
import { GarbageError, encodeFrame } from '../harness/model/frame.ts';
import { guestFrames } from '../harness/model/guest-message.ts';
import { PROTOCOL, type GuestMessage, type HostMessage } from '../harness/model/channel.ts';
import { MessageQueue } from './channel/queue.ts';
import { findInitFailure, findPanic } from './qemu/classify.ts';
import type { Console } from './qemu/console.ts';
import { VmError, type VmFailure } from './qemu/failure.ts';
import type { QemuExit, QemuProcess } from './qemu/process.ts';
import { Qmp } from './qemu/qmp.ts';

/** A guest that says nothing on its console for that long will not say anything: a bzImage prints after 0.1 s under TCG. */
const firstWordMs = 45_000;
/** What is kept of the console with the reason: a report of the kernel that ends in a panic has a hundred lines. */
const keptConsoleLines = 200;

/** Messages that may wait to be received. */
const mostWaiting = 1000;

/** Decodes, notices every way to be lost, gives the first reason. */
export class Connection {
  readonly console: Console;
  readonly qmp: Qmp;
  readonly #process: QemuProcess;
  readonly #context: string;
  readonly #startMs: number;
  readonly #queue = new MessageQueue<GuestMessage>();
  readonly #gone: Promise<void>;
  #ready = false;

  constructor(process: QemuProcess, console: Console, context: string, startMs: number) {
    this.console = console;
    this.#process = process;
    this.#context = context;
    this.#startMs = startMs;
    this.qmp = new Qmp(process.qmp);
    process.console.on('data', (bytes: Buffer) => { console.write(bytes); });
    const decoder = guestFrames();
    process.port.on('data', (bytes: Buffer) => {
      if (this.#queue.ended !== undefined) return;
      try {
        for (const message of decoder.push(bytes)) this.#queue.push(message);
        // What nobody takes waits in the guest: more of it than two batches come to is not worth memory.
        if (this.#queue.length > mostWaiting) process.port.pause();
      } catch (error) {
        if (!(error instanceof GarbageError)) throw error;
        this.#lose({ kind: 'garbage', detail: `${error.message}; it starts with ${Buffer.from(error.bytes).toString('hex')}` });
      }
    });
    const closed = [process.console, process.port, process.qmp].map((socket) => new Promise<void>((resolve) => {
      socket.on('error', () => { /* 'close' follows */ });
      socket.on('close', resolve);
    }));
    // The reason is on the console, and the guest's last messages may still be in the socket: first all of that, then the reason.
    this.#gone = Promise.all([process.exited, ...closed]).then(([exit]) => {
      console.end();
      this.#lose(this.#whyGone(exit));
    });
  }

  get lost(): VmError | undefined {
    return this.#queue.ended as VmError | undefined;
  }

  /** `signal` ends the waiting, with WaitingEnded. */
  async awaitHello(bootTimeoutMs: number, signal?: AbortSignal): Promise<Extract<GuestMessage, { kind: 'hello' }>> {
    void this.qmp.negotiate().catch(() => { /* QEMU ended: the queue says why */ });
    const silence = setTimeout(() => {
      if (this.console.tail(1).length === 0) this.#lose({ kind: 'no-console', afterMs: firstWordMs });
    }, Math.min(firstWordMs, bootTimeoutMs));
    try {
      const message = await this.#queue.take(bootTimeoutMs, () => {
        this.#lose(this.console.tail(1).length === 0 ? { kind: 'no-console', afterMs: bootTimeoutMs } : { kind: 'boot-timeout', afterMs: bootTimeoutMs });
      }, signal);
      if (message.kind !== 'hello' || message.protocol !== PROTOCOL) {
        this.#lose({ kind: 'garbage', detail: message.kind === 'hello'
          ? `the agent speaks protocol ${String(message.protocol)}, this program ${String(PROTOCOL)}`
          : `its first message is ${message.kind}, not hello` });
        throw this.lost!;
      }
      this.#ready = true;
      return message;
    } finally {
      clearTimeout(silence);
    }
  }

  /** A restored guest said hello in its first life. */
  markReady(): void {
    this.#ready = true;
  }

  send(message: HostMessage): void {
    if (this.#queue.ended === undefined) this.#process.port.write(encodeFrame(message));
  }

  receive(deadlineMs: number, signal?: AbortSignal): Promise<GuestMessage> {
    if (this.#queue.length <= mostWaiting) this.#process.port.resume();
    return this.#queue.take(deadlineMs, () => { this.#lose({ kind: 'hung', deadlineMs }); }, signal);
  }

  /** The guest's next message must be the answer to that ping. */
  async receivePong(id: number, deadlineMs: number, signal?: AbortSignal): Promise<void> {
    const message = await this.receive(deadlineMs, signal);
    if (message.kind === 'pong' && message.id === id) return;
    this.#lose({ kind: 'garbage', detail: `it answers a ping with a message of kind ${message.kind}` });
    throw this.lost!;
  }

  async close(): Promise<void> {
    this.#queue.end(new VmError({ kind: 'closed' }));
    this.#process.port.resume();
    this.#process.kill();
    await this.#gone;
  }

  /** The first reason stands; with it the VM ends. */
  #lose(failure: VmFailure): void {
    this.#queue.end(new VmError(failure, this.console.tail(keptConsoleLines), this.#context));
    // The end of the socket comes behind what is still in it.
    this.#process.port.resume();
    this.#process.kill();
  }

  #whyGone(exit: QemuExit): VmFailure {
    const lines = this.console.tail();
    const afterMs = performance.now() - this.#startMs;
    const init = findInitFailure(lines);
    if (init !== undefined) return init.code === 'agent-ended' && this.#ready ? { kind: 'agent-ended', message: init.message } : { kind: 'init-failed', ...init };
    const headline = findPanic(lines);
    if (headline !== undefined) return this.#ready ? { kind: 'panicked', headline } : { kind: 'boot-panicked', headline };
    if (this.qmp.shutdownReason?.startsWith('guest-') === true) return lines.length === 0 ? { kind: 'no-console', afterMs, exit: exit.text } : { kind: 'reset' };
    if (this.#ready) return { kind: 'died', exit: exit.text, stderr: exit.stderr };
    if (exit.code !== 0 && exit.code !== 137) return { kind: 'qemu-failed', exit: exit.text, stderr: exit.stderr };
    if (lines.length === 0) return { kind: 'no-console', afterMs, exit: exit.text };
    return { kind: 'died', exit: exit.text, stderr: exit.stderr };
  }
}
