/** Long child processes (make, apt-get, tar) that end when we end, however we end. */
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { InfrastructureError, InterruptedError } from '../../model/errors.ts';

export interface JobOptions {
  cwd?: string;
  /** On top of ours; undefined takes a variable away. */
  env?: Record<string, string | undefined>;
  /** Receives both streams. */
  log?: string;
  onLine?: (line: string) => void;
}

export interface JobResult {
  code: number;
  /** The last lines of both streams. */
  tail: string[];
}

const keptLines = 400;

/**
 * As for QEMU: a pipe that only we hold keeps the job alive; here the whole process group goes, by SIGTERM so that make
 * removes what is half made (a part of an object file would be taken for the whole the next time), and soon by SIGKILL.
 */
const guard = `
exec 3<&0
"$@" 3<&- </dev/null &
job=$!
exec >/dev/null 2>&1
{
  read -r _ <&3; trap '' TERM; kill -TERM 0
  n=0; while kill -0 $job && [ $n -lt 10 ]; do sleep 0.1; n=$((n+1)); done
  kill -KILL 0
} &
reader=$!
exec 3<&-
wait $job
code=$?
kill $reader
exit $code
`;

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Throws InterruptedError when a signal reaches this process meanwhile; nothing of the job is left then. */
export async function runJob(
  argv: readonly [string, ...string[]],
  { cwd, env, log, onLine }: JobOptions = {},
): Promise<JobResult> {
  const child = spawn('/bin/sh', ['-c', guard, 'iomapfuzz-job', ...argv], {
    cwd,
    env: { ...process.env, LC_ALL: 'C', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  child.stdin.on('error', () => {
    /* the job is gone already */
  });
  const file = log === undefined ? undefined : createWriteStream(log, { flags: 'a' });
  const tail: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      file?.write(`${line}\n`);
      tail.push(line);
      if (tail.length > keptLines) tail.shift();
      onLine?.(line);
    });
  }
  // A log on a full disk must not hide why the job failed.
  file?.on('error', () => {
    /* the job's own error is shown */
  });
  let interruptedBy: NodeJS.Signals | undefined;
  const interrupt = (signal: NodeJS.Signals): void => {
    interruptedBy ??= signal;
    child.stdin.destroy();
  };
  for (const signal of signals) process.on(signal, interrupt);
  const code = await new Promise<number>((resolve, reject) => {
    child.on('error', (error) => {
      reject(new InfrastructureError(`${argv[0]} cannot be started: ${error.message}`));
    });
    child.on('close', (status) => {
      resolve(status ?? 128);
    });
  }).finally(() => {
    for (const signal of signals) process.off(signal, interrupt);
  });
  if (file !== undefined)
    await new Promise<void>((resolve) => {
      file.end(() => {
        resolve();
      });
      file.on('error', () => {
        resolve();
      });
    });
  if (interruptedBy !== undefined) throw new InterruptedError(`interrupted by ${interruptedBy}`);
  return { code, tail };
}
