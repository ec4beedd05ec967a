import { expect, test } from '@playwright/test';
import { encodeGuestFrame, guestFrames } from './guest-message.ts';
import { describeHang, hangText, tellingFrames, type Hang } from './hang.ts';

const hang: Hang = {
  how: 'waits', blame: 'kernel', during: 'step', index: 3, step: 1, milliseconds: 4100, signature: 'waits; request_wait_answer; IOMAP_BEGIN', log: ['INFO: task node blocked'],
  tasks: [
    { role: 'workload', name: 'node', state: 'S', syscall: 8, stack: ['request_wait_answer', '__fuse_simple_request', 'fuse_iomap_llseek', '__x64_sys_lseek', 'do_syscall_64', 'entry_SYSCALL_64_after_hwframe'] },
    { role: 'server', name: 'node', state: 'S', syscall: 0, stack: ['fuse_dev_do_read'] },
  ],
  lastRequest: { name: 'IOMAP_BEGIN', about: 'node 16 pos 0', answered: true },
};

test('should say in one line which step hangs, where in the kernel, and what was asked last', () => {
  expect(describeHang(hang, 'seekData')).toBe('seekData waits for ever in request_wait_answer, called by __fuse_simple_request, called by fuse_iomap_llseek; '
    + 'the last request was IOMAP_BEGIN, which was answered');
});

test('should show stacks, the request and what the kernel said of it', () => {
  const text = hangText(hang).join('\n');
  for (const part of ['node (workload), state S, syscall 8', '  fuse_iomap_llseek', 'node (server)', 'last request: IOMAP_BEGIN', 'INFO: task node blocked']) expect(text).toContain(part);
});

test('should say the same of equal hangs: no address, number of a process or time is in the line', () => {
  const other: Hang = { ...hang, milliseconds: 9700, index: 77, lastRequest: { ...hang.lastRequest!, about: 'node 4096 pos 65536' } };
  expect(describeHang(other, 'seekData')).toBe(describeHang(hang, 'seekData'));
});

test('should leave out what every wait and every syscall goes through', () => {
  expect(tellingFrames(['__schedule', 'schedule', 'rwsem_down_write_slowpath', 'do_syscall_64'])).toEqual(['rwsem_down_write_slowpath']);
});

test('should reach the host as the guest wrote it, and be plain text there', () => {
  const message = { kind: 'case-hangs', id: 7, hang, known: true } as const;
  expect([...guestFrames().push(encodeGuestFrame(message))]).toEqual([message]);
  const evil = { ...message, hang: { ...hang, log: ['\x1b[2J'] } };
  expect([...guestFrames().push(encodeGuestFrame(evil))]).toMatchObject([{ hang: { log: ['?[2J'] } }]);
});
