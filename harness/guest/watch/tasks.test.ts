import { expect, test } from '@playwright/test';
import { frameOf, isStuck, parseStat } from './tasks.ts';

test('should know functions by their names alone', () => {
  expect(['[<0>] fuse_simple_request+0x1a/0x30 [fuse]', '[<0>] iomap_iter.constprop.0+0x12/0x80'].map(frameOf)).toEqual(
    ['fuse_simple_request', 'iomap_iter'],
  );
});

test('should read the state of a task whatever its name is', () => {
  expect(parseStat('12 (a) R (b) D 7 12 12 0 -1 4194560 1 0 0 0 31 64 0 0 20')).toEqual({
    name: 'a) R (b',
    state: 'D',
    parent: 7,
    userTicks: 31,
    kernelTicks: 64,
  });
  expect(parseStat('')).toBeUndefined();
});

test('should tell a thread that is in the kernel from one that waits by its own will', () => {
  const task = { role: 'workload', name: 'node', stack: ['request_wait_answer'] } as const;
  expect(isStuck({ ...task, stack: [...task.stack], state: 'S', syscall: 8 })).toBe(true);
  expect(isStuck({ ...task, stack: [], state: 'D' })).toBe(true);
  // futex(2): it waits for another thread of the guest.
  expect(isStuck({ ...task, stack: ['futex_wait'], state: 'S', syscall: 202 })).toBe(false);
  expect(isStuck({ ...task, stack: [], state: 'R' })).toBe(false);
});
