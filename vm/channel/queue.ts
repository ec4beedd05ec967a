/**
 * Messages on their way from a guest to whoever waits for them; after the last one, the reason why there are no more.
 */

/** The receiver does not want to wait any more; the queue is as it was. */
export class WaitingEnded extends Error {
  override name = 'WaitingEnded';
}

export class MessageQueue<M> {
  #messages: M[] = [];
  #waiting: { resolve: (message: M) => void; reject: (error: Error) => void } | undefined;
  #end: Error | undefined;

  /** Why no more messages come; set once. */
  get ended(): Error | undefined {
    return this.#end;
  }

  /** Messages that wait. */
  get length(): number {
    return this.#messages.length;
  }

  push(message: M): void {
    const waiting = this.#waiting;
    if (waiting === undefined) {
      this.#messages.push(message);
      return;
    }
    // At once: several messages of one chunk arrive before the receiver runs.
    this.#waiting = undefined;
    waiting.resolve(message);
  }

  end(reason: Error): void {
    if (this.#end !== undefined) return;
    this.#end = reason;
    this.#waiting?.reject(reason);
  }

  /**
   * The next message. After `deadlineMs` (Infinity: never) without one `onDeadline` is called; it should `end()` the
   * queue. `signal` ends the waiting alone.
   */
  async take(deadlineMs: number, onDeadline: () => void, signal?: AbortSignal): Promise<M> {
    const ready = this.#messages.shift();
    if (ready !== undefined) return ready;
    if (this.#end !== undefined) throw this.#end;
    if (this.#waiting !== undefined) throw new Error('two receivers wait for one guest');
    if (signal?.aborted) throw new WaitingEnded();
    let timer: NodeJS.Timeout | undefined;
    const stop = (): void => this.#waiting?.reject(new WaitingEnded());
    signal?.addEventListener('abort', stop);
    try {
      return await new Promise<M>((resolve, reject) => {
        this.#waiting = { resolve, reject };
        // setTimeout takes longer ones for none at all
        if (deadlineMs <= 0x7fff_ffff) timer = setTimeout(onDeadline, deadlineMs);
      });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
      this.#waiting = undefined;
    }
  }
}
