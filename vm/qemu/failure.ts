/** Every way in which a VM can be lost, told apart: whose fault it is decides what a run says and how it exits. */
import { describeHang, type Hang } from '../../model/hang.ts';
import { InfrastructureError, messageOf } from '../../model/errors.ts';

export type VmFailure =
  /** The host: QEMU is not installed, or ended before it ran a guest. */
  | { kind: 'qemu-missing'; program: string }
  | { kind: 'qemu-failed'; exit: string; stderr: string }
  /** The kernel's configuration cannot be booted by either machine. */
  | { kind: 'kernel-config'; missing: string[] }
  /** QEMU ran, the guest never said a word on its console. */
  | { kind: 'no-console'; afterMs: number; exit?: string }
  | { kind: 'boot-panicked'; headline: string }
  /** Our init ran and could not go on; `code` is its reason's first word (vm/initramfs/init.sh). */
  | { kind: 'init-failed'; code: string; message: string }
  | { kind: 'boot-timeout'; afterMs: number }
  /** After the guest was ready. */
  /** `alive`: its agent says that it is alive, and the case does not come to an end. */
  | { kind: 'hung'; deadlineMs: number; alive?: boolean }
  /** The guest proves that the kernel does not come back; `freed`: it did when the connection was cut. */
  | { kind: 'hangs'; hang: Hang; freed: boolean }
  /**
   * No thread of the guest gets to run any more, although it has a processor; `where`: the function that an NMI met.
   */
  | { kind: 'locked-up'; how: 'runs' | 'sleeps'; silentMs: number; processorMs: number; where?: string }
  | { kind: 'panicked'; headline: string }
  | { kind: 'garbage'; detail: string }
  | { kind: 'agent-ended'; message: string }
  /** The guest reset or powered off by itself, without a panic on its console: a triple fault, or a reboot. */
  | { kind: 'reset' }
  | { kind: 'died'; exit: string; stderr: string }
  | { kind: 'closed' };

/** Of the console, in the error's message. */
const shownConsoleLines = 25;

/** A lost VM. `consoleTail` is the end of the guest's kernel log, empty when there was none. */
export class VmError extends InfrastructureError {
  override name = 'VmError';
  readonly failure: VmFailure;
  readonly consoleTail: readonly string[];
  constructor(failure: VmFailure, consoleTail: readonly string[] = [], context = '') {
    super(
      [
        `${describeFailure(failure)}${context === '' ? '' : ` (${context})`}`,
        ...(consoleTail.length > 0
          ? ["the end of the guest's console:", ...consoleTail.slice(-shownConsoleLines).map((line) => `  | ${line}`)]
          : []),
      ].join('\n'),
    );
    this.failure = failure;
    this.consoleTail = consoleTail;
  }
}

/**
 * Whether the kernel, not the machine, kept the VM from getting ready: such a kernel cannot be tested (exit code 125).
 */
export function isKernelsFault(failure: VmFailure): boolean {
  return (
    ['kernel-config', 'no-console', 'boot-panicked', 'boot-timeout', 'reset'].includes(failure.kind) ||
    (failure.kind === 'init-failed' && failure.code !== 'agent-ended')
  );
}

/**
 * Whose fault a loss is, in the words of harness/run: the kernel's (panic, oops, hang), that of what runs in the guest,
 * or the machine's.
 */
export interface Loss {
  blame: 'kernel' | 'guest' | 'machine';
  reason: string;
  consoleTail: readonly string[];
  /** What a guest proved of a kernel that does not come back. */
  hang?: Hang;
  /** Equal for equal crashes and hangs of a kernel, also on different cases; absent: it is neither. */
  signature?: string;
}

/** The kernel does these itself. */
const kernelLosses: readonly VmFailure['kind'][] = [
  'panicked',
  'hung',
  'locked-up',
  'reset',
  'boot-panicked',
  'no-console',
  'boot-timeout',
];
/** The agent does these; what made it do so is not known. */
const guestLosses: readonly VmFailure['kind'][] = ['agent-ended', 'garbage'];

