/** The broker: owns the VMs of a test run, because the runner's workers do not live through a failing test. */
import { createServer, type Server, type Socket } from 'node:net';
import { FrameDecoder, encodeFrame } from '../../model/frame.ts';
import { messageOf } from '../../model/errors.ts';
import { VmPool } from '../pool.ts';
import { VmError } from '../qemu/failure.ts';
import type { Vm, VmSpec } from '../vm.ts';
import type { FromBroker, ToBroker } from './protocol.ts';

const sentConsoleLines = 200;

export class BrokerServer {
  readonly #pool = new VmPool();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#serve(socket);
    });
  }

  static async listen(path: string): Promise<BrokerServer> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
    return new BrokerServer(server);
  }

  async close(): Promise<void> {
    this.#server.close();
    await this.#pool.close();
  }

  #serve(socket: Socket): void {
    const say = (message: FromBroker): void => {
      if (socket.writable) socket.write(encodeFrame(message));
    };
    const decoder = new FrameDecoder<ToBroker>();
    let vm: Vm | undefined;
    let stopConsole: (() => void) | undefined;
    const forwarding = new AbortController();
    let forwarded: Promise<void> | undefined;
    let gone = false;
    const giveBack = async (end: 'healthy' | 'poisoned'): Promise<void> => {
      const mine = vm;
      vm = undefined;
      stopConsole?.();
      forwarding.abort();
      await forwarded;
      if (mine !== undefined) await this.#pool.release(mine, end);
    };
    const lease = async (spec: VmSpec): Promise<void> => {
      try {
        const leased = await this.#pool.lease(spec);
        if (gone) {
          await this.#pool.release(leased, 'healthy');
          return;
        }
        vm = leased;
        say({
          kind: 'leased',
          facts: leased.facts,
          environment: leased.environment,
          console: leased.consoleTail(sentConsoleLines),
        });
        stopConsole = leased.console.onLine((line) => {
          say({ kind: 'console', line });
        });
        forwarded = forward(leased);
      } catch (error) {
        if (error instanceof VmError) say({ kind: 'lost', failure: error.failure, consoleTail: error.consoleTail });
        else say({ kind: 'refused', reason: messageOf(error) });
      }
    };
    const forward = async (leased: Vm): Promise<void> => {
      try {
        // The lessee knows its deadlines.
        while (vm === leased) say({ kind: 'from-guest', message: await leased.receive(Infinity, forwarding.signal) });
      } catch (error) {
        if (vm === leased && error instanceof VmError)
          say({ kind: 'lost', failure: error.failure, consoleTail: error.consoleTail });
      }
    };
    const handle = async (message: ToBroker): Promise<void> => {
      if (message.kind === 'lease') await lease(message.spec);
      else if (message.kind === 'to-guest') vm?.send(message.message);
      else {
        await giveBack(message.end);
        say({ kind: 'released' });
      }
    };
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const message of decoder.push(chunk)) void handle(message);
      } catch {
        socket.destroy();
      }
    });
    socket.on('error', () => {
      /* 'close' follows */
    });
    // A lessee that goes without a word was killed: what its guest was doing is unknown.
    socket.on('close', () => {
      gone = true;
      void giveBack('poisoned');
    });
  }
}
