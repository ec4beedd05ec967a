import { expect, test } from '@playwright/test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { timeLimit } from './time-limit.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

test('should abort what it is a part of, whatever the garbage collector has taken meanwhile', async () => {
  const stop = AbortSignal.any([
    new AbortController().signal,
    AbortSignal.any([timeLimit(500), new AbortController().signal]),
  ]);
  for (let round = 0; round < 5; round += 1) {
    collect();
    await sleep(20);
  }
  await expect.poll(() => stop.aborted, { timeout: 20_000 }).toBe(true);
});

test('should take a limit of months for a long one', async () => {
  const long = timeLimit(90 * 24 * 3_600_000);
  await sleep(50);
  expect(long.aborted).toBe(false);
});