export function lossOf(error: unknown): Loss {
  if (!(error instanceof VmError)) return { blame: 'machine', reason: messageOf(error), consoleTail: [] };
  const { failure, consoleTail } = error;
  const blame = blameOf(failure);
  const signature = blame === 'kernel' ? signatureOf(failure) : undefined;
  return {
    blame,
    reason: describeFailure(failure),
    consoleTail,
    ...(failure.kind === 'hangs' && { hang: failure.hang }),
    ...(signature !== undefined && { signature }),
  };
}

function blameOf(failure: VmFailure): Loss['blame'] {
  if (failure.kind === 'hangs') return failure.hang.blame;
  // It lives, and what it does takes long: whether that is the kernel or the machine nobody can say.
  if (failure.kind === 'hung' && failure.alive === true) return 'machine';
  return kernelLosses.includes(failure.kind) ? 'kernel' : guestLosses.includes(failure.kind) ? 'guest' : 'machine';
}

/** How the signatures of lock-ups begin, and that of one whose place is not known. */
export const LOCKED_UP = 'locked up in ',
  LOCKED_UP_SOMEWHERE = `${LOCKED_UP}an unknown place`;

function signatureOf(failure: VmFailure): string {
  switch (failure.kind) {
    case 'hangs':
      return failure.hang.signature;
    case 'locked-up':
      return failure.where === undefined ? LOCKED_UP_SOMEWHERE : `${LOCKED_UP}${failure.where}`;
    // Addresses, numbers of processes and processors are another guest's.
    case 'panicked':
      return failure.headline.replace(/\b(0x)?[0-9a-f]{8,}\b|\b(0x[0-9a-f]+|\d+)\b/gi, '#');
    default:
      return failure.kind;
  }
}

function describeFailure(failure: VmFailure): string {
  switch (failure.kind) {
    case 'qemu-missing':
      return `the VM did not start: ${failure.program} is not installed (apt-get install qemu-system-x86)`;
    case 'qemu-failed':
      return `the VM did not start: QEMU ended (${failure.exit}) before it ran the guest${indented(failure.stderr)}`;
    case 'kernel-config':
      return (
        `the kernel cannot be booted by QEMU's microvm or q35: its configuration lacks ${failure.missing.join(', ')}; ` +
        '`iomapfuzz kernel config` prints what a testable kernel needs'
      );
    case 'no-console':
      return failure.exit === undefined
        ? `the VM did not boot: no word on its console within ${seconds(failure.afterMs)}`
        : `the VM did not boot: QEMU ended (${failure.exit}) after ${seconds(failure.afterMs)} without a word on its console`;
    case 'boot-panicked':
      return `the kernel panicked while it booted: ${failure.headline}`;
    case 'init-failed':
      return `the kernel booted, the guest's init failed: ${failure.message}`;
    case 'boot-timeout':
      return `the VM did not get ready within ${seconds(failure.afterMs)}`;
    case 'hung':
      return failure.alive === true
        ? `the case did not come to an end within ${seconds(failure.deadlineMs)}, although the guest is alive and its kernel makes requests or progress`
        : `the guest hung: no message within ${seconds(failure.deadlineMs)}`;
    case 'hangs':
      return `the kernel hangs: ${describeHang(failure.hang)}; ${failure.freed ? 'it came back when the connection was cut' : 'it stays so when the connection is cut'}`;
    case 'locked-up':
      return (
        `the kernel locked up${failure.where === undefined ? '' : ` in ${failure.where}`}: ` +
        (failure.how === 'runs'
          ? 'its processor is busy and no thread of the guest gets to run'
          : 'its processor sleeps and nothing wakes it up')
      );
    case 'panicked':
      return `the kernel panicked: ${failure.headline}`;
    case 'garbage':
      return `the guest sent garbage on the results channel: ${failure.detail}`;
    case 'agent-ended':
      return `the agent in the guest ended: ${failure.message}`;
    case 'reset':
      return 'the guest reset itself without a panic on its console (a triple fault, or a reboot)';
    case 'died':
      return `the VM died: QEMU ended (${failure.exit})${indented(failure.stderr)}`;
    case 'closed':
      return 'the VM is closed';
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}

function indented(text: string): string {
  return text.trim() === ''
    ? ''
    : `\n${text
        .trimEnd()
        .split('\n')
        .map((line) => `  ${line}`)
        .join('\n')}`;
}
