/** Runs QEMU so that it cannot outlive this process, and connects its three sockets. */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { findTool } from '../host/tools.ts';
import { makeRunDirectory } from '../paths.ts';
import { qemuArguments, type QemuSpec } from './command-line.ts';
import { whyNoSandbox } from './sandbox.ts';
import { VmError } from './failure.ts';
import { childNamed } from './processor-time.ts';

export const qemuProgram = 'qemu-system-x86_64';

/** QEMU connects its sockets before it loads anything; on a loaded machine even that takes a while. */
const connectDeadlineMs = 30_000;

/**
 * The watchdog between us and QEMU. Its standard input is a pipe that only we hold: when we end, by whatever signal,
 * the read returns and QEMU is killed. (PR_SET_PDEATHSIG would be tied to the thread that started it, and QEMU to a
 * parent that is not killed with us.) The run directory goes with QEMU. Standard error is QEMU's alone: with its reader
 * gone, a shell that notes its child's death there would die of SIGPIPE before it has cleaned up.
 */
const watchdog = `
directory=$1; shift
exec 3<&0
"$@" 3<&- </dev/null &
qemu=$!
exec 2>/dev/null
{ read -r _ <&3; kill -KILL $qemu; } &
reader=$!
exec 3<&-
wait $qemu
code=$?
kill $reader
rm -rf "$directory"
exit $code
`;

export interface QemuExit {
  /** For people: "exit code 1", "signal 9". */
  text: string;
  code: number;
  stderr: string;
}

export interface QemuProcess {
  console: Socket;
  port: Socket;
  qmp: Socket;
  /** Files in here vanish when QEMU ends. */
  runDirectory: string;
  exited: Promise<QemuExit>;
  /** QEMU's, not the watchdog's; undefined: it has ended. */
  pid(): number | undefined;
  kill(): void;
}

/** Starts QEMU. Throws VmError (`qemu-missing`, `qemu-failed`); afterwards nothing of it is left. */
export async function startQemu(spec: Omit<QemuSpec, 'sockets' | 'sandboxed'>): Promise<QemuProcess> {
  const program = findTool(qemuProgram);
  if (program === undefined) throw new VmError({ kind: 'qemu-missing', program: qemuProgram });
  const runDirectory = makeRunDirectory();
  const sockets = {
    console: join(runDirectory, 'console'),
    port: join(runDirectory, 'port'),
    qmp: join(runDirectory, 'qmp'),
  };
  const listeners = await Promise.all([sockets.console, sockets.port, sockets.qmp].map(acceptOne));

  const child = spawn(
    '/bin/sh',
    [
      '-c',
      watchdog,
      'iomapfuzz-watchdog',
      runDirectory,
      program,
      ...qemuArguments({ ...spec, sockets, sandboxed: whyNoSandbox(program) === undefined }),
    ],
    {
      stdio: ['pipe', 'ignore', 'pipe'],
      // A process group of its own: ^C on the terminal is for us alone, we end QEMU in order.
      detached: true,
    },
  );
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-8192);
  });
  child.stdin.on('error', () => {
    /* EPIPE: the watchdog is gone already */
  });
  const exited = new Promise<QemuExit>((resolve) => {
    child.on('error', (error) => {
      resolve({ text: error.message, code: 127, stderr });
    });
    child.on('close', (code, signal) => {
      resolve(exitOf(code, signal, stderr.trim()));
    });
  });
  const kill = (): void => {
    child.stdin.end('\n');
  };

  let timer: NodeJS.Timeout | undefined;
  const outcome = await Promise.race([
    Promise.all(listeners.map((listener) => listener.connection)),
    exited,
    new Promise<'late'>((resolve) => {
      timer = setTimeout(() => {
        resolve('late');
      }, connectDeadlineMs);
    }),
  ]);
  clearTimeout(timer);
  for (const { server } of listeners) server.close();
  if (Array.isArray(outcome)) {
    const [console, port, qmp] = outcome as [Socket, Socket, Socket];
    let known: number | undefined;
    const pid = (): number | undefined =>
      (known ??= child.pid === undefined ? undefined : childNamed(child.pid, 'qemu'));
    return { console, port, qmp, runDirectory, exited, kill, pid };
  }
  kill();
  const exit = await exited;
  rmSync(runDirectory, { recursive: true, force: true });
  throw new VmError({
    kind: 'qemu-failed',
    exit: outcome === 'late' ? `it did not connect within ${String(connectDeadlineMs / 1000)} s` : exit.text,
    stderr: exit.stderr,
  });
}

async function acceptOne(path: string): Promise<{ server: Server; connection: Promise<Socket> }> {
  const server = createServer();
  const connection = new Promise<Socket>((resolve) => {
    server.once('connection', resolve);
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
  return { server, connection };
}

function exitOf(code: number | null, signal: NodeJS.Signals | null, stderr: string): QemuExit {
  if (code === null) return { text: `watchdog ended by ${String(signal)}`, code: 128, stderr };
  // A shell reports a child's signal as 128 + number.
  return { text: code > 128 ? `signal ${String(code - 128)}` : `exit code ${String(code)}`, code, stderr };
}
