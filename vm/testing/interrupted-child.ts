/** A program that is sent a signal as soon as what it runs has begun. */
import { expect } from '@playwright/test';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

export interface Interrupted {
  /** Exit code, or the signal that ended it. */
  end: unknown;
  /** All that it printed. */
  said: string;
  /** From the signal to its end. */
  tookMs: number;
}

/**
 * `started`: a file to which the stand-in writes a line with its process ids when it runs. Its standard output and
 * error must be pipes.
 */
export async function interruptWhenStarted(
  child: ChildProcess,
  started: string,
  signal: NodeJS.Signals,
  timeoutMs: number,
): Promise<Interrupted> {
  let said = '';
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (bytes: Buffer) => {
      said += bytes.toString();
    });
  const ended = new Promise<unknown>((resolve) => {
    child.on('close', (code, by) => {
      resolve(by ?? code);
    });
  });
  const early = await Promise.race([
    ended,
    expect
      .poll(() => existsSync(started) && readFileSync(started, 'utf8').endsWith('\n'), { timeout: timeoutMs })
      .toBe(true),
  ]);
  expect(early, said).toBeUndefined();
  const signalledMs = performance.now();
  child.kill(signal);
  const end = await ended;
  return { end, said, tookMs: performance.now() - signalledMs };
}

/** Waits until none of the stand-in's processes is left. */
export const expectNoneOf = (started: string): Promise<void> =>
  expect
    .poll(() =>
      readFileSync(started, 'utf8')
        .trim()
        .split(' ')
        .filter((pid) => existsSync(`/proc/${pid}`)),
    )
    .toEqual([]);
