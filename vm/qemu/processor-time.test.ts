import { expect, test } from '@playwright/test';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { processorTime } from './processor-time.ts';

/** Runs without a pause on the first processor. */
function busy(): ChildProcess {
  return spawn('taskset', ['-c', '0', 'sh', '-c', 'while :; do :; done'], { stdio: 'ignore' });
}

test('should tell a process that uses a processor, one that waits for it, and one that sleeps', async () => {
  const rivals = [busy(), busy(), busy()],
    sleeper = spawn('sleep', ['60'], { stdio: 'ignore' });
  try {
    const [first] = rivals;
    const before = processorTime(first!.pid!)!;
    await expect
      .poll(() => processorTime(first!.pid!)!.usedMs - before.usedMs, { timeout: 30_000 })
      .toBeGreaterThan(200);
    const { waitedMs } = processorTime(first!.pid!)!;
    // Not every host counts it.
    if (waitedMs !== undefined) expect(waitedMs).toBeGreaterThan(100);
    const asleep = processorTime(sleeper.pid!)!;
    await sleep(300);
    expect(processorTime(sleeper.pid!)!.usedMs - asleep.usedMs).toBeLessThan(100);
    if (asleep.waitedMs !== undefined)
      expect(processorTime(sleeper.pid!)!.waitedMs! - asleep.waitedMs).toBeLessThan(100);
  } finally {
    for (const process of [...rivals, sleeper]) process.kill('SIGKILL');
  }
});

test('should say nothing of a process that is stopped or has ended', async () => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  expect(processorTime(child.pid!)).toBeDefined();
  child.kill('SIGSTOP');
  await expect.poll(() => processorTime(child.pid!)).toBeUndefined();
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(processorTime(child.pid!)).toBeUndefined();
});
