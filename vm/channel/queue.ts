/** Messages on their way from a guest to whoever waits for them; after the last one, the reason why there are no more. */

export class MessageQueue<M> {
  #messages: M[] = [];
  #waiting: { resolve: (message: M) => void; reject: (error: Error) => void } | undefined;
  #end: Error | undefined;

  /** Why no more messages come; set once. */
  get ended(): Error | undefined {
    return this.#end;
  }

  push(message: M): void {
    if (this.#waiting === undefined) this.#messages.push(message);
    else this.#waiting.resolve(message);
  }

  end(reason: Error): void {
    if (this.#end !== undefined) return;
    this.#end = reason;
    this.#waiting?.reject(reason);
  }

  /** The next message. After `deadlineMs` without one `onDeadline` is called; it should `end()` the queue. */
  async take(deadlineMs: number, onDeadline: () => void): Promise<M> {
    const ready = this.#messages.shift();
    if (ready !== undefined) return ready;
    if (this.#end !== undefined) throw this.#end;
    if (this.#waiting !== undefined) throw new Error('two receivers wait for one guest');
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<M>((resolve, reject) => {
        this.#waiting = { resolve, reject };
        timer = setTimeout(onDeadline, deadlineMs);
      });
    } finally {
      clearTimeout(timer);
      this.#waiting = undefined;
    }
  }
}
