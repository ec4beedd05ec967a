/** Reads from the console why a guest went away. */
import { consoleLines } from '../../model/kernel-log/line.ts';
import { deathIn } from '../../model/kernel-log/reader.ts';

/** What the kernel died of, with the panic's line; undefined when the console shows none. */
export function findPanic(lines: readonly string[]): string | undefined {
  return (
    deathIn(consoleLines(lines)) ??
    // arch/x86/boot/compressed/misc.c, error(): before the kernel proper
    lines.map((line) => /System halted/.exec(line)?.[0]).find((halted) => halted !== undefined)
  );
}

/**
 * The function in which an NMI met a kernel that was locked up: of the first `RIP: 0010:function+0x12/0x34`. A tick of
 * the clock that the NMI met there is over soon: then the function below it is meant, whose registers follow.
 */
export function findInterrupted(lines: readonly string[]): string | undefined {
  const first = lines.findIndex((line) => functionAt(line) !== undefined);
  if (first < 0) return undefined;
  const end = lines.findIndex((line, index) => index > first && line.includes('</IRQ>'));
  const inTick = end > 0 && lines.slice(first, end).some((line) => line.includes(' sysvec_apic_timer_interrupt+'));
  const below = inTick
    ? lines
        .slice(end)
        .map(functionAt)
        .find((name) => name !== undefined)
    : undefined;
  return below ?? functionAt(lines[first]!);
}

const functionAt = (line: string): string | undefined =>
  /RIP: 0010:([A-Za-z_][\w.]*)\+0x/.exec(line)?.[1]!.replace(/\.(isra|constprop|part|cold)\b.*$/, '');

/** The failure that init announced on the console. */
export function findInitFailure(lines: readonly string[]): { code: string; message: string } | undefined {
  for (const line of lines.toReversed()) {
    const match = /^iomapfuzz-init: ([a-z-]+): (.*)$/.exec(line);
    if (match !== null && match[1] !== 'module-failed') return { code: match[1]!, message: match[2]! };
  }
  return undefined;
}
