/** The server's thread as the workload's thread sees it. It is started once and serves one session after the other. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { ServerThreadData, ToServer } from './messages.ts';
import { logBytes } from '../../../model/exchange-record.ts';
import { STATE, WORD, words as wordCount } from './shared.ts';

export class ServerHandle {
  readonly words: Int32Array;
  readonly log: Buffer;
  readonly #worker: Worker;

  private constructor(worker: Worker, words: Int32Array, log: Buffer) {
    this.#worker = worker;
    this.words = words;
    this.log = log;
  }

  /** `script`: the bundle of server-thread.ts; `addon`: the native addon. */
  static async start(script: string, addon: string): Promise<ServerHandle> {
    const words = new SharedArrayBuffer(wordCount * 4);
    const log = new SharedArrayBuffer(logBytes);
    const workerData: ServerThreadData = { addon, words, log };
    const worker = new Worker(script, { workerData });
    await once(worker, 'message');
    return new ServerHandle(worker, new Int32Array(words), Buffer.from(log));
  }

  post(message: ToServer): void {
    this.#worker.postMessage(message);
  }

  /** Waits, blocking, while the state is `state`; returns the next one, or undefined when the deadline passes first. */
  leave(state: number, deadlineMs: number): number | undefined {
    const end = performance.now() + deadlineMs;
    for (;;) {
      const now = Atomics.load(this.words, WORD.state);
      if (now !== state) return now;
      const left = end - performance.now();
      if (left <= 0 || Atomics.wait(this.words, WORD.state, state, left) === 'timed-out') return undefined;
    }
  }

  /** What the server's thread left behind when it failed. */
  failure(): string | undefined {
    if (Atomics.load(this.words, WORD.state) !== STATE.failed) return undefined;
    return Buffer.from(this.log.subarray(0, this.words[WORD.used])).toString();
  }
}
