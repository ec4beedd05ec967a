import { causeOfHang } from '../hang.ts';

/**
 * What a kernel's message says besides addresses, processors, tasks and line numbers: the same for one fault in every
 * run and on every machine.
 */
const VARIABLE: readonly [pattern: RegExp, replacement: string][] = [
  // `iomap_add_to_ioend+0x98/0x3b0`: the function stays, the place in it moves with every build.
  [/\+0x[0-9a-f]+\/0x[0-9a-f]+/gi, ''],
  [/\bCPU#?:? ?\d+\b/gi, ''],
  [/\b(PID|pid|Tainted|Comm|comm):? ?\S+/g, ''],
  [/: [\w.-]+\/(u?\d+:)?\d+\b/g, ''],
  [/\bby task [\w./:-]+/g, 'by task'],
  // `fs/iomap/ioend.c:235`
  [/(\.[ch]):\d+/g, '$1'],
  [/,? (at )?line \d+/g, ''],
  [/\(\d+ of \d+ tries\)/g, ''],
  [/\b\d+(\.\d+)? ?(m?s|seconds?)\b/g, ''],
  [/\b(0x)?[0-9a-f]{8,16}\b/gi, '#'],
  [/0x[0-9a-f]+|\b\d+\b/gi, '#'],
];

/** What tells what the kernel says or does apart from other things that it says. */
export const causeInLog = (text: string): string => causeOfHang(text) ?? messageWithoutNumbers(text);

export function messageWithoutNumbers(text: string): string {
  let plain = text;
  for (const [pattern, replacement] of VARIABLE) plain = plain.replace(pattern, replacement);
  return plain
    .replace(/[\s,;:]+$/, '')
    .replace(/\s+/g, ' ')
    .replace(/ ,/g, ',')
    .trim();
}
