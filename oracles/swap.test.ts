import { expect, test } from '@playwright/test';
import type { Case, Step } from '../model/case.ts';
import type { StepResult } from '../model/observation.ts';
import type { IomapIo } from '../uapi/iomap.ts';
import { judge } from './judge.ts';
import {
  beginExchange,
  device,
  endExchange,
  failed,
  ioendExchange,
  madeCase,
  mapped,
  observed,
  other,
  overwrite,
  wire,
  writer,
  deviates,
} from './testing/hand-made.ts';

const EINVAL = 22,
  ENOSYS = 38,
  SWAPFILE = 0x4000_0004,
  SWAPOFF = 0x40,
  SIZE = 16384n;
const done: StepResult = { ret: 0n, errno: 0 };
type Made = ReturnType<typeof other>;

/** Four pages at byte 8192 of device 0; nothing is opened besides. */
function swapCase(...steps: Step[]): Case {
  const testCase = madeCase([]);
  testCase.workload = steps;
  return testCase;
}
const on: Step = { call: 'swapon', file: 0, header: { device: 0, offset: 8192n, pages: 4 } },
  off: Step = { call: 'swapoff', file: 0 };
const whole = mapped(0n, SIZE, 8192n);
const header = beginExchange(0, 0n, 4096n, whole, overwrite(0n, SIZE));
const asked = (read: IomapIo = whole, pos = 0n) =>
  beginExchange(SWAPFILE, pos, SIZE - pos, read, overwrite(read.offset, read.length));
const swapoff = (flags = SWAPOFF, reply = {}): Made => ioendExchange(flags, 0n, 0n, 0, reply);
const verdictOf = (testCase: Case, results: StepResult[], exchanges: Made[], changes: object[] = []) =>
  deviates(judge(testCase, { ...observed({ exchanges, changes: changes as never }), steps: results }));

test.describe('swapon and swapoff', () => {
  const testCase = swapCase(on, off);
  const seen = (...exchanges: Made[]) => verdictOf(testCase, [done, done], exchanges);
  test('conform with the header, the mappings, once or with the first one twice, and SWAPOFF', () => {
    expect(seen(header, asked(), other('FSYNC'), asked(), swapoff())).toEqual(['conforms']);
    expect(seen(header, other('FSYNC'), asked(), swapoff())).toEqual(['conforms']);
    expect(
      seen(
        header,
        other('FSYNC'),
        asked(mapped(0n, 8192n, 8192n)),
        asked(mapped(8192n, 8192n, 65536n), 8192n),
        swapoff(),
      ),
    ).toEqual(['conforms']);
  });
  test('deviate without mappings, with some of them, with an END, or without SWAPOFF', () => {
    expect(seen(header, swapoff())).not.toEqual(['conforms']);
    expect(seen(header, other('FSYNC'), asked(mapped(0n, 8192n, 8192n)), swapoff())).not.toEqual(['conforms']);
    expect(seen(header, other('FSYNC'), asked(), endExchange(SWAPFILE, 0n, SIZE, 0n, whole), swapoff())).not.toEqual([
      'conforms',
    ]);
    expect(seen(header, other('FSYNC'), asked())).toContain('swap/off request');
    expect(seen(header, other('FSYNC'), asked(), swapoff(8))).toContain('swap/off request');
    expect(seen(header, other('FSYNC'), asked(), swapoff(), swapoff())).toContain('request/none request');
  });
  test('send SWAPOFF also after an ENOSYS', () => {
    const [second, lacks] = [
      swapCase(on, off, { ...on, file: 1 }, { ...off, file: 1 }),
      swapoff(SWAPOFF, { error: -ENOSYS }),
    ];
    second.geometry.files.push(second.geometry.files[0]!);
    const ino = (parts: Made): Made => ({ ...parts, file: 1, request: { ...parts.request, attrIno: 78n } });
    const again = (...last: Made[]) =>
      deviates(
        judge(second, {
          ...observed({
            exchanges: [
              header,
              other('FSYNC'),
              asked(),
              lacks,
              ino(header),
              { ...other('FSYNC'), file: 1 },
              ino(asked()),
              ...last.map(ino),
            ],
          }),
          steps: [done, done, done, done],
          inodes: [77n, 78n],
        }),
      );
    expect(again(swapoff())).toEqual(['conforms']);
    expect(again()).toContain('swap/off request');
  });
});

test('swapon without a header in its place fails, and asks for no mappings', () => {
  for (const step of [
    { call: 'swapon', file: 0 },
    { ...on, header: { device: 0, offset: 8704n, pages: 4 } },
    { ...on, header: { device: 0, offset: 8192n, pages: 5 } },
  ] as Step[]) {
    expect(verdictOf(swapCase(step), [failed(EINVAL)], [header])).toEqual(['conforms']);
    expect(verdictOf(swapCase(step), [done], [header, other('FSYNC'), asked(), swapoff()])).not.toEqual(['conforms']);
  }
});

test('swapon refuses what is no place for pages', () => {
  const shared = mapped(0n, SIZE, 8192n, 1, 4),
    dirty = mapped(0n, SIZE, 8192n, 1, 2),
    hole = wire(0, 0n, SIZE),
    inline = wire(4, 0n, SIZE);
  for (const map of [shared, dirty, hole, inline]) {
    expect(verdictOf(swapCase(on), [failed(EINVAL)], [header, other('FSYNC'), asked(map)]), String(map.type)).toEqual([
      'conforms',
    ]);
    expect(
      verdictOf(swapCase(on), [done], [header, other('FSYNC'), asked(map), swapoff()]),
      String(map.type),
    ).toContain('swap/mapping errno');
  }
  // Unwritten blocks are as good as others.
  const unwritten = wire(3, 0n, SIZE, { addr: 8192n, dev: 1 });
  expect(verdictOf(swapCase(on), [done], [header, other('FSYNC'), asked(unwritten), swapoff()])).toEqual(['conforms']);
});

test.describe('what is paged out', () => {
  const testCase = swapCase(on, { call: 'pageOut', lengthBytes: 4096, writer: 5 }, off);
  const exchanges = [header, other('FSYNC'), asked(), swapoff()];
  const seen = (data: object[], changes: object[]) =>
    verdictOf(testCase, [done, { ret: 4096n, errno: 0, data: data as never, tail: [] }, done], exchanges, changes);
  const page = writer(0n, 4096, 5);
  test('is in a page of the swap file but the first, or nowhere', () => {
    expect(seen([page], [])).toEqual(['conforms']);
    for (const offsetBytes of [12288n, 20480n])
      expect(seen([page], [{ device: 0, offsetBytes, content: [page] }])).toEqual(['conforms']);
    for (const offsetBytes of [8192n, 4096n, 24576n])
      expect(seen([page], [{ device: 0, offsetBytes, content: [page] }]), String(offsetBytes)).toContain(
        'device/bytes device-bytes',
      );
    expect(seen([page], [{ device: 1, offsetBytes: 12288n, content: [page] }])).toContain('device/bytes device-bytes');
  });
  test('comes back as it was', () => {
    expect(seen([device(0, 12288n, 4096)], [])).toContain('swap/pages bytes-read');
  });
});
