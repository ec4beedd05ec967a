/** One run of a night as a process of its own: whatever becomes of it, the night goes on. */
import { spawn } from 'node:child_process';
import { closeSync, constants, openSync, writeSync } from 'node:fs';

/** From the polite signal to the end: a case in flight has 20 s, then the guests are closed. */
const STOP_GRACE_MS = 60_000;

/** In the environment of a run of a night: its standard input is open for as long as the night is there. */
const OF_A_NIGHT = 'IOMAPFUZZ_OF_A_NIGHT';

/**
 * A run of a night ends in order, as by ^C, when the night's process is gone (kill -9, out of memory). False: this
 * process is none.
 */
export function endsWithNight(): boolean {
  if (process.env[OF_A_NIGHT] === undefined) return false;
  delete process.env['IOMAPFUZZ_OF_A_NIGHT'];
  const end = (): void => {
    process.kill(process.pid, 'SIGINT');
  };
  process.stdin.on('end', end).on('error', end).resume().unref();
  return true;
}

export interface ChildOutcome {
  exitCode: number | undefined;
  ended: 'by itself' | 'time over' | 'interrupted';
}

/**
 * Runs iomapfuzz with these arguments; all it prints goes to `log`, what it says on stderr also to ours. Never rejects.
 */
export function runChild(
  argv: readonly string[],
  options: { log: string; timeMs: number; stop: AbortSignal; onStart: (pid: number) => void },
): Promise<ChildOutcome> {
  const log = openSync(
    options.log,
    constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW,
    0o666,
  );
  return new Promise((resolve) => {
    // A group of its own: ^C reaches it once, through us, and a second one is not taken for impatience.
    const child = spawn(process.execPath, [process.argv[1]!, ...argv], {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
      env: { ...process.env, [OF_A_NIGHT]: '1' },
    });
    let ended: ChildOutcome['ended'] = 'by itself';
    let killer: NodeJS.Timeout | undefined;
    const stop = (why: ChildOutcome['ended']): void => {
      if (ended !== 'by itself') return;
      ended = why;
      child.kill('SIGINT');
      killer = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
    };
    const timer = setTimeout(() => {
      stop('time over');
    }, options.timeMs);
    const interrupted = (): void => {
      stop('interrupted');
    };
    options.stop.addEventListener('abort', interrupted);
    child.stdout.on('data', (bytes: Buffer) => {
      writeSync(log, bytes);
    });
    child.stderr.on('data', (bytes: Buffer) => {
      writeSync(log, bytes);
      process.stderr.write(bytes);
    });
    if (child.pid !== undefined) options.onStart(child.pid);
    const finish = (exitCode: number | undefined): void => {
      clearTimeout(timer);
      clearTimeout(killer);
      options.stop.removeEventListener('abort', interrupted);
      closeSync(log);
      resolve({ exitCode, ended });
    };
    child.on('error', () => {
      finish(undefined);
    });
    child.on('close', (code) => {
      finish(code ?? undefined);
    });
  });
}
