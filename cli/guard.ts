/**
 * Exit codes 0 and 1 are verdicts. Node ends with 1 after an uncaught error and with 0 when its output breaks at the
 * wrong moment; this keeps both from being taken for one: whatever ends the program before its command has ended, ends
 * it with 3, and what a run has finished stays readable.
 */
import { writeSync } from 'node:fs';
import { errnoOf, messageOf } from '../model/errors.ts';
import { DirectoryError } from '../files/make-directory.ts';
import { sayLastWords } from '../harness/run/last-words.ts';

/** Infrastructure (docs/architecture.md). */
const infrastructure = 3;
/**
 * Node's exit code for 1 an uncaught error, 13 a promise that nothing will ever settle (nodejs.org, process exit
 * codes).
 */
const mistakable: readonly number[] = [0, 1, 13];

let ended = false;
let failing = false;
let outputMatters = true;

/** Call it before anything else is loaded. */
export function guardProcess(): void {
  // Unhandled rejections come here, too.
  process.on('uncaughtException', (error) => {
    fail(messageOf(error), error);
  });
  for (const [stream, name] of [
    [process.stdout, 'standard output'],
    [process.stderr, 'standard error'],
  ] as const) {
    stream.on('error', (error) => {
      if (outputMatters) fail(outputError(name, error));
    });
  }
  watchClosedOutput();
  for (const signal of endingSignals) process.on(signal, interrupted);
  process.on('exit', (code) => {
    if (ended || failing || !mistakable.includes(code)) return;
    complain('the program ended before its command did, which is a defect of iomapfuzz; what finished is kept');
    process.exitCode = infrastructure;
  });
}

/**
 * Node has opened /dev/null in the place of a closed standard output, which takes everything: only the launcher saw
 * that it was closed.
 */
function watchClosedOutput(): void {
  const { IOMAPFUZZ_CLOSED_OUTPUT: closed } = process.env;
  delete process.env['IOMAPFUZZ_CLOSED_OUTPUT'];
  if (closed !== '1') return;
  process.stdout.write = (): boolean => {
    if (outputMatters)
      fail(
        'standard output is closed: nothing can be printed, and this is no verdict; give it a file, or /dev/null when nobody is to read it',
      );
    return true;
  };
}

const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** For as long as no part of the command ends in an order of its own. */
function interrupted(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) === 1)
    fail(
      `interrupted by ${signal}: this is no verdict; what finished is kept, and the same command can be given again`,
    );
}

/** For a command that only computes: a listener would wait until it is done, the system does not. */
export function signalsEndAtOnce(): void {
  for (const signal of endingSignals) process.off(signal, interrupted);
}

/** From now on the exit code is what the command says. */
export function commandEnded(): void {
  ended = true;
  signalsEndAtOnce();
}

/** For a program whose results matter more than what it prints: it goes on when nobody reads that. */
export function outputIsOptional(): void {
  outputMatters = false;
}

function outputError(name: string, error: Error): string {
  switch (errnoOf(error)) {
    // `iomapfuzz report DIR | head`
    case 'EPIPE':
      return `nobody reads ${name} any more: the command was broken off, this is no verdict`;
    case 'ENOSPC':
      return `${name} cannot be written, its disk is full: free some space and run it again`;
    default:
      return `${name} cannot be written (${messageOf(error)})`;
  }
}

function fail(reason: string, defect?: unknown): never {
  // A second error while the first is being reported.
  if (!failing) {
    failing = true;
    sayLastWords(reason);
    complain(defect === undefined ? reason : explain(defect));
  }
  // QEMU ends with the process (vm/qemu/process.ts).
  process.exit(infrastructure);
}

/** An error that reached nobody; with the stack when it is a bug of ours. */
export function explain(error: unknown): string {
  const advice = adviceFor(error);
  if (advice !== undefined) return `${messageOf(error)}; ${advice}`;
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `this is a defect of iomapfuzz itself; please report it with these lines:\n${stack}`;
}

/** What to do about an error of the machine; undefined when it is none. */
function adviceFor(error: unknown): string | undefined {
  switch (errnoOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return 'free some disk space and run it again';
    case 'EMFILE':
    case 'ENFILE':
      return 'the limit of open files is reached: raise it (ulimit -n 4096) and run it again';
    case 'ENOMEM':
    case 'EAGAIN':
      return 'the machine is short of memory or processes: free some and run it again';
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return 'give this user the right to it, or name another place';
    case 'EIO':
      return 'the disk or the terminal failed';
    default:
      return error instanceof DirectoryError ? 'move away what is in its place, or name another directory' : undefined;
  }
}

/** Standard error itself may be what is broken. */
function complain(text: string): void {
  try {
    writeSync(2, `iomapfuzz: ${text}\n`);
  } catch {
    // The exit code still says it.
  }
}
