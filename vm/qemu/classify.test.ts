import { expect, test } from '@playwright/test';
import { findInitFailure, findInterrupted, findPanic } from './classify.ts';

test('should name what led to a panic together with the panic', () => {
  expect(
    findPanic([
      '[    5.1] BUG: kernel NULL pointer dereference, address: 0000000000000008',
      '[    5.1] #PF: supervisor read access in kernel mode',
      '[    5.1] Oops: Oops: 0000 [#1] PREEMPT',
      '[    5.2] Kernel panic - not syncing: Fatal exception',
    ]),
  ).toBe('BUG: kernel NULL pointer dereference (Kernel panic - not syncing: Fatal exception)');
});

test('should take a warning for no panic', () => {
  expect(
    findPanic([
      '[    5.1] WARNING: fs/fuse/file_iomap.c:100 at fuse_iomap_begin',
      '[    5.1] Bad mapping: x, func: y, line: 1',
    ]),
  ).toBeUndefined();
});

test('should find an oops whose panic line was lost', () => {
  expect(findPanic(['[    5.1] Oops: general protection fault, probably for non-canonical address'])).toBe(
    'general protection fault',
  );
});

test("should tell init's own words from the kernel's", () => {
  expect(findInitFailure(['iomapfuzz-init: no-results-port: the kernel shows none'])).toEqual({
    code: 'no-results-port',
    message: 'the kernel shows none',
  });
  expect(
    findInitFailure(['iomapfuzz-init: module-failed: /iomapfuzz/modules/loop.ko', '[ 1.0] Run /init as init process']),
  ).toBeUndefined();
});

test('should name the function in which an NMI met a kernel that was locked up', () => {
  expect(
    findInterrupted([
      '[   20.021205] Kernel panic - not syncing: NMI: Not continuing',
      '[   20.021205]  end_repeat_nmi+0xf/0x18',
      '[   20.021205] RIP: 0010:hang_spin.isra.0+0x4/0x10',
      '[   20.021205]  fuse_iomap_llseek+0x169/0x1c0',
      '[   20.021205] RIP: 0033:0x7fc975b463e7',
    ]),
  ).toBe('hang_spin');
  // Met in a tick of the clock, which interrupted what does not end; and in another interrupt, which does not end
  // itself.
  const interrupted = (handler: string): string[] =>
    [
      '<NMI>',
      `RIP: 0010:__${handler}+0x19/0x160`,
      '</NMI>',
      '<IRQ>',
      ` ${handler}+0x61/0x80`,
      '</IRQ>',
      '<TASK>',
      ` asm_${handler}+0x1a/0x20`,
      'RIP: 0010:hang_spin+0x4/0x10',
      ' fuse_iomap_llseek+0x169/0x1c0',
      'RIP: 0033:0x7f6ca78493e7',
      '</TASK>',
    ].map((line) => `[    9.968593]  ${line}`);
  expect(findInterrupted(interrupted('sysvec_apic_timer_interrupt'))).toBe('hang_spin');
  expect(findInterrupted(interrupted('sysvec_call_function_single'))).toBe('__sysvec_call_function_single');
  expect(
    findInterrupted(['[   10.576615] fuse: EXPERIMENTAL iomap feature enabled.  Use at your own risk!']),
  ).toBeUndefined();
});
