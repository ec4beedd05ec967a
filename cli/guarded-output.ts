/**
 * The last gate of what this program prints: whatever way a kernel's text took, it moves no cursor, answers no terminal
 * and gives the CI system that keeps the log no command. Bytes are passed on as they are: they are the output of a
 * command that the user runs in a guest (`serve`, `vm run`), like that of any remote shell.
 */
import { plainText, withoutLogCommands } from '../model/plain-text.ts';

/**
 * Colours, the end of a line that is erased, and the return to its start: what this program itself tells a terminal.
 */
const own = /\u001b\[[0-9;]*m|\u001b\[K|^\r|\r(?=\u001b\[K)/g;

/** `text` with nothing that acts but this program's own colours and progress lines. */
export function guarded(text: string): string {
  let out = '';
  let from = 0;
  for (const match of text.matchAll(own)) {
    out += plainText(text.slice(from, match.index)) + match[0];
    from = match.index + match[0].length;
  }
  return withoutLogCommands(out + plainText(text.slice(from)));
}

/** From now on texts that are written to `stream` pass the gate. */
export function guardOutput(stream: NodeJS.WriteStream): void {
  const write = stream.write.bind(stream) as (chunk: unknown, ...rest: unknown[]) => boolean;
  stream.write = ((chunk: unknown, ...rest: unknown[]) =>
    write(typeof chunk === 'string' ? guarded(chunk) : chunk, ...rest)) as typeof stream.write;
}
