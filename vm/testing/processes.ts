/** Processes of the machine, for tests of what is left behind. */
import { readFileSync, readdirSync } from 'node:fs';

/** Process ids whose command line names this directory. */
export function processesThatName(directory: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${directory}/`);
      } catch {
        return false;
      }
    });
}
