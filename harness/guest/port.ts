/** The guest's end of the results channel: frames over the virtio-serial port. */
import { closeSync, openSync, read, writeSync } from 'node:fs';
import { FrameDecoder } from '../../model/frame.ts';
import { encodeGuestFrame } from '../../model/guest-message.ts';
import type { GuestMessage, HostMessage } from '../../model/channel.ts';

const readBytes = 1 << 20;

/** An open port as another thread gets it. */
export interface PortAccess {
  fd: number;
  /** One word: 1 while a thread writes. A frame goes out in several pieces. */
  lock: SharedArrayBuffer;
}
/** A thread that cannot write for so long keeps what it has to say to itself. */
const lockDeadlineMs = 2000;

export class Port {
  readonly #fd: number;
  readonly #lock: Int32Array;

  private constructor({ fd, lock }: PortAccess) {
    this.#fd = fd;
    this.#lock = new Int32Array(lock);
  }

  /** `path` is the port's device, /dev/vportNpM. Only one process can have it open (EBUSY otherwise). */
  static open(path: string): Port {
    return new Port({ fd: openSync(path, 'r+'), lock: new SharedArrayBuffer(4) });
  }

  /** The port that another thread has opened. */
  static shared(access: PortAccess): Port {
    return new Port(access);
  }

  get access(): PortAccess {
    return { fd: this.#fd, lock: this.#lock.buffer as SharedArrayBuffer };
  }

  /** Blocks until the host took it: what was sent is there even if the kernel dies next. */
  send(...messages: GuestMessage[]): void {
    this.#take(Infinity);
    this.#write(messages);
  }

  /** As `send`, unless another thread writes without end: false. */
  trySend(...messages: GuestMessage[]): boolean {
    if (!this.#take(lockDeadlineMs)) return false;
    this.#write(messages);
    return true;
  }

  #take(deadlineMs: number): boolean {
    const end = performance.now() + deadlineMs;
    while (Atomics.compareExchange(this.#lock, 0, 0, 1) !== 0) {
      Atomics.wait(this.#lock, 0, 1, 10);
      if (performance.now() > end) return false;
    }
    return true;
  }

  #write(messages: readonly GuestMessage[]): void {
    try {
      const frames = messages.map(encodeGuestFrame);
      const bytes = frames.length === 1 ? frames[0]! : Buffer.concat(frames);
      for (let done = 0; done < bytes.length;) done += writeSync(this.#fd, bytes, done);
    } finally {
      Atomics.store(this.#lock, 0, 0);
      Atomics.notify(this.#lock, 0, 1);
    }
  }

  /** Calls back with every message from the host; the promise rejects when the port cannot be read any more. */
  listen(receive: (message: HostMessage) => void): Promise<never> {
    const decoder = new FrameDecoder<HostMessage>();
    const chunk = Buffer.alloc(readBytes);
    return new Promise((_, reject) => {
      const next = (): void => {
        read(this.#fd, chunk, 0, chunk.length, null, (error, bytes) => {
          if (error !== null) {
            reject(error);
            return;
          }
          try {
            // 0: the host is not connected (drivers/char/virtio_console.c, port_fops_read)
            if (bytes === 0) setTimeout(next, 10);
            else {
              for (const message of decoder.push(Buffer.from(chunk.subarray(0, bytes)))) receive(message);
              next();
            }
          } catch (thrown) {
            reject(thrown instanceof Error ? thrown : new Error(String(thrown)));
          }
        });
      };
      next();
    });
  }

  close(): void {
    closeSync(this.#fd);
  }
}
