import { expect, test } from '@playwright/test';
import { classify, parseRecords } from './kernel-log.ts';

/** As /dev/kmsg gives it: one record a line. */
const kmsg = (lines: string[], first = 100): string => lines.map((line, index) => `4,${first + index},${7_000_000 + index},-;${line}\n`).join('');
const events = (lines: string[]) => classify(parseRecords(kmsg(lines)));

/** Linux 7.3 under QEMU, shortened in the middle. */
const badMapping = [
  '------------[ cut here ]------------',
  'Bad mapping: !IS_ALIGNED(map->length, blocksize), func: fuse_iomap_check_mapping, line: 477',
  'WARNING: fs/fuse/fuse_iomap.c:477 at 0xffffffff811aba2d, CPU#0: node/50',
  'CPU: 0 UID: 0 PID: 50 Comm: node Not tainted 7.3.4+ #3 PREEMPTLAZY  ',
  'RIP: 0010:0xffffffff811ab8a8',
  'Call Trace:',
  ' <TASK>',
  ' ? 0xffffffff811ac0fd',
  ' </TASK>',
  '---[ end trace 0000000000000000 ]---',
];
const plainWarning = badMapping.map((line) => line.startsWith('Bad mapping') ? 'refcount_t: underflow; use-after-free.' : line.replace('fuse/fuse_iomap.c:477', 'lib/refcount.c:28'));

test('should make one event of a WARN that reports a bad mapping', () => {
  expect(events(badMapping)).toEqual([{ kind: 'bad-mapping-warn', condition: '!IS_ALIGNED(map->length, blocksize)', func: 'fuse_iomap_check_mapping', line: 477 }]);
});

test('should keep two in a row apart, and conditions with commas whole', () => {
  const second = badMapping.map((line) => line.replace('!IS_ALIGNED(map->length, blocksize)', 'check_add_overflow(map->offset, map->length, &end)'));
  expect(events([...badMapping, ...second]).map((event) => 'condition' in event && event.condition))
    .toEqual(['!IS_ALIGNED(map->length, blocksize)', 'check_add_overflow(map->offset, map->length, &end)']);
});

test('should make an assertion of an assertion', () => {
  expect(events(badMapping.map((line) => line.replace('Bad mapping', 'Assertion failed')))[0]).toMatchObject({ kind: 'assertion', line: 477 });
});

test('should call any other WARN a warning, with its text', () => {
  const [event, ...rest] = events(plainWarning);
  expect(rest).toEqual([]);
  expect(event).toMatchObject({ kind: 'warning', title: 'WARNING: fs/lib/refcount.c:28 at 0xffffffff811aba2d, CPU#0: node/50' });
  expect(event && 'text' in event && event.text).toContain('underflow');
});

test('should see a foreign warning between two expected ones', () => {
  expect(events([...badMapping, ...plainWarning, ...badMapping]).map(({ kind }) => kind)).toEqual(['bad-mapping-warn', 'warning', 'bad-mapping-warn']);
});

const reports: Record<string, string[]> = {
  'BUG: KASAN: slab-use-after-free in fuse_iomap_begin+0x12/0x90': ['=================================================================='],
  'UBSAN: shift-out-of-bounds in fs/fuse/fuse_iomap.c:99:12': ['------------[ cut here ]------------'],
  'BUG: kernel NULL pointer dereference, address: 0000000000000008': [],
  'kernel BUG at fs/iomap/iter.c:33!': ['------------[ cut here ]------------'],
  'WARNING: possible circular locking dependency detected': ['======================================================'],
  'INFO: task node:50 blocked for more than 120 seconds.': [],
  'watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [node:50]': [],
};
for (const [title, before] of Object.entries(reports)) {
  test(`should call it a bug: ${title}`, () => {
    const [event, ...rest] = events(['fuse: init (API version 7.99)', ...before, title, 'Call Trace:', ' fuse_file_read_iter+0x1/0x2']);
    expect(rest).toEqual([]);
    expect(event).toMatchObject({ kind: 'bug', title });
  });
}

test('should say nothing about lines that are no report', () => {
  expect(events(['EXPERIMENTAL iomap feature enabled.  Use at your own risk!', 'loop0: detected capacity change from 0 to 8', ' SUBSYSTEM=block'])).toEqual([]);
});

test('should not take a report that names a condition in its trace for a refusal', () => {
  const oops = ['BUG: unable to handle page fault for address: ffffffffdeadbeef', 'Bad mapping of the address space', 'RIP: 0010:fuse_iomap_begin+0x1/0x2'];
  expect(events(oops).map(({ kind }) => kind)).toEqual(['bug']);
});
