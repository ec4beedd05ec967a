import { expect, test } from '@playwright/test';
import { logLine, parseRecords } from './line.ts';
import { LogReader, deathIn, kernelEvents } from './reader.ts';

/** As /dev/kmsg gives it: one record a line. */
const kmsg = (lines: string[], first = 100): string =>
  lines.map((line, index) => `4,${first + index},${7_000_000 + index},-;${line}\n`).join('');
const events = (lines: string[]) => kernelEvents(parseRecords(kmsg(lines)));

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
const plainWarning = badMapping.map((line) =>
  line.startsWith('Bad mapping')
    ? 'inode is where it should not be'
    : line.replace('fuse/fuse_iomap.c:477', 'inode.c:28'),
);

test('should make one event of a WARN that reports a bad mapping', () => {
  expect(events(badMapping)).toEqual([
    {
      kind: 'bad-mapping-warn',
      condition: '!IS_ALIGNED(map->length, blocksize)',
      func: 'fuse_iomap_check_mapping',
      line: 477,
    },
  ]);
});

test('should keep two in a row apart, and conditions with commas whole', () => {
  const second = badMapping.map((line) =>
    line.replace('!IS_ALIGNED(map->length, blocksize)', 'check_add_overflow(map->offset, map->length, &end)'),
  );
  expect(events([...badMapping, ...second]).map((event) => 'condition' in event && event.condition)).toEqual([
    '!IS_ALIGNED(map->length, blocksize)',
    'check_add_overflow(map->offset, map->length, &end)',
  ]);
});

test('should make an assertion of an assertion', () => {
  expect(events(badMapping.map((line) => line.replace('Bad mapping', 'Assertion failed')))[0]).toMatchObject({
    kind: 'assertion',
    line: 477,
  });
});

test('should call any other WARN a warning, with its text', () => {
  const [event, ...rest] = events(plainWarning);
  expect(rest).toEqual([]);
  expect(event).toMatchObject({ kind: 'warning', title: 'WARNING: fs/inode.c:28: inode is where it should not be' });
  expect(event && 'text' in event && event.text).toContain('where it should not be');
});

test('should see a foreign warning between two expected ones', () => {
  expect(events([...badMapping, ...plainWarning, ...badMapping]).map(({ kind }) => kind)).toEqual([
    'bad-mapping-warn',
    'warning',
    'bad-mapping-warn',
  ]);
});

test('should say nothing about lines that are no report', () => {
  expect(
    events([
      'EXPERIMENTAL iomap feature enabled.  Use at your own risk!',
      'loop0: detected capacity change from 0 to 8',
      ' SUBSYSTEM=block',
    ]),
  ).toEqual([]);
});

test('should not take a report that names a condition in its trace for a refusal', () => {
  const oops = [
    'BUG: unable to handle page fault for address: ffffffffdeadbeef',
    'Bad mapping of the address space',
    'RIP: 0010:fuse_iomap_begin+0x1/0x2',
  ];
  expect(events(oops).map(({ kind }) => kind)).toEqual(['bug']);
});

test('should hand out a report that goes on, and drop the rest of it', () => {
  const reader = new LogReader();
  reader.push(parseRecords(kmsg(plainWarning.slice(0, 5))));
  expect(reader.take().map(({ kind }) => kind)).toEqual(['warning']);
  reader.push(parseRecords(kmsg(plainWarning.slice(5))));
  expect(reader.take()).toEqual([]);
  reader.push(parseRecords(kmsg(plainWarning)));
  expect(reader.take().map(({ kind }) => kind)).toEqual(['warning']);
});

test('should wait for what a report is when only its beginning came', () => {
  for (const cut of [1, 2]) {
    const reader = new LogReader();
    reader.push(parseRecords(kmsg(badMapping.slice(0, cut))));
    const early = reader.take();
    reader.push(parseRecords(kmsg(badMapping.slice(cut))));
    expect([...early, ...reader.take()].map(({ kind }) => kind)).toEqual(['bad-mapping-warn']);
  }
});

test('should keep apart what two threads print at the same time, where the kernel says who prints', () => {
  const by = (caller: string, lines: string[]): string[] =>
    lines.map((line) => `[    7.123456][${caller.padStart(5)}] ${line}`);
  const both = by('T50', badMapping).flatMap((line, index) => [line, by('T51', plainWarning)[index]!]);
  const found = kernelEvents(both.map(logLine));
  expect(found.map(({ kind }) => kind)).toEqual(['bad-mapping-warn', 'warning']);
  expect(found[1]).toMatchObject({ text: plainWarning.join('\n') });
});

test('should lose and invent nothing where it does not', () => {
  const both = badMapping.flatMap((line, index) => [line, plainWarning[index]!]);
  expect(
    events(both)
      .map(({ kind }) => kind)
      .sort(),
  ).toEqual(['bad-mapping-warn', 'warning']);
});

test('should tell what the kernel died of, and nothing of a kernel that lives', () => {
  expect(deathIn([...plainWarning, ...badMapping].map(logLine))).toBeUndefined();
  expect(deathIn(['Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)'].map(logLine))).toBe(
    'Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)',
  );
});

test('should read records that hold several lines, and name their caller', () => {
  const [first, second] = parseRecords('4,7,1,-,caller=T5;\\x0abut task is already holding lock:\n SUBSYSTEM=block\n');
  expect([first, second]).toEqual([
    { seq: 7, text: '', stamped: true, caller: 'T5' },
    { seq: 7, text: 'but task is already holding lock:', stamped: true, caller: 'T5' },
  ]);
});

test("should not take for the kernel's what a program writes to its log", () => {
  expect(kernelEvents(parseRecords('12,7,1,-;BUG: this is not the kernel\n'))).toEqual([]);
  expect(parseRecords('12,7,1,-;BUG: this is not the kernel\n')).toMatchObject([{ seq: 7, text: '' }]);
});

test('should say that a message was cut, and not that one was which is almost as long', () => {
  const record = (text: string): string => `4,7,100,-;${text}\n`;
  const eventsOf = (text: string) => kernelEvents(parseRecords(record(text)));
  const bug = 'BUG: KASAN: use-after-free in iomap_iter';
  expect(eventsOf('x'.repeat(1023))).toEqual([{ kind: 'lost-events', source: 'kmsg', count: 1 }]);
  expect(eventsOf('x'.repeat(1022))).toEqual([]);
  expect(eventsOf('Bad mapp<truncated>')).toEqual([{ kind: 'lost-events', source: 'kmsg', count: 1 }]);
  expect(eventsOf(`${bug} ${'x'.repeat(1023)}`).map(({ kind }) => kind)).toEqual(['lost-events', 'bug']);
});
