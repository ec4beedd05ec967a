/**
 * The file of --console-log: what every guest prints, in the order in which it comes. Guests that run at the same time
 * share it: their lines stay whole, and a header names the guest where another one goes on than before.
 */
import { openSync, writeSync } from 'node:fs';

/** A guest that prints without a newline must not fill the host's memory. */
const longestLine = 1 << 16;
/** Nor its disk: a debug kernel that reports all day prints a hundredth of this. */
const mostBytesOfGuest = 256 << 20;

/** A guest's part of the file. */
export interface GuestLog {
  /** Bytes of the guest's console as they come. */
  write(bytes: Uint8Array): void;
  /** The guest is gone. */
  end(): void;
}

class ConsoleLog {
  readonly #fd: number;
  #guests = 0;
  #last: number | undefined;

  constructor(file: string) {
    this.#fd = openSync(file, 'a', 0o644);
  }

  guest(name: string, mostBytes: number): GuestLog {
    const number = ++this.#guests;
    let partial = Buffer.alloc(0);
    let written = 0;
    const write = (bytes: Buffer): void => {
      if (bytes.length === 0 || written > mostBytes) return;
      written += bytes.length;
      if (this.#last !== number) writeSync(this.#fd, `==> guest ${String(number)}: ${name} <==\n`);
      this.#last = number;
      writeSync(this.#fd, bytes);
      if (written > mostBytes)
        writeSync(
          this.#fd,
          `\n==> guest ${String(number)} printed more than ${String(mostBytes)} bytes: the rest is left out <==\n`,
        );
    };
    return {
      write: (bytes) => {
        const all = Buffer.concat([partial, bytes]);
        const end = all.length > longestLine ? all.length : all.lastIndexOf(10) + 1;
        write(all.subarray(0, end));
        partial = all.subarray(end);
      },
      end: () => {
        if (partial.length > 0) write(Buffer.concat([partial, Buffer.from('\n')]));
        partial = Buffer.alloc(0);
      },
    };
  }
}

/** Open as long as this process lives: a guest may come at any time. */
const logs = new Map<string, ConsoleLog>();

/** `name`: how this guest runs, for its headers. The file is made, or added to; throws when it cannot be opened. */
export function openConsoleLog(file: string, name: string, mostBytes = mostBytesOfGuest): GuestLog {
  const log = logs.get(file) ?? new ConsoleLog(file);
  logs.set(file, log);
  return log.guest(name, mostBytes);
}
