/** A lock on a file that the kernel takes back when we end: flock(1) holds it as long as our end of a pipe is open. */
import { spawn } from 'node:child_process';
import { InfrastructureError } from '../../model/errors.ts';

/** Runs `job` while no other process holds the lock at `path`; `onWait` is called when another one does. */
export async function withLock<T>(path: string, onWait: () => void, job: () => Promise<T>): Promise<T> {
  const holder = spawn('flock', [path, 'sh', '-c', 'echo held; read -r _'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  holder.stdin.on('error', () => {
    /* gone */
  });
  const waiting = setTimeout(onWait, 500);
  // While it waits it does not see that we are gone.
  const leave = (): void => {
    holder.kill();
  };
  process.once('exit', leave);
  try {
    await new Promise<void>((resolve, reject) => {
      holder.once('error', (error) => {
        reject(new InfrastructureError(`flock cannot be run: ${error.message} (Debian package util-linux)`));
      });
      holder.once('exit', () => {
        reject(new InfrastructureError(`the lock ${path} cannot be taken`));
      });
      holder.stdout.once('data', () => {
        resolve();
      });
    });
  } finally {
    clearTimeout(waiting);
    process.off('exit', leave);
  }
  try {
    return await job();
  } finally {
    holder.stdin.end();
  }
}
