import { expect, test } from '@playwright/test';
import { setTimeout as sleep } from 'node:timers/promises';
import { merged } from './parallel.ts';

async function* numbers(from: number, count: number, ended: number[] = [], failsAt = Infinity) {
  try {
    for (let at = 0; at < count; at += 1) {
      await sleep(1);
      if (at === failsAt) throw new Error(`broken at ${from + at}`);
      yield from + at;
    }
  } finally {
    ended.push(from);
  }
}

test('should give everything of all, each in its order', async () => {
  const got: number[] = [];
  for await (const value of merged([numbers(0, 20), numbers(100, 3), numbers(200, 10)])) got.push(value);
  expect(got).toHaveLength(33);
  for (const from of [0, 100, 200]) {
    const part = got.filter((value) => value >= from && value < from + 50);
    expect(part).toEqual([...part].sort((a, b) => a - b));
  }
});

test('should end all when one fails or nobody listens any more', async () => {
  for (const failsAt of [4, Infinity]) {
    const ended: number[] = [];
    const run = async () => {
      for await (const value of merged([numbers(0, 50, ended), numbers(100, 50, ended, failsAt)]))
        if (value === 20) break;
    };
    if (failsAt === 4) await expect(run()).rejects.toThrow('broken at 104');
    else await run();
    expect(ended.sort()).toEqual([0, 100]);
  }
});
