/** Reads from the console why a guest went away. */
import { consoleLines } from '../../harness/model/kernel-log/line.ts';
import { deathIn } from '../../harness/model/kernel-log/reader.ts';

/** What the kernel died of, with the panic's line; undefined when the console shows none. */
export function findPanic(lines: readonly string[]): string | undefined {
  return deathIn(consoleLines(lines))
    // arch/x86/boot/compressed/misc.c, error(): before the kernel proper
    ?? lines.map((line) => /System halted/.exec(line)?.[0]).find((halted) => halted !== undefined);
}

/** The failure that init announced on the console. */
export function findInitFailure(lines: readonly string[]): { code: string; message: string } | undefined {
  for (const line of lines.toReversed()) {
    const match = /^iomapfuzz-init: ([a-z-]+): (.*)$/.exec(line);
    if (match !== null && match[1] !== 'module-failed') return { code: match[1]!, message: match[2]! };
  }
  return undefined;
}
