/** What /proc says of threads: their states, and where in the kernel they are. */
import { readFileSync, readdirSync } from 'node:fs';
import type { HangingTask } from '../../../model/hang.ts';

export interface Threads {
  /** Process id of the agent; its first thread runs the workload. */
  agent: number;
  server: number;
  /** The thread that looks. */
  watch: number;
}

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    // It has ended, or the kernel does not tell.
    return undefined;
  }
};

const plain = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?');
/**
 * `[<0>] fuse_simple_request+0x123/0x456 [fuse]`: the function alone. Compilers append what a function was made of
 * (.isra.0, .cold).
 */
export const frameOf = (line: string): string =>
  plain(
    line
      .replace(/^\[<[0-9a-f]*>\] /, '')
      .replace(/\+0x.*$/, '')
      .replace(/\.(isra|constprop|part|cold)\b.*$/, ''),
  ).slice(0, 128);

/** /proc/TID/stat: `pid (name) state ppid ...`; the name may hold anything. */
export function parseStat(
  text: string,
): { name: string; state: string; parent: number; userTicks: number; kernelTicks: number } | undefined {
  const match = /^\d+ \(([^]*)\) (\S) (.*)$/m.exec(text);
  if (!match) return undefined;
  const fields = match[3]!.split(' ');
  return {
    name: match[1]!,
    state: match[2]!,
    parent: Number(fields[0]),
    userTicks: Number(fields[10]),
    kernelTicks: Number(fields[11]),
  };
}

/** Threads other than the watching one that could run now. `4th field of /proc/loadavg: running/all`. */
export function othersRunning(): number {
  const running = /^\S+ \S+ \S+ (\d+)\//.exec(read('/proc/loadavg') ?? '')?.[1];
  return running === undefined ? 1 : Math.max(Number(running) - 1, 0);
}

/** Context switches and processor time of a thread, by its number. */
export function usageOf(thread: number): { switches: number; userTicks: number; kernelTicks: number } {
  const status = read(`/proc/${thread}/status`) ?? '';
  const switches = [...status.matchAll(/ctxt_switches:\s*(\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
  const stat = parseStat(read(`/proc/${thread}/stat`) ?? '');
  return { switches, userTicks: stat?.userTicks ?? 0, kernelTicks: stat?.kernelTicks ?? 0 };
}

/** Ticks of the processor: idle ones, all. */
export function processorTicks(): { idle: number; all: number } {
  const fields = (/^cpu +(.*)$/m.exec(read('/proc/stat') ?? '')?.[1] ?? '').split(' ').map(Number);
  return { idle: (fields[3] ?? 0) + (fields[4] ?? 0), all: fields.slice(0, 8).reduce((sum, ticks) => sum + ticks, 0) };
}

/**
 * wait4, pause, futex, epoll_wait, poll, nanosleep and its like, waitid (arch/x86/entry/syscalls/syscall_64.tbl): the
 * guest's own waiting.
 */
const ownWaiting = new Set([7, 34, 35, 61, 202, 230, 232, 247, 281]);

/** It is inside the kernel for something that the kernel must bring to an end. */
export const isStuck = ({ state, syscall, stack }: HangingTask): boolean =>
  state === 'D' || (state === 'R' ? stack.length > 0 : syscall !== undefined && !ownWaiting.has(syscall));

const mostTasks = 32,
  mostFrames = 64;

/** The agent's threads and children, and whoever else waits uninterruptibly or runs. */
export function collectTasks({ agent, server, watch }: Threads): HangingTask[] {
  const found: HangingTask[] = [];
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    let threads: string[] = [];
    try {
      threads = readdirSync(`/proc/${pid}/task`);
    } catch {
      continue;
    }
    for (const thread of threads.map(Number)) {
      if (thread === watch) continue;
      const path = `/proc/${pid}/task/${thread}`;
      const stat = parseStat(read(`${path}/stat`) ?? '');
      if (!stat) continue;
      const role =
        thread === agent ? 'workload' : thread === server ? 'server' : stat.parent === agent ? 'child' : 'other';
      if (role === 'other' && stat.state !== 'D' && stat.state !== 'R') continue;
      // `0 0x14 ...` in a syscall, `running`, or -1 when it is blocked outside of one.
      const syscall = /^(\d+) /.exec(read(`${path}/syscall`) ?? '')?.[1];
      const stack = (read(`${path}/stack`) ?? '')
        .split('\n')
        .filter((line) => line !== '')
        .slice(0, mostFrames)
        .map(frameOf);
      found.push({
        role,
        name: plain(stat.name).slice(0, 64),
        state: plain(stat.state),
        ...(syscall !== undefined && { syscall: Number(syscall) }),
        stack,
      });
    }
  }
  return found.sort((a, b) => rank(a) - rank(b)).slice(0, mostTasks);
}

const roles: readonly HangingTask['role'][] = ['workload', 'child', 'other', 'server'];
/**
 * What is stuck comes first, the workload before those that work for it. A server that waits for requests has nothing
 * to do with it.
 */
const rank = (task: HangingTask): number =>
  (isStuck(task) && !(task.role === 'server' && task.syscall === 0 && task.state === 'S') ? 0 : 10) +
  roles.indexOf(task.role);
