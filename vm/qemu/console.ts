/** The guest's serial console: the kernel log as text lines, the last of them kept, all of them in a file if wanted. */
import { plainText } from '../../model/plain-text.ts';
import type { GuestLog } from './console-log.ts';

const keptLines = 2000;
/** A guest that prints without a newline must not fill the host's memory. */
const longestLine = 4096;

export class Console {
  #lines: string[] = [];
  #partial = '';
  /** Lines that were not kept. */
  #dropped = 0;
  readonly #log: GuestLog | undefined;
  #listeners = new Set<(line: string) => void>();
  #decoder = new TextDecoder();

  /** `log` receives every byte. */
  constructor(log?: GuestLog) {
    this.#log = log;
  }

  write(bytes: Uint8Array): void {
    this.#log?.write(bytes);
    const parts = (this.#partial + this.#decoder.decode(bytes, { stream: true })).split('\n');
    this.#partial = parts.pop()!;
    if (this.#partial.length > longestLine) {
      parts.push(this.#partial);
      this.#partial = '';
    }
    for (const part of parts) this.#add(part);
  }

  end(): void {
    if (this.#partial !== '') this.#add(this.#partial);
    this.#partial = '';
    this.#log?.end();
  }

  /** The last lines, oldest first, as plain text. */
  tail(count = keptLines): string[] {
    return [...this.#lines, ...(this.#partial === '' ? [] : [clean(this.#partial)])].slice(-count);
  }

  /** The same for people: where something came before, the first line says how much. */
  excerpt(count = keptLines): string[] {
    const lines = this.tail(count);
    const all = this.#dropped + this.#lines.length + (this.#partial === '' ? 0 : 1);
    const missing = all - lines.length;
    return missing > 0 ? [`[${missing} earlier lines of the console are not here]`, ...lines] : lines;
  }

  /** Calls back with every line from now on; the returned function ends that. */
  onLine(listener: (line: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #add(raw: string): void {
    const line = clean(raw);
    this.#lines.push(line);
    if (this.#lines.length > 2 * keptLines) {
      this.#dropped += this.#lines.length - keptLines;
      this.#lines = this.#lines.slice(-keptLines);
    }
    for (const listener of this.#listeners) listener(line);
  }
}

/** Serial lines end in CR LF. */
const clean = (line: string): string => plainText(line.replace(/\r+$/, ''));
