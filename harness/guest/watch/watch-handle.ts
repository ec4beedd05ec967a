/** The watching thread as the agent's first thread sees it. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { PortAccess } from '../port.ts';
import type { WatchCommand, WatchThreadData } from './messages.ts';
import { Progress } from './progress.ts';

export class WatchHandle {
  readonly progress: Progress;
  readonly #worker: Worker;

  private constructor(worker: Worker, progress: Progress) {
    this.#worker = worker;
    this.progress = progress;
  }

  /** `script`: the bundle of watch-thread.ts. Resolves when it watches. */
  static async start(script: string, addon: string, port: PortAccess): Promise<WatchHandle> {
    const memory = new SharedArrayBuffer(64);
    const workerData: WatchThreadData = { addon, progress: memory, port, agent: process.pid };
    const worker = new Worker(script, { workerData });
    await once(worker, 'message');
    return new WatchHandle(worker, new Progress(memory));
  }

  command(command: WatchCommand): void {
    this.#worker.postMessage(command);
  }
}
