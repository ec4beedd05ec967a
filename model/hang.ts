/**
 * What a guest finds out about a kernel that does not come back: measured inside of it, so that a slow host proves
 * nothing.
 */
/** What the guest was at. */
export const phases = ['idle', 'mount', 'step', 'close', 'settle', 'devices', 'unmount', 'table'] as const;
export type Phase = (typeof phases)[number];

export interface HangingTask {
  /**
   * `workload`: the thread that runs the case's steps; `server`: the one that answers requests; `child`: a process of
   * the workload.
   */
  role: 'workload' | 'server' | 'child' | 'other';
  name: string;
  /** As in /proc/PID/stat: D cannot be interrupted, R runs, S sleeps. */
  state: string;
  /** Number of the syscall that it is in; absent: it is in none, or runs. */
  syscall?: number;
  /** Functions, innermost first, without addresses. */
  stack: string[];
}

export interface Hang {
  /**
   * `waits`: nothing in the guest could run, look after look. `runs`: the kernel is busy and gets nowhere. `restless`:
   * threads wake up and go to sleep again without getting anywhere, while the processor is idle.
   */
  how: 'waits' | 'runs' | 'restless';
  /** `guest`: no thread is inside of the kernel, so that iomapfuzz itself is at fault. */
  blame: 'kernel' | 'guest';
  during: Phase;
  /** Index of the case; absent: what hangs belongs to none (the mount of earlier cases is removed). */
  index?: number;
  /** Index of the workload's step. */
  step?: number;
  /** By the guest's clock. */
  milliseconds: number;
  /** Those that wait or run, the one that everything waits for first. */
  tasks: HangingTask[];
  /** `answered`: the server has dealt with it. Absent: there was no request. */
  lastRequest?: { name: string; about: string; answered: boolean };
  /** What the kernel's own detectors said of it when they were asked, oldest line first. */
  log: string[];
  /** Equal for equal hangs: without addresses, numbers of processes and times. */
  signature: string;
}

const verbs: Record<Hang['how'], string> = {
  waits: 'waits for ever in',
  runs: 'runs without end in',
  restless: 'wakes up and waits again, without end, in',
};
/** Frames that every wait or every syscall has say nothing of this one. */
const everywhere =
  /^(__schedule|schedule(_\w+)?|io_schedule\w*|preempt_schedule\w*|__?x64_sys_\w+|do_syscall_64|entry_SYSCALL_\w+|ret_from_fork\w*|kthread|worker_thread|asm_\w+|irqentry_\w+|sysvec_\w+|common_interrupt|0x[0-9a-f]+)$/;

/** The functions that tell hangs apart, innermost first. */
export const tellingFrames = (stack: readonly string[]): string[] => stack.filter((name) => !everywhere.test(name));

/**
 * Functions of the code under test; those that only carry a request to the server say little: each request goes through
 * them.
 */
const ownFunction = /^_*(fuse|iomap)_(?!get_req|chan_send|simple_request|simple_background|request_|send_one|dev_)/;
/**
 * Carries a request: such functions stand between the wait for an answer and the function of the code under test that
 * asked.
 */
const carriesRequest = /^_*(fuse_|request_wait)/;
/** Of a wait deep in other code so many functions are named. */
const mostFrames = 4;
/** So many of these tell it apart: what waits, what for, and who calls that. */
const foreignFrames = 3;

/**
 * Where the function of the code under test stands that waits, by itself or for an answer; -1: the wait is in other
 * code, which it called.
 */
function ownFrame(frames: readonly string[]): number {
  const own = frames.findIndex((name) => ownFunction.test(name));
  return frames.slice(0, Math.max(own, 0)).filter((name) => !carriesRequest.test(name)).length >= foreignFrames
    ? -1
    : own;
}

/** Innermost first, as far as the function of the code under test that waits, and one that called it. */
function placeOfHang(stack: readonly string[]): string[] {
  const frames = tellingFrames(stack);
  const own = ownFrame(frames);
  return frames.slice(0, own < 0 ? mostFrames : own + 2);
}

const between = ', called by ';

/** In one line: what hangs and where. `call`: the step's. */
export function describeHang({ how, during, tasks: [first], lastRequest }: Hang, call?: string): string {
  const what = call ?? placeOf[during];
  const frames = first ? placeOfHang(first.stack) : [];
  const where = frames.length > 0 ? frames.join(between) : 'the kernel';
  const who =
    first && first.role !== 'workload'
      ? ` (${first.role === 'child' ? 'the process that touches the mapping' : first.role === 'server' ? 'the server' : first.name})`
      : '';
  const last = lastRequest
    ? `; the last request was ${lastRequest.name}, ${lastRequest.answered ? 'which was answered' : 'not answered yet'}`
    : '; there was no request';
  return `${what} ${verbs[how]} ${where}${who}${last}`;
}

const described = new RegExp(`(${Object.values(verbs).join('|')}) ([\\w.]+(?:${between}[\\w.]+)*)`);

/**
 * What tells the causes of hangs apart, from the line that says one; undefined: it says something else. The same wait
 * is reached from several syscalls and after several requests. Where a busy kernel is when it is looked at is chance,
 * below the function that does not return.
 */
export function causeOfHang(line: string): string | undefined {
  const [, verb, place] = described.exec(line) ?? [];
  if (verb === undefined || place === undefined) return undefined;
  const frames = place.split(between);
  const own = ownFrame(frames);
  if (own < 0) return `${verb} ${frames.slice(0, foreignFrames).join(between)}`;
  return `${verb} ${frames.slice(verb === verbs.runs ? own : 0, own + 1).join(between)}`;
}

const placeOf: Record<Phase, string> = {
  idle: 'the guest',
  mount: 'the mount',
  step: 'a syscall',
  close: 'closing the files',
  settle: 'a lookup behind the case',
  devices: 'reading the devices back',
  unmount: 'the unmount',
  table: 'a syscall',
};

/** For a report: the stacks and what the kernel's detectors said. */
export function hangText({ tasks, log, milliseconds, lastRequest }: Hang): string[] {
  return [
    `seen for ${(milliseconds / 1000).toFixed(1)} s of the guest's time`,
    ...(lastRequest
      ? [
          `last request: ${lastRequest.name} ${lastRequest.about} (${lastRequest.answered ? 'answered' : 'not answered'})`,
        ]
      : []),
    ...tasks.flatMap(({ role, name, state, syscall, stack }) => [
      `${name} (${role}), state ${state}${syscall === undefined ? '' : `, syscall ${String(syscall)}`}`,
      ...stack.map((frame) => `  ${frame}`),
    ]),
    ...log,
  ];
}
