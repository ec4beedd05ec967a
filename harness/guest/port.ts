/** The guest's end of the results channel: frames over the virtio-serial port. */
import { closeSync, openSync, read, writeSync } from 'node:fs';
import { FrameDecoder } from '../model/frame.ts';
import { encodeGuestFrame } from '../model/guest-message.ts';
import type { GuestMessage, HostMessage } from '../model/channel.ts';

const readBytes = 1 << 20;

export class Port {
  readonly #fd: number;

  /** `path` is the port's device, /dev/vportNpM. Only one process can have it open (EBUSY otherwise). */
  constructor(path: string) {
    this.#fd = openSync(path, 'r+');
  }

  /** Blocks until the host took it: what was sent is there even if the kernel dies next. */
  send(...messages: GuestMessage[]): void {
    const frames = messages.map(encodeGuestFrame);
    const bytes = frames.length === 1 ? frames[0]! : Buffer.concat(frames);
    for (let done = 0; done < bytes.length;) done += writeSync(this.#fd, bytes, done);
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
