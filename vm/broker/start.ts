/** Starts the broker of a run. */
import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { InfrastructureError } from '../../model/errors.ts';
import { makeRunDirectory } from '../paths.ts';
import { repositoryRoot } from '../../files/repository-root.ts';
import { brokerVariable } from './protocol.ts';

export interface Broker {
  /** Its socket; also in the environment of this process and its children. */
  path: string;
  pid: number;
  /** Ends the broker and every VM it has. */
  close(): Promise<void>;
}

const startDeadlineMs = 30_000;

/** Throws InfrastructureError when the broker is not built or does not come up. */
export async function startBroker(): Promise<Broker> {
  const program = join(repositoryRoot(), 'dist/broker.mjs');
  if (!existsSync(program))
    throw new InfrastructureError(`the broker is not built (${program} is not there): npm run build`);
  const directory = makeRunDirectory();
  const path = join(directory, 'broker');
  const child = spawn(process.execPath, ['--enable-source-maps', program, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.on('error', () => {
    /* the broker is gone */
  });
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => {
      resolve();
    });
  });
  let timer: NodeJS.Timeout | undefined;
  const outcome = await Promise.race([
    new Promise<'ready'>((resolve) => {
      child.stdout.once('data', () => {
        resolve('ready');
      });
    }),
    ended.then(() => 'it ended at once' as const),
    new Promise<'it did not come up'>((resolve) => {
      timer = setTimeout(() => {
        resolve('it did not come up');
      }, startDeadlineMs);
    }),
  ]);
  clearTimeout(timer);
  const close = async (): Promise<void> => {
    child.stdin.end();
    await ended;
    rmSync(directory, { recursive: true, force: true });
    if (process.env[brokerVariable] === path) Reflect.deleteProperty(process.env, brokerVariable);
  };
  if (outcome !== 'ready') {
    child.kill('SIGKILL');
    await close();
    throw new InfrastructureError(`the broker that owns the VMs of a test run could not be started: ${outcome}`);
  }
  process.env[brokerVariable] = path;
  return { path, pid: child.pid!, close };
}
