/** The host's end of one QEMU. */
import { setTimeout as sleep } from 'node:timers/promises';
import { GarbageError, encodeFrame } from '../model/frame.ts';
import { guestFrames } from '../model/guest-message.ts';
import { PROTOCOL, type GuestMessage, type HostMessage } from '../model/channel.ts';
import { hangText, type Hang } from '../model/hang.ts';
import { MessageQueue } from './channel/queue.ts';
import { Liveness, turnMs, type Silence } from './liveness.ts';
import { findInitFailure, findInterrupted, findPanic } from './qemu/classify.ts';
import type { Console } from './qemu/console.ts';
import { VmError, type VmFailure } from './qemu/failure.ts';
import type { QemuExit, QemuProcess } from './qemu/process.ts';
import { processorMs, processorTime } from './qemu/processor-time.ts';
import { Qmp } from './qemu/qmp.ts';

/**
 * A guest that says nothing on its console for that long will not say anything: a bzImage prints after 0.1 s under TCG.
 */
const firstWordMs = 45_000;
/** What is kept of the console with the reason: a report of the kernel that ends in a panic has a hundred lines. */
const keptConsoleLines = 200;
/** A kernel that hangs may come back when its connection is cut; the guest sends what it saw then. */
const freedDeadlineMs = 2000;
/**
 * What a kernel that is busy must have used of a processor before it is believed that it gets nowhere; a guest alone
 * cannot measure that.
 */
const busyMs = 5000,
  knownBusyMs = 1000;
/** QEMU itself answers within milliseconds. */
const answerDeadlineMs = 2000;
/** A kernel that is sent an NMI prints where it was, and panics: a hundred lines over an emulated serial port. */
const panicDeadlineMs = 2500;

