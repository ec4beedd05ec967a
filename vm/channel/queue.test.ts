import { expect, test } from '@playwright/test';
import { MessageQueue, WaitingEnded } from './queue.ts';

const never = (): void => {
  throw new Error('the deadline must not be reached');
};

test('should keep messages that arrive together for a receiver that waits for one', async () => {
  const queue = new MessageQueue<number>();
  const first = queue.take(10_000, never);
  queue.push(1);
  queue.push(2);
  queue.push(3);
  expect([await first, await queue.take(10_000, never), await queue.take(10_000, never)]).toEqual([1, 2, 3]);
});

test('should give what was received before the end, then the reason', async () => {
  const queue = new MessageQueue<number>();
  queue.push(1);
  queue.end(new Error('first reason'));
  queue.end(new Error('second reason'));
  expect(await queue.take(10_000, never)).toBe(1);
  await expect(queue.take(10_000, never)).rejects.toThrow('first reason');
});

test('should call back at the deadline, and not after a message', async () => {
  const queue = new MessageQueue<number>();
  const late = queue.take(5, () => {
    queue.end(new Error('late'));
  });
  await expect(late).rejects.toThrow('late');
  const other = new MessageQueue<number>();
  const quick = other.take(20, never);
  other.push(1);
  expect(await quick).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(other.ended).toBeUndefined();
});

test('should let a receiver stop waiting without losing anything', async () => {
  const queue = new MessageQueue<number>();
  const stop = new AbortController();
  const waiting = queue.take(Infinity, never, stop.signal);
  stop.abort();
  await expect(waiting).rejects.toThrow(WaitingEnded);
  queue.push(1);
  expect(await queue.take(10_000, never)).toBe(1);
});
