/** Reads from the console why a guest went away. */
import { consoleLines } from '../../harness/model/kernel-log/line.ts';
import { deathIn } from '../../harness/model/kernel-log/reader.ts';

/** What the kernel died of, with the panic's line; undefined when the console shows none. */
export function findPanic(lines: readonly string[]): string | undefined {
  return deathIn(consoleLines(lines))
    // arch/x86/boot/compressed/misc.c, error(): before the kernel proper
    ?? lines.map((line) => /System halted/.exec(line)?.[0]).find((halted) => halted !== undefined);
}

/**
 * The function in which an NMI met a kernel that was locked up: of the first `RIP: 0010:function+0x12/0x34`, or the outermost function that stands
 * behind the NMI's own frames.
 */
export function findInterrupted(lines: readonly string[]): string | undefined {
  for (const line of lines) {
    const match = /RIP: 0010:([A-Za-z_][\w.]*)\+0x/.exec(line);
    if (match) return match[1]!.replace(/\.(isra|constprop|part|cold)\b.*$/, '');
  }
  return undefined;
}

/** The failure that init announced on the console. */
export function findInitFailure(lines: readonly string[]): { code: string; message: string } | undefined {
  for (const line of lines.toReversed()) {
    const match = /^iomapfuzz-init: ([a-z-]+): (.*)$/.exec(line);
    if (match !== null && match[1] !== 'module-failed') return { code: match[1]!, message: match[2]! };
  }
  return undefined;
}
