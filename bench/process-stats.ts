/** What processes of this machine have used, from /proc (proc(5)). */
import { readFileSync, readdirSync } from 'node:fs';

/** USER_HZ is 100 on every architecture that runs here. */
const msPerTick = 10;

const fieldsOf = (pid: number): string[] => {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
};

/** Processor time of all threads, user and system, in ms. */
export function cpuMs(pid: number): number {
  const fields = fieldsOf(pid);
  return (Number(fields[11]) + Number(fields[12])) * msPerTick;
}

/** VmHWM, the most memory that was resident, in MiB. */
export const peakMib = (pid: number): number => mibOf(readFileSync(`/proc/${pid}/status`, 'latin1'), 'VmHWM');

/** The field `name` of a text like /proc/meminfo, in MiB. */
export const mibOf = (text: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(text)?.[1] ?? Number.NaN) / 1024;

/** Descendants of this process that run `program`. */
export function descendants(program: string): number[] {
  const parents = new Map<number, number>();
  const named: number[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const text = readFileSync(`/proc/${name}/stat`, 'latin1');
      parents.set(Number(name), Number(fieldsOf(Number(name))[1]));
      // The kernel keeps 15 bytes of a name.
      if (text.slice(text.indexOf('(') + 1, text.lastIndexOf(')')) === program.slice(0, 15)) named.push(Number(name));
    } catch {
      // It ended meanwhile.
    }
  }
  return named.filter((pid) => {
    let at: number | undefined = pid;
    while (at !== undefined && at > 1 && at !== process.pid) at = parents.get(at);
    return at === process.pid;
  });
}
