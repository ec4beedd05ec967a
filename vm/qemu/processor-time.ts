/** Processor time that a process has used. */
import { readFileSync, readdirSync } from 'node:fs';

/** What /proc counts in (getconf CLK_TCK): 100 on every architecture that Linux runs QEMU on. */
const tickMs = 10;

/** Milliseconds in user and kernel mode, all threads; undefined: it has ended, or is stopped from outside. */
export function processorMs(pid: number): number | undefined {
  try {
    // `pid (name) state ...`; the name may hold anything.
    const fields = readFileSync(`/proc/${String(pid)}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    return fields[0] === 'T' || fields[0] === 't' ? undefined : (Number(fields[11]) + Number(fields[12])) * tickMs;
  } catch {
    return undefined;
  }
}

export interface ProcessorTime {
  /** Milliseconds in user and kernel mode, all threads. */
  usedMs: number;
  /**
   * Milliseconds that its threads were ready to run and another had the processor; undefined: this kernel does not
   * count them.
   */
  waitedMs?: number;
}

/** Undefined: the process has ended, or is stopped from outside. */
export function processorTime(pid: number): ProcessorTime | undefined {
  const usedMs = processorMs(pid);
  if (usedMs === undefined) return undefined;
  const waitedMs = runQueueMs(pid);
  return { usedMs, ...(waitedMs !== undefined && { waitedMs }) };
}

/** Source: Documentation/scheduler/sched-stats.rst, /proc/PID/schedstat; the second figure counts nanoseconds. */
function runQueueMs(pid: number): number | undefined {
  try {
    const tasks = readdirSync(`/proc/${String(pid)}/task`).map((task) =>
      readFileSync(`/proc/${String(pid)}/task/${task}/schedstat`, 'latin1').split(' '),
    );
    // All zeros: the kernel has the file and does not count.
    if (tasks.every(([, , turns]) => Number(turns) === 0)) return undefined;
    return tasks.reduce((sum, [, waited]) => sum + Number(waited) / 1e6, 0);
  } catch {
    return undefined;
  }
}

/** The child of process `parent` whose name begins like that. */
export function childNamed(parent: number, name: string): number | undefined {
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      const match = /^\d+ \((.*)\) \S (\d+) /s.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'));
      if (match && Number(match[2]) === parent && match[1]!.startsWith(name)) return Number(pid);
    } catch {
      // It has ended.
    }
  }
  return undefined;
}
