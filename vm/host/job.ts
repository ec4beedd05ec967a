/** Long child processes (make, apt-get, tar) that end when we end, however we end. */
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { InfrastructureError } from '../errors.ts';

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

/** As for QEMU: a pipe that only we hold keeps the job alive; here the whole process group goes. */
const guard = `
exec 3<&0
"$@" 3<&- </dev/null &
job=$!
exec >/dev/null 2>&1
{ read -r _ <&3; trap '' TERM; kill -TERM 0; } &
reader=$!
exec 3<&-
wait $job
code=$?
kill $reader
exit $code
`;

export async function runJob(argv: readonly [string, ...string[]], { cwd, env, log, onLine }: JobOptions = {}): Promise<JobResult> {
  const child = spawn('/bin/sh', ['-c', guard, 'iomapfuzz-job', ...argv], {
    cwd, env: { ...process.env, LC_ALL: 'C', ...env }, stdio: ['pipe', 'pipe', 'pipe'], detached: true,
  });
  child.stdin.on('error', () => { /* the job is gone already */ });
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
  file?.on('error', () => { /* the job's own error is shown */ });
  const code = await new Promise<number>((resolve, reject) => {
    child.on('error', (error) => { reject(new InfrastructureError(`${argv[0]} cannot be started: ${error.message}`)); });
    child.on('close', (status) => { resolve(status ?? 128); });
  });
  if (file !== undefined) await new Promise<void>((resolve) => { file.end(() => { resolve(); }); file.on('error', () => { resolve(); }); });
  return { code, tail };
}
