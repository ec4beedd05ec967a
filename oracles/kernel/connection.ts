/**
 * The connection to the server as the model's requests see it: when it has ended, nobody is asked any more. Linux,
 * fs/fuse/dev.c, fuse_abort_conn: what is in flight ends with ECONNABORTED, fuse_get_req: what comes later with
 * ENOTCONN.
 */
import type { Exchange } from '../../model/observation.ts';
import { errnos } from '../../uapi/errno.ts';
import type { Driver, ExpectedRequest } from './driver.ts';
import { plainFields } from './driver.ts';

export class Connection implements Driver {
  /** Told of every exchange whose place is known. */
  onExchange: ((exchange: Exchange) => void) | undefined;
  #ended: Exchange['ended'];
  readonly #inner: Driver;

  constructor(inner: Driver) {
    this.#inner = inner;
  }

  get simulated(): boolean {
    return this.#inner.simulated;
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  choose(count: number): number {
    return this.#inner.choose(count);
  }

  request(expected: ExpectedRequest): Exchange {
    return this.#ended ? this.#notSent(expected) : this.#note(this.#inner.request(expected));
  }

  maybe(expected: ExpectedRequest, plain: boolean, step: number): Exchange | undefined {
    if (this.#ended) return plain ? this.#notSent(expected) : undefined;
    const exchange = this.#inner.maybe(expected, plain, step);
    return exchange && this.#note(exchange);
  }

  owed(expected: ExpectedRequest, step: number): Exchange | undefined {
    if (this.#ended) return this.#notSent(expected);
    const exchange = this.#inner.owed(expected, step);
    return exchange && this.#note(exchange);
  }

  peek(step: number): Exchange | undefined {
    return this.#ended ? undefined : this.#inner.peek(step);
  }

  nextBut(step: number, passed: (exchange: Exchange) => boolean): Exchange | undefined {
    return this.#ended ? undefined : this.#inner.nextBut(step, passed);
  }

  loose(expected: ExpectedRequest, step: number): void {
    if (!this.#ended) this.#inner.loose(expected, step);
  }

  come(name: string, file: number, step: number): readonly Exchange[] {
    return this.#inner.come(name, file, step);
  }

  #note(exchange: Exchange): Exchange {
    this.onExchange?.(exchange);
    if (exchange.ended) this.#ended = exchange.ended;
    return exchange;
  }

  /**
   * What the kernel makes of a request that it cannot send. The last request of a server that dies ends before the
   * connection does (fs/fuse/dev.c, fuse_dev_release): what is asked in between is in flight when that ends.
   */
  #notSent(expected: ExpectedRequest): Exchange {
    const errno = this.#ended !== 'abort' && this.choose(2) === 1 ? errnos.ECONNABORTED : errnos.ENOTCONN;
    return {
      seq: -1,
      unique: 0n,
      opcode: 0,
      name: expected.name,
      nodeid: 0n,
      request: plainFields(expected.fields),
      reply: { error: -errno, payload: new Uint8Array() },
      ...(expected.file !== undefined && { file: expected.file }),
    };
  }
}
