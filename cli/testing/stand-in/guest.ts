/**
 * A guest that is no VM: it speaks on QEMU's three sockets as an honest guest would, whose kernel is the model. What
 * lies says otherwise by its hooks.
 */
import { readFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { runIdeal } from '../../../oracles/testing/ideal-kernel.ts';
import type { Case } from '../../../model/case.ts';
import type { GuestMessage, HostMessage, KernelFacts } from '../../../model/channel.ts';
import { PROTOCOL } from '../../../model/channel.ts';
import type { PackedObservation } from '../../../model/exchange-record.ts';
import { FrameDecoder } from '../../../model/frame.ts';
import { encodeGuestFrame } from '../../../model/guest-message.ts';
import { packObservation } from '../../../harness/run/testing/pack.ts';
import { revisionWith, type Numbers } from '../../../uapi/numbers.ts';

export const facts: KernelFacts = {
  release: '7.3.4-stand-in',
  version: 'Linux version 7.3.4-stand-in',
  commandLine: '',
  fuse: true,
  enableIomap: true,
  debugIomap: true,
  badDataEvent: true,
  tainted: 0,
  atomicDevices: true,
  swap: true,
  kcov: false,
};

/** Of the kernel, from the file that IOMAPFUZZ_KERNEL_NUMBERS names; undefined: those of its revision. */
function kernelNumbers(): Numbers | undefined {
  const file = process.env['IOMAPFUZZ_KERNEL_NUMBERS'];
  return file === undefined ? undefined : (JSON.parse(readFileSync(file, 'utf8')) as Numbers);
}

export type RunCases = Extract<HostMessage, { kind: 'run-cases' }>;
export type RunTable = Extract<HostMessage, { kind: 'run-table' }>;

/** Each replaces what an honest guest does there. */
export interface Hooks {
  boot?(guest: StandIn): void;
  cases?(guest: StandIn, message: RunCases): void;
  table?(guest: StandIn, message: RunTable): void;
  ping?(guest: StandIn, id: number): void;
  /** Before anything is said on the control socket. */
  greet?(guest: StandIn): void;
  /** One command of the control socket. */
  control?(guest: StandIn, command: { id: number; execute: string }): void;
}

export class StandIn {
  readonly port: Socket;
  readonly qmp: Socket;
  readonly #console: Socket;
  readonly #hooks: Hooks;
  readonly #cloned: boolean;

  constructor(sockets: { console: string; port: string; qmp: string }, cloned: boolean, hooks: Hooks) {
    [this.#console, this.port, this.qmp] = [sockets.console, sockets.port, sockets.qmp].map((path) =>
      createConnection(path),
    ) as [Socket, Socket, Socket];
    this.#hooks = hooks;
    this.#cloned = cloned;
    for (const socket of [this.#console, this.port])
      socket.on('error', () => {
        process.exit(0);
      });
    // QEMU goes on without a control socket: whoever does not like what it says there closes it.
    this.qmp.on('error', () => {
      /* closed */
    });
    let connected = 0;
    for (const socket of [this.#console, this.port, this.qmp])
      socket.on('connect', () => {
        if (++connected === 3) this.#start();
      });
  }

  say(...messages: GuestMessage[]): void {
    this.port.write(Buffer.concat(messages.map(encodeGuestFrame)));
  }

  print(text: string): void {
    this.#console.write(text);
  }

  /** Writes on until nobody reads any more. */
  endless(socket: 'port' | 'console', bytes: Buffer): void {
    const target = socket === 'port' ? this.port : this.#console;
    const more = (): void => {
      while (target.write(bytes)) {
        /* there is room */
      }
    };
    target.on('drain', more);
    more();
  }

  /** Ends as QEMU does, after all that was said has arrived. */
  exit(code: number): void {
    let open = 3;
    for (const socket of [this.#console, this.port, this.qmp])
      socket.end(() => {
        if (--open === 0) process.exit(code);
      });
  }

  /** A panic as -no-reboot ends it. */
  panic(what: string): void {
    this.print(`BUG: unable to handle page fault for address: 00000000000000f0\nKernel panic - not syncing: ${what}\n`);
    this.qmp.write(`${JSON.stringify({ event: 'SHUTDOWN', data: { guest: true, reason: 'guest-panic' } })}\n`);
    this.exit(0);
  }

  hello(of: Partial<KernelFacts> = {}): void {
    this.say({ kind: 'hello', protocol: PROTOCOL, facts: { ...facts, ...of } });
  }

  begin({ id, cases: [first] }: RunCases): void {
    this.say({ kind: 'case-begins', id, index: first!.index });
  }

  /** What is true of one case. */
  answer(
    id: number,
    { index, case: testCase }: { index: number; case: Case },
    change: (packed: PackedObservation) => PackedObservation = (packed) => packed,
  ): GuestMessage[] {
    const revision = revisionWith(testCase.revision, kernelNumbers());
    return [
      { kind: 'case-begins', id, index },
      {
        kind: 'case-done',
        id,
        index,
        observation: change(packObservation(testCase, runIdeal(testCase, { revision }), revision)),
      },
    ];
  }

  honest({ id, cases }: RunCases): void {
    this.say(...cases.flatMap((one) => this.answer(id, one)), { kind: 'cases-done', id });
  }

  refuse({ id }: RunTable): void {
    this.say({ kind: 'table-refused', id, reason: 'there is no addon', events: [] });
  }

  #start(): void {
    const { boot, greet } = this.#hooks;
    if (greet) greet(this);
    else this.qmp.write('{"QMP": {"version": {"qemu": {"major": 7}}, "capabilities": []}}\n');
    this.#listen();
    if (this.#cloned) return;
    if (boot) boot(this);
    else {
      this.print('Linux version 7.3.4-stand-in\n');
      this.hello();
    }
  }

  #listen(): void {
    const decoder = new FrameDecoder<HostMessage>();
    this.port.on('data', (bytes: Buffer) => {
      for (const message of decoder.push(bytes)) this.#take(message);
    });
    let text = '';
    this.qmp.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
        this.#control(JSON.parse(text.slice(0, end)) as { id: number; execute: string });
        text = text.slice(end + 1);
      }
    });
  }

  #control(command: { id: number; execute: string }): void {
    if (this.#hooks.control) this.#hooks.control(this, command);
    else {
      const status = command.execute === 'query-migrate' ? 'completed' : 'paused';
      this.qmp.write(`${JSON.stringify({ id: command.id, return: { status } })}\n`);
    }
  }

  #take(message: HostMessage): void {
    const { cases, table, ping } = this.#hooks;
    switch (message.kind) {
      case 'ping':
        if (ping) ping(this, message.id);
        else this.say({ kind: 'pong', id: message.id });
        break;
      case 'warm-up':
        this.say({ kind: 'pong', id: message.id });
        break;
      case 'run-cases':
        if (cases) cases(this, message);
        else this.honest(message);
        break;
      case 'run-table':
        if (table) table(this, message);
        else this.refuse(message);
        break;
      default:
        break;
    }
  }
}