/** A kernel that hangs mostly says nothing of it. */
const linesBesideHang = 40;

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
  readonly #liveness = new Liveness();
  readonly #turns: NodeJS.Timeout;
  #ready = false;
  /** What the guest found out, while it is waited for what comes of it. */
  #hang: Hang | undefined;
  /** Stands before every other reason. */
  #lockup: Silence | undefined;
  /** What QEMU had used when the case that takes long was heard of first. */
  #busySinceMs: number | undefined;

  constructor(process: QemuProcess, console: Console, context: string, startMs: number) {
    this.console = console;
    this.#process = process;
    this.#context = context;
    this.#startMs = startMs;
    this.qmp = new Qmp(process.qmp);
    process.console.on('data', (bytes: Buffer) => {
      // A kernel that prints keeps everybody waiting, and a long message comes in many pieces.
      this.#liveness.heard(false);
      console.write(bytes);
    });
    const decoder = guestFrames();
    process.port.on('data', (bytes: Buffer) => {
      if (this.#queue.ended !== undefined) return;
      this.#liveness.heard(false);
      try {
        for (const message of decoder.push(bytes)) this.#take(message);
        // What nobody takes waits in the guest: more of it than two batches come to is not worth memory.
        if (this.#queue.length > mostWaiting) process.port.pause();
      } catch (error) {
        if (!(error instanceof GarbageError)) throw error;
        this.#lose({
          kind: 'garbage',
          detail: `${error.message}; it starts with ${Buffer.from(error.bytes).toString('hex')}`,
        });
      }
    });
    this.#turns = setInterval(() => {
      this.#turn();
    }, turnMs).unref();
    const closed = [process.console, process.port, process.qmp].map(
      (socket) =>
        new Promise<void>((resolve) => {
          socket.on('error', () => {
            /* 'close' follows */
          });
          socket.on('close', resolve);
        }),
    );
    // The reason is on the console, and the guest's last messages may still be in the socket: first all of that, then
    // the reason.
    this.#gone = Promise.all([process.exited, ...closed]).then(([exit]) => {
      console.end();
      clearInterval(this.#turns);
      this.#lose(this.#whyGone(exit));
    });
  }

  get lost(): VmError | undefined {
    return this.#queue.ended as VmError | undefined;
  }

  /** `signal` ends the waiting, with WaitingEnded. */
  async awaitHello(bootTimeoutMs: number, signal?: AbortSignal): Promise<Extract<GuestMessage, { kind: 'hello' }>> {
    void this.qmp.negotiate().catch(() => {
      /* QEMU ended: the queue says why */
    });
    const silence = setTimeout(
      () => {
        if (this.console.tail(1).length === 0) this.#lose({ kind: 'no-console', afterMs: firstWordMs });
      },
      Math.min(firstWordMs, bootTimeoutMs),
    );
    try {
      const message = await this.#queue.take(
        bootTimeoutMs,
        () => {
          this.#lose(
            this.console.tail(1).length === 0
              ? { kind: 'no-console', afterMs: bootTimeoutMs }
              : { kind: 'boot-timeout', afterMs: bootTimeoutMs },
          );
        },
        signal,
      );
      if (message.kind !== 'hello' || message.protocol !== PROTOCOL) {
        this.#lose({
          kind: 'garbage',
          detail:
            message.kind === 'hello'
              ? `the agent speaks protocol ${String(message.protocol)}, this program ${String(PROTOCOL)}`
              : `its first message is ${message.kind}, not hello`,
        });
        throw this.lost!;
      }
      this.#ready = true;
      return message;
    } finally {
      clearTimeout(silence);
    }
  }

  /** The guest says by itself that it is alive. */
  get watched(): boolean {
    return this.#liveness.watched;
  }

  /**
   * A restored guest said hello in its first life, and perhaps that it is `watched`: it may be locked up before it says
   * so again.
   */
  markReady(watched: boolean): void {
    this.#ready = true;
    this.#liveness.heard(watched);
  }

  send(message: HostMessage): void {
    if (this.#queue.ended === undefined) this.#process.port.write(encodeFrame(message));
  }

  receive(deadlineMs: number, signal?: AbortSignal): Promise<GuestMessage> {
    if (this.#queue.length <= mostWaiting) this.#process.port.resume();
    return this.#queue.take(
      deadlineMs,
      () => {
        this.#lose(
          this.#lockup ? this.#lockedUp(this.#lockup) : { kind: 'hung', deadlineMs, alive: this.#liveness.watched },
        );
      },
      signal,
    );
  }

  /** The case at hand has locked up a guest before: believe it sooner. */
  set impatient(value: boolean) {
    this.#liveness.impatient = value;
  }

  /** Messages about the guest itself are nobody's answer. */
  #take(message: GuestMessage): void {
    switch (message.kind) {
      case 'alive':
        this.#liveness.heard(true);
        this.#busySinceMs ??= this.#processorMs();
        return;
      case 'case-hangs': {
        const { hang } = message;
        // A host under load makes a kernel slow; the guest tells again if it stays so.
        if (
          hang.how === 'runs' &&
          (this.#processorMs() ?? 0) - (this.#busySinceMs ?? 0) < (message.known === true ? knownBusyMs : busyMs)
        )
          return;
        if (this.#hang) return;
        this.#hang = hang;
        void sleep(freedDeadlineMs, undefined, { ref: false }).then(() => {
          this.#lose({ kind: 'hangs', hang, freed: false });
        });
        return;
      }
      default:
        this.#busySinceMs = undefined;
        if (this.#hang) this.#lose({ kind: 'hangs', hang: this.#hang, freed: true });
        else this.#queue.push(message);
    }
  }

  #processorMs(): number | undefined {
    const pid = this.#process.pid();
    return pid === undefined ? undefined : processorMs(pid);
  }

  #turn(): void {
    if (this.#queue.ended !== undefined || this.#hang || this.#lockup) return;
    // What it says waits in the socket until somebody takes what it has said before.
    if (this.#process.port.isPaused()) this.#liveness.heard(false);
    const pid = this.#process.pid();
    this.#lockup = this.#liveness.turn(pid === undefined ? undefined : processorTime(pid));
    if (this.#lockup) void this.#lookInto(this.#lockup);
  }

  /** A QEMU that does not answer is at fault itself; else the kernel is made to say where it is. */
  async #lookInto(silence: Silence): Promise<void> {
    const answers = this.qmp.execute('query-status').then(
      (status) => (status as { running?: boolean }).running === true,
      () => false,
    );
    if (!(await Promise.race([answers, sleep(answerDeadlineMs, false, { ref: false })]))) {
      this.#lose({ kind: 'died', exit: 'it does not answer on its control socket', stderr: '' });
      return;
    }
    // Debug registers of a CPU that never looks: without a local APIC nothing comes of it.
    await this.qmp.execute('inject-nmi').catch(() => undefined);
    const end = performance.now() + panicDeadlineMs;
    while (
      performance.now() < end &&
      this.#queue.ended === undefined &&
      !this.console.tail(8).some((line) => line.includes('end Kernel panic'))
    )
      await sleep(50, undefined, { ref: false });
    this.#lose(this.#lockedUp(silence));
  }

  #lockedUp({ how, silentMs, processorMs: usedMs }: Silence): VmFailure {
    const where = findInterrupted(this.console.tail(keptConsoleLines));
    return { kind: 'locked-up', how, silentMs, processorMs: usedMs, ...(where !== undefined && { where }) };
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
    const lines = this.console.tail(keptConsoleLines);
    this.#queue.end(
      new VmError(
        failure,
        failure.kind === 'hangs' ? [...hangText(failure.hang), ...lines.slice(-linesBesideHang)] : lines,
        this.#context,
      ),
    );
    clearInterval(this.#turns);
    // The end of the socket comes behind what is still in it.
    this.#process.port.resume();
    this.#process.kill();
  }

  #whyGone(exit: QemuExit): VmFailure {
    if (this.#lockup) return this.#lockedUp(this.#lockup);
    if (this.#hang) return { kind: 'hangs', hang: this.#hang, freed: false };
    const lines = this.console.tail();
    const afterMs = performance.now() - this.#startMs;
    const init = findInitFailure(lines);
    if (init !== undefined)
      return init.code === 'agent-ended' && this.#ready
        ? { kind: 'agent-ended', message: init.message }
        : { kind: 'init-failed', ...init };
    const headline = findPanic(lines);
    if (headline !== undefined)
      return this.#ready ? { kind: 'panicked', headline } : { kind: 'boot-panicked', headline };
    // A restored guest printed what it had to say in its first life.
    if (this.qmp.shutdownReason?.startsWith('guest-') === true)
      return lines.length === 0 && !this.#ready ? { kind: 'no-console', afterMs, exit: exit.text } : { kind: 'reset' };
    if (this.#ready) return { kind: 'died', exit: exit.text, stderr: exit.stderr };
    if (exit.code !== 0 && exit.code !== 137) return { kind: 'qemu-failed', exit: exit.text, stderr: exit.stderr };
    if (lines.length === 0) return { kind: 'no-console', afterMs, exit: exit.text };
    return { kind: 'died', exit: exit.text, stderr: exit.stderr };
  }
}
