import { expect, test } from '@playwright/test';
import { encodeGuestFrame, guestFrames } from './guest-message.ts';
import { causeOfHang, describeHang, hangText, tellingFrames, type Hang } from './hang.ts';

const hang: Hang = {
  how: 'waits',
  blame: 'kernel',
  during: 'step',
  index: 3,
  step: 1,
  milliseconds: 4100,
  signature: 'waits; request_wait_answer; IOMAP_BEGIN',
  log: ['INFO: task node blocked'],
  tasks: [
    {
      role: 'workload',
      name: 'node',
      state: 'S',
      syscall: 8,
      stack: [
        'request_wait_answer',
        '__fuse_simple_request',
        'fuse_iomap_llseek',
        '__x64_sys_lseek',
        'do_syscall_64',
        'entry_SYSCALL_64_after_hwframe',
      ],
    },
    { role: 'server', name: 'node', state: 'S', syscall: 0, stack: ['fuse_dev_do_read'] },
  ],
  lastRequest: { name: 'IOMAP_BEGIN', about: 'node 16 pos 0', answered: true },
};

test('should say in one line which step hangs, where in the kernel, and what was asked last', () => {
  expect(describeHang(hang, 'seekData')).toBe(
    'seekData waits for ever in request_wait_answer, called by __fuse_simple_request, called by fuse_iomap_llseek; ' +
      'the last request was IOMAP_BEGIN, which was answered',
  );
});

/** A hang with that stack, after that request. */
const at = (how: Hang['how'], stack: string[], request = 'IOMAP_BEGIN'): string =>
  describeHang({
    ...hang,
    how,
    tasks: [{ ...hang.tasks[0]!, stack }],
    lastRequest: { name: request, about: '', answered: true },
  });
const causeAt = (...args: Parameters<typeof at>): string | undefined => causeOfHang(at(...args));

test('should name one cause for a wait that several syscalls reach after several requests', () => {
  const read = causeAt('waits', ['fuse_iomap_read_folio', 'filemap_read_folio', 'filemap_get_pages', 'filemap_read']);
  expect(read).toBe('waits for ever in fuse_iomap_read_folio');
  expect(causeAt('waits', ['fuse_iomap_read_folio', 'filemap_read_folio', 'filemap_fault', '__do_fault'], 'OPEN')).toBe(
    read,
  );
  // The same function, that does not come back in another way, or waits for a lock: another cause.
  expect(causeAt('restless', ['fuse_iomap_read_folio', 'filemap_read_folio'])).not.toBe(read);
  expect(causeAt('waits', ['mutex_lock', 'fuse_iomap_read_folio', 'filemap_read_folio'])).not.toBe(read);
});

test('should tell waits for the answers to two requests apart, which stand in the same function', () => {
  const waiting = (sender: string): string | undefined =>
    causeAt('waits', ['request_wait_answer', 'fuse_chan_send', '__fuse_simple_request', sender, 'iomap_iter']);
  expect(waiting('fuse_iomap_begin')).toBe(
    'waits for ever in request_wait_answer, called by fuse_chan_send, called by __fuse_simple_request, called by fuse_iomap_begin',
  );
  expect(waiting('fuse_iomap_end')).not.toBe(waiting('fuse_iomap_begin'));
});

test('should name one cause for a busy loop wherever in it the kernel was when it was looked at', () => {
  const loop = causeAt('runs', ['fuse_iomap_send_begin', 'fuse_iomap_begin', 'fuse_iomap_next_most', 'iomap_iter']);
  expect(
    causeAt('runs', ['__wake_up', 'fuse_get_req', 'fuse_chan_send', 'fuse_iomap_send_begin', 'fuse_iomap_begin']),
  ).toBe(loop);
  expect(causeAt('runs', ['fuse_iomap_fiemap', 'do_vfs_ioctl'])).not.toBe(loop);
});

test('should take the functions around a wait where none of them is the code under test', () => {
  const outside = (caller: string): string | undefined =>
    causeAt('waits', ['rwsem_down_write_slowpath', 'down_write', caller, 'ksys_write']);
  expect(outside('ext4_write')).not.toBe(outside('vfs_truncate'));
  // The end of writeback is waited for by fsync, by close and by others.
  const writeback = (caller: string): string | undefined =>
    causeAt('waits', ['folio_wait_bit', 'folio_wait_writeback', '__filemap_fdatawait_range', caller]);
  expect(writeback('file_write_and_wait_range')).toBe(writeback('filemap_fdatawait_range'));
  expect(
    causeAt('waits', [
      'folio_wait_bit',
      'folio_wait_writeback',
      '__filemap_fdatawait_range',
      'filemap_fdatawait_range',
      'write_inode_now',
      'fuse_flush',
    ]),
  ).toBe(writeback('filemap_fdatawait_range'));
  expect(causeOfHang('WARNING: fs/iomap/iter.c:49 at iomap_iter')).toBeUndefined();
});

test('should show stacks, the request and what the kernel said of it', () => {
  const text = hangText(hang).join('\n');
  for (const part of [
    'node (workload), state S, syscall 8',
    '  fuse_iomap_llseek',
    'node (server)',
    'last request: IOMAP_BEGIN',
    'INFO: task node blocked',
  ])
    expect(text).toContain(part);
});

test('should say the same of equal hangs: no address, number of a process or time is in the line', () => {
  const other: Hang = {
    ...hang,
    milliseconds: 9700,
    index: 77,
    lastRequest: { ...hang.lastRequest!, about: 'node 4096 pos 65536' },
  };
  expect(describeHang(other, 'seekData')).toBe(describeHang(hang, 'seekData'));
});

test('should leave out what every wait and every syscall goes through', () => {
  expect(tellingFrames(['__schedule', 'schedule', 'rwsem_down_write_slowpath', 'do_syscall_64'])).toEqual([
    'rwsem_down_write_slowpath',
  ]);
});

test('should reach the host as the guest wrote it, and be plain text there', () => {
  const message = { kind: 'case-hangs', id: 7, hang, known: true } as const;
  expect([...guestFrames().push(encodeGuestFrame(message))]).toEqual([message]);
  const evil = { ...message, hang: { ...hang, log: ['\x1b[2J'] } };
  expect([...guestFrames().push(encodeGuestFrame(evil))]).toMatchObject([{ hang: { log: ['?[2J'] } }]);
});
