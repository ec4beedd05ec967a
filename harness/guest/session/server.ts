/**
 * The session loop: reads requests from /dev/fuse, has them answered, writes the replies. Blocks the thread that runs
 * it.
 */
import { constants } from 'node:os';
import type { Native } from '../../native/index.ts';
import { operationsOf } from '../../../uapi/fuse-operations.ts';
import type { InitIn } from '../../../uapi/fuse-structs.ts';
import { decodeRequest, encodeNotification, encodeReply, type Request } from '../../../uapi/fuse-wire.ts';
import { encodeAnswer, succeed, type Answer } from '../../../server/answer.ts';
import { initReply, maxWriteBytes, type InitAnswer } from './init.ts';

const { errno } = constants;
const POLLIN = 1;

export interface ServerHooks {
  /** What a request is answered; `held` keeps it for `answerLater`. */
  answer(request: Request): Answer;
  /** What INIT is answered instead of the ordinary reply. */
  answerInit?(request: Request): Answer | undefined;
  /** Right after the kernel took the answer to INIT: the place to register devices. */
  initialised?(init: InitIn): void;
  /**
   * After every reply: bytes of the request in buffer[0, length), bytes of the reply as sent (absent: none), and the
   * errno of its write(), 0 on success.
   */
  record?(buffer: Buffer, length: number, reply: Buffer | undefined, writeErrno: number, request: Request): void;
  /** After every reply, late ones included: the reply as sent (absent: none) and the errno of its write(). */
  replied?(request: Request, reply: Buffer | undefined, writeErrno: number): void;
  /** Ends the connection while a request is in flight; its bytes in buffer[0, length). */
  end?(how: 'die' | 'kill' | 'abort', buffer: Buffer, length: number): void;
  /** Asked while the file system is not mounted yet: true gives up waiting for the mount. */
  abandoned?(): boolean;
}

/** Why a session ended. */
export type SessionEnd =
  /** Unmounted, or aborted through the control file system. */
  | { kind: 'disconnected' }
  | { kind: 'abandoned' }
  /** The server closed /dev/fuse itself. */
  | { kind: 'died' }
  | { kind: 'read-failed'; errno: number };

interface Timer {
  dueMs: number;
  run: () => void;
}

export class Server {
  readonly #native: Native;
  readonly #fd: number;
  readonly #init: InitAnswer;
  readonly #hooks: ServerHooks;
  readonly #operations;
  /** The kernel refuses to read with less room than a whole WRITE request (fs/fuse/dev.c, fuse_dev_do_read). */
  readonly #buffer = Buffer.allocUnsafeSlow(maxWriteBytes + 8192);
  #timers: Timer[] = [];

  constructor(native: Native, fd: number, init: InitAnswer, hooks: ServerHooks) {
    this.#native = native;
    this.#fd = fd;
    this.#init = init;
    this.#hooks = hooks;
    this.#operations = operationsOf(init.revision);
  }

  /** Serves until the connection ends. */
  run(): SessionEnd {
    const buffer = this.#buffer;
    for (;;) {
      if (this.#timers.length > 0 && !this.#runTimers()) continue;
      const got = this.#native.read(this.#fd, buffer, 0, buffer.length);
      if (got > 0) {
        if (this.#serve(buffer, got) === 'died') return { kind: 'died' };
        continue;
      }
      switch (-got) {
        case 0:
        case errno.ENODEV:
        case errno.ECONNABORTED:
          return { kind: 'disconnected' };
        // The request was interrupted before it could be read.
        case errno.ENOENT:
        case errno.EAGAIN:
          continue;
        case errno.EPERM:
          // Not mounted yet (fs/fuse/dev.c, fuse_get_dev).
          if (this.#hooks.abandoned?.()) return { kind: 'abandoned' };
          sleep(1);
          continue;
        default:
          return { kind: 'read-failed', errno: -got };
      }
    }
  }

  /** Runs `callback` on this loop in `delayMs` or a little later. */
  after(delayMs: number, callback: () => void): void {
    this.#timers.push({ dueMs: performance.now() + delayMs, run: callback });
    this.#timers.sort((a, b) => a.dueMs - b.dueMs);
  }

  /** Answers a request that was held. Returns 0 or the errno of the write. */
  answerLater(request: Request, answer: Answer): number {
    return this.#send(request, answer).writeErrno;
  }

  /** Sends a notification. Returns 0 or the errno that write() gave. */
  notify(code: number, payload: Uint8Array): number {
    return this.#write(encodeNotification(code, payload));
  }

  /** True: nothing is due and a request is waiting. */
  #runTimers(): boolean {
    const next = this.#timers[0]!;
    const waitMs = next.dueMs - performance.now();
    if (waitMs <= 0) {
      this.#timers.shift();
      next.run();
      return false;
    }
    const ready = this.#native.poll(this.#fd, POLLIN, Math.ceil(waitMs));
    if (ready === -errno.EINTR || ready === 0) return false;
    return true;
  }

  #serve(buffer: Buffer, length: number): 'died' | undefined {
    const request = decodeRequest(this.#operations, buffer, length);
    if (request.name === 'INIT') {
      const init = request.args as InitIn;
      const answer = this.#hooks.answerInit?.(request) ?? succeed(initReply(init, this.#init));
      if (answer.kind === 'end') return this.#end(answer.how, buffer, length);
      const { reply, writeErrno } = this.#send(request, answer);
      if (writeErrno === 0) this.#hooks.initialised?.(init);
      this.#hooks.record?.(buffer, length, reply, writeErrno, request);
      return undefined;
    }
    const answer = this.#hooks.answer(request);
    if (answer.kind === 'end') return this.#end(answer.how, buffer, length);
    const { reply, writeErrno } = this.#send(request, answer);
    this.#hooks.record?.(buffer, length, reply, writeErrno, request);
    return undefined;
  }

  #end(how: 'die' | 'kill' | 'abort', buffer: Buffer, length: number): 'died' | undefined {
    this.#hooks.end?.(how, buffer, length);
    return how === 'abort' ? undefined : 'died';
  }

  #send(request: Request, answer: Answer): { reply?: Buffer; writeErrno: number } {
    const reply = encodeAnswer(request.unique, answer);
    if (!reply) {
      this.#hooks.replied?.(request, undefined, 0);
      return { writeErrno: 0 };
    }
    const writeErrno = this.#write(reply);
    // A reply that the kernel could not match to its request leaves the caller waiting for ever: end the request. When
    // the kernel ended it already, this is ENOENT.
    if (writeErrno !== 0 && answer.kind === 'raw') this.#write(encodeReply(request.unique, -errno.EIO));
    this.#hooks.replied?.(request, reply, writeErrno);
    return { reply, writeErrno };
  }

  #write(message: Buffer): number {
    const ret = this.#native.write(this.#fd, message, 0, message.length);
    return ret < 0 ? -ret : 0;
  }
}

const cell = new Int32Array(new SharedArrayBuffer(4));
export const sleep = (ms: number): void => {
  Atomics.wait(cell, 0, 0, ms);
};
