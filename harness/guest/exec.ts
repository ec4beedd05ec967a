/** Runs a command in the guest and passes on what it prints as it prints it. */
import { spawn } from 'node:child_process';
import { accessSync, constants as fileConstants } from 'node:fs';
import { constants } from 'node:os';
import type { Writable } from 'node:stream';
import type { GuestMessage, HostMessage } from '../../model/channel.ts';

type Exec = Extract<HostMessage, { kind: 'exec' }>;
type Input = Extract<HostMessage, { kind: 'input' }>;

/** Commands that take input, by the id of their message. */
const taking = new Map<number, Writable>();

/** Exit codes for what never ran, as a shell gives them. */
const notFound = 127;
const notExecutable = 126;

/** Node speaks of a directory that cannot be entered as if it were the program: "spawn sh ENOENT". */
function placeFault(program: string, cwd: string | undefined): string | undefined {
  try {
    if (cwd !== undefined) accessSync(cwd, fileConstants.X_OK);
    return undefined;
  } catch (error) {
    return `${program} cannot be started in ${cwd!}: ${(error as Error).message}`;
  }
}

export function runCommand({ id, argv, cwd, env, input }: Exec, send: (message: GuestMessage) => void): Promise<void> {
  const [program, ...args] = argv;
  if (program === undefined) {
    send({ kind: 'error', id, reason: 'exec: no command was given' });
    return Promise.resolve();
  }
  const fault = placeFault(program, cwd);
  if (fault !== undefined) {
    send({ kind: 'output', id, stream: 'stderr', bytes: Buffer.from(`${fault}\n`) });
    send({ kind: 'exited', id, code: notFound });
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: cwd ?? '/', env: { ...process.env, ...env }, stdio: 'pipe' });
    child.stdin.on('error', () => {
      /* EPIPE: it does not read any more */
    });
    if (input === true) taking.set(id, child.stdin);
    else child.stdin.end();
    child.stdout.on('data', (bytes: Buffer) => {
      send({ kind: 'output', id, stream: 'stdout', bytes });
    });
    child.stderr.on('data', (bytes: Buffer) => {
      send({ kind: 'output', id, stream: 'stderr', bytes });
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      send({ kind: 'output', id, stream: 'stderr', bytes: Buffer.from(`${program}: ${error.message}\n`) });
      send({ kind: 'exited', id, code: error.code === 'ENOENT' ? notFound : notExecutable });
      resolve();
    });
    child.on('close', (code, signal) => {
      taking.delete(id);
      // After 'error' there was no process.
      if (child.pid === undefined) return;
      send(
        signal === null
          ? { kind: 'exited', id, code: code! }
          : { kind: 'exited', id, code: 128 + constants.signals[signal], signal },
      );
      resolve();
    });
  });
}

export function giveInput({ id, bytes }: Input): void {
  const stream = taking.get(id);
  if (bytes.length > 0) stream?.write(bytes);
  else stream?.end();
}
