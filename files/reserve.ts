/** Space that is kept free on a disk, for the last words of who fills it. */
import { randomUUID } from 'node:crypto';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** A summary of the whole plan is 440 KB. */
const RESERVED_BYTES = 1 << 20;

/** Taken by a file without a name, so that it is free again whatever ends the process. */
export class Reserve {
  #fd: number | undefined;

  /** In the file system of `directory`. A disk that is full already keeps nothing. */
  constructor(directory: string) {
    const path = join(directory, `.reserve-${randomUUID()}`);
    try {
      this.#fd = openSync(path, 'wx');
      rmSync(path);
      writeSync(this.#fd, Buffer.alloc(RESERVED_BYTES));
    } catch {
      this.release();
    }
  }

  /** May be called again. */
  release(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}
