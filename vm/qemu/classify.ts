/** Reads from the console why a guest went away. */

/** Ordered: the first pattern that any line matches names the reason. The panic line says more than what led to it. */
const fatal: readonly { pattern: RegExp }[] = [
  // kernel/panic.c, vpanic()
  { pattern: /Kernel panic - not syncing: .*/ },
  // arch/x86/mm/fault.c and arch/x86/kernel/traps.c; with oops=panic the panic line follows, unless the log was cut off
  { pattern: /BUG: (?:unable to handle|kernel NULL pointer|stack guard page).*/ },
  { pattern: /Oops: .*/ },
  { pattern: /general protection fault.*/ },
  // lib/bug.c
  { pattern: /kernel BUG at .*/ },
  // arch/x86/boot/compressed/misc.c, error(): before the kernel proper
  { pattern: /System halted/ },
];

/** What led to a panic, from the lines before it; the most telling first. */
const cause: readonly RegExp[] = [
  /BUG: .*/, /Oops: .*/, /kernel BUG at .*/, /general protection fault.*/, /Unable to mount root fs.*/, /No working init found.*/,
];

/** The panic's headline with its cause, or undefined when the console shows none. */
export function findPanic(lines: readonly string[]): string | undefined {
  for (const { pattern } of fatal) {
    const index = lines.findIndex((line) => pattern.test(line));
    if (index < 0) continue;
    const headline = pattern.exec(lines[index]!)![0];
    for (const because of cause) {
      const line = lines.slice(0, index).findLast((text) => because.test(text));
      if (line !== undefined) return `${because.exec(line)![0]} (${headline})`;
    }
    return headline;
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
