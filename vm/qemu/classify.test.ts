import { expect, test } from '@playwright/test';
import { findInitFailure, findPanic } from './classify.ts';

test('should name what led to a panic together with the panic', () => {
  expect(findPanic([
    '[    5.1] BUG: kernel NULL pointer dereference, address: 0000000000000008',
    '[    5.1] #PF: supervisor read access in kernel mode',
    '[    5.1] Oops: Oops: 0000 [#1] PREEMPT',
    '[    5.2] Kernel panic - not syncing: Fatal exception',
  ])).toBe('BUG: kernel NULL pointer dereference (Kernel panic - not syncing: Fatal exception)');
});

test('should take a warning for no panic', () => {
  expect(findPanic(['[    5.1] WARNING: fs/fuse/file_iomap.c:100 at fuse_iomap_begin', '[    5.1] Bad mapping: x, func: y, line: 1'])).toBeUndefined();
});

test('should find an oops whose panic line was lost', () => {
  expect(findPanic(['[    5.1] Oops: general protection fault, probably for non-canonical address'])).toBe('general protection fault');
});

test('should tell init\'s own words from the kernel\'s', () => {
  expect(findInitFailure(['iomapfuzz-init: no-results-port: the kernel shows none'])).toEqual({ code: 'no-results-port', message: 'the kernel shows none' });
  expect(findInitFailure(['iomapfuzz-init: module-failed: /iomapfuzz/modules/loop.ko', '[ 1.0] Run /init as init process'])).toBeUndefined();
});
