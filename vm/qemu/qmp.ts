/** A QMP client (docs/interop/qmp-spec of QEMU): commands with their answers, and events. */
import type { Socket } from 'node:net';

/** QEMU answers within milliseconds; a machine that swaps takes longer. */
const answerDeadlineMs = 30_000;

interface Pending {
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
}

/** QEMU refused a command. */
export class QmpError extends Error {
  override name = 'QmpError';
}

/** QEMU's longest answer here has some hundred bytes. */
const longestLine = 1 << 20;

export class Qmp {
  #socket: Socket;
  #text = '';
  #nextId = 1;
  #pending = new Map<number, Pending>();
  #closed = false;
  #shutdownReason: string | undefined;

  /**
   * Why QEMU is about to end, from its SHUTDOWN event: `guest-reset`, `guest-shutdown`, `host-qmp-quit`, ...
   * (qapi/run-state.json).
   */
  get shutdownReason(): string | undefined {
    return this.#shutdownReason;
  }

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      this.#text += chunk;
      for (let end = this.#text.indexOf('\n'); end >= 0; end = this.#text.indexOf('\n')) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        if (line.trim() !== '') this.#receive(line);
      }
      if (this.#text.length > longestLine) this.#break(`a line without an end (${String(this.#text.length)} bytes)`);
    });
    socket.on('error', () => {
      /* 'close' follows */
    });
    socket.on('close', () => {
      this.#end('QEMU closed its control socket');
    });
  }

  /** Leaves the greeting's negotiation mode; nothing else is allowed before. */
  async negotiate(): Promise<void> {
    await this.execute('qmp_capabilities');
  }

  execute(command: string, args?: Record<string, unknown>): Promise<unknown> {
    if (this.#closed) return Promise.reject(new QmpError(`${command}: QEMU has closed its control socket`));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        this.#pending.delete(id);
        reject(
          new QmpError(
            `${command}: QEMU did not answer on its control socket within ${String(answerDeadlineMs / 1000)} s`,
          ),
        );
      }, answerDeadlineMs);
      const answered =
        <T>(then: (value: T) => void) =>
        (value: T): void => {
          clearTimeout(late);
          then(value);
        };
      this.#pending.set(id, {
        resolve: answered(resolve),
        reject: answered((error: Error) => {
          reject(new QmpError(`${command}: ${error.message}`));
        }),
      });
      this.#socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    });
  }

  #end(reason: string): void {
    this.#closed = true;
    for (const { reject } of this.#pending.values()) reject(new QmpError(reason));
    this.#pending.clear();
  }

  /** What came is not QMP: nothing that follows can be understood. It costs this guest, not the program. */
  #break(what: string): void {
    this.#text = '';
    this.#end(`QEMU's control socket said what is not QMP: ${what}`);
    this.#socket.destroy();
  }

  #receive(line: string): void {
    const message = parsed(line);
    if (message === undefined) {
      this.#break(line.slice(0, 80));
      return;
    }
    if (message.event === 'SHUTDOWN') this.#shutdownReason = message.data?.reason;
    if (message.id === undefined) return; // greeting or event
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.error !== undefined) pending?.reject(new Error(String(message.error.desc)));
    else pending?.resolve(message.return);
  }
}

interface QmpMessage {
  id?: number;
  return?: unknown;
  error?: { desc?: unknown };
  event?: string;
  data?: { reason?: string };
}

function parsed(line: string): QmpMessage | undefined {
  try {
    const value = JSON.parse(line) as unknown;
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
