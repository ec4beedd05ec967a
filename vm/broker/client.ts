/** A lessee's side of the broker. */
import { createConnection, type Socket } from 'node:net';
import { FrameDecoder, encodeFrame } from '../../model/frame.ts';
import type { GuestMessage, HostMessage, KernelFacts } from '../../model/channel.ts';
import { MessageQueue } from '../channel/queue.ts';
import { InfrastructureError } from '../../model/errors.ts';
import type { LeaseEnd } from '../pool.ts';
import { VmError, lossOf, type Loss } from '../qemu/failure.ts';
import type { VmEnvironment, VmHandle, VmSpec } from '../vm.ts';
import type { FromBroker, ToBroker } from './protocol.ts';

const keptConsoleLines = 2000;
const shownConsoleLines = 25;

export class LeasedVm implements VmHandle {
  readonly facts: KernelFacts;
  readonly environment: VmEnvironment;
  readonly #line: BrokerLine;

  private constructor(line: BrokerLine, facts: KernelFacts, environment: VmEnvironment) {
    this.#line = line;
    this.facts = facts;
    this.environment = environment;
  }

  /** Leases a guest from the broker at `path`. Throws VmError, or InfrastructureError when there is no broker. */
  static async lease(path: string, spec: VmSpec): Promise<LeasedVm> {
    const line = await BrokerLine.open(path);
    line.say({ kind: 'lease', spec });
    try {
      const { facts, environment } = await line.leased;
      return new LeasedVm(line, facts, environment);
    } catch (error) {
      line.hangUp();
      throw error;
    }
  }

  send(message: HostMessage): void {
    this.#line.say({ kind: 'to-guest', message });
  }

  receive(deadlineMs: number): Promise<GuestMessage> {
    return this.#line.queue.take(deadlineMs, () => {
      this.#line.queue.end(new VmError({ kind: 'hung', deadlineMs }, this.consoleTail(shownConsoleLines)));
    });
  }

  consoleTail(lines = keptConsoleLines): string[] {
    return this.#line.console.slice(-lines);
  }

  lossOf(error: unknown): Loss {
    return lossOf(error);
  }

  /** Gives the guest back; a guest that was lost is never healthy. */
  async release(end: LeaseEnd): Promise<void> {
    this.#line.say({ kind: 'release', end: this.#line.queue.ended === undefined ? end : 'poisoned' });
    await this.#line.released;
    this.#line.hangUp();
  }
}

type Leased = Extract<FromBroker, { kind: 'leased' }>;

class BrokerLine {
  readonly queue = new MessageQueue<GuestMessage>();
  readonly leased: Promise<Leased>;
  readonly released: Promise<void>;
  console: string[] = [];
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    let resolveLease!: (message: Leased) => void;
    let rejectLease!: (error: Error) => void;
    let resolveRelease!: () => void;
    this.leased = new Promise((resolve, reject) => {
      resolveLease = resolve;
      rejectLease = reject;
    });
    this.released = new Promise((resolve) => {
      resolveRelease = resolve;
    });
    this.leased.catch(() => {
      /* lease() sees it; after that nobody looks */
    });
    const lost = (error: Error): void => {
      rejectLease(error);
      this.queue.end(error);
    };
    const rows: { [K in FromBroker['kind']]: (message: Extract<FromBroker, { kind: K }>) => void } = {
      leased: (message) => {
        this.console = message.console;
        resolveLease(message);
      },
      'from-guest': ({ message }) => {
        this.queue.push(message);
      },
      console: ({ line }) => {
        this.console.push(line);
        if (this.console.length > 2 * keptConsoleLines) this.console = this.console.slice(-keptConsoleLines);
      },
      lost: ({ failure, consoleTail }) => {
        lost(new VmError(failure, consoleTail));
      },
      refused: ({ reason }) => {
        lost(new InfrastructureError(reason));
      },
      released: () => {
        resolveRelease();
      },
    };
    const decoder = new FrameDecoder<FromBroker>();
    socket.on('data', (chunk: Buffer) => {
      for (const message of decoder.push(chunk)) (rows[message.kind] as (message: FromBroker) => void)(message);
    });
    socket.on('error', () => {
      /* 'close' follows */
    });
    socket.on('close', () => {
      resolveRelease();
      lost(new InfrastructureError('the broker that owns the VMs of this run has ended'));
    });
  }

  static async open(path: string): Promise<BrokerLine> {
    const socket = createConnection(path);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', (error) => {
        reject(
          new InfrastructureError(
            `the broker that owns the VMs of this run cannot be reached at ${path}: ${error.message}`,
          ),
        );
      });
    });
    return new BrokerLine(socket);
  }

  say(message: ToBroker): void {
    if (this.#socket.writable) this.#socket.write(encodeFrame(message));
  }

  hangUp(): void {
    this.#socket.end();
  }
}
