/**
 * Writeback in several passes, and pages that leave the cache: what the kernel may leave unsaid, and what not even
 * then.
 */
import { expect, test } from '@playwright/test';
import type { ByteRun } from '../model/bytes.ts';
import type { Step } from '../model/case.ts';
import type { DeviceChange, Exchange, StepResult } from '../model/observation.ts';
import type { Verdict } from '../model/verdict.ts';
import { attrOut } from '../uapi/fuse-structs.ts';
import { ioendOut, type IomapIo } from '../uapi/iomap.ts';
import { NULL_ADDR } from '../uapi/revision.ts';
import { judge } from './judge.ts';
import {
  beginExchange,
  device,
  endExchange,
  INO,
  madeCase,
  mapped,
  observed,
  other,
  overwrite,
  wire,
  writer,
  zeros,
  deviates,
} from './testing/hand-made.ts';

type Made = Omit<Exchange, 'seq' | 'unique' | 'opcode' | 'nodeid'>;
const WRITE = 1,
  ZERO = 2,
  WRITEBACK = 0x8000_0000,
  UNWRITTEN = 3,
  STALE = 0x200,
  SHARED = 4,
  APPEND = 0x10,
  IOEND_SHARED = 0x21,
  IOEND_UNWRITTEN = 0x22,
  IOEND_UNWRITTEN_APPEND = 0x32;
const conforms = { kind: 'conforms' } as const;

const attributes = Buffer.alloc(attrOut.size);
// st_mode of a regular file.
attributes.writeUInt32LE(0o100644, 16 + 60);
/** `step`: the guest saw it in. */
const at = (step: number, ...exchanges: Made[]): Made[] => exchanges.map((exchange) => ({ ...exchange, step }));
const setattr = (size: bigint, valid = 0x478): Made => ({
  name: 'SETATTR',
  file: 0,
  request: { valid, padding: 0, size },
  reply: { error: 0, payload: attributes },
  writeErrno: 0,
});
const times = setattr(0n, 0x430);
/** Its answer says that the file has that size. */
const timesOf = (size: bigint): Made => {
  const payload = Buffer.from(attributes);
  payload.writeBigUInt64LE(size, 16 + 8);
  return { ...times, reply: { error: 0, payload } };
};
const ask = (opflags: number, pos: bigint, count: bigint, read: IomapIo): Made =>
  beginExchange(opflags, pos, count, read, overwrite(read.offset, read.length));
const ioend = (flags: number, pos: bigint, written: bigint, newAddr: bigint): Made => ({
  name: 'IOMAP_IOEND',
  file: 0,
  writeErrno: 0,
  request: { flags, error: 0, attrIno: INO, pos, newAddr, written, dev: 1, pad: 0 },
  reply: { error: 0, payload: ioendOut.encode({ newsize: 0n }) },
});
const write = (offset: bigint, lengthBytes: number, number = 0): Step => ({
  call: 'pwrite',
  fd: 0,
  offset,
  lengthBytes,
  writer: number,
});
const fsync: Step = { call: 'fsync', fd: 0 };
const truncate = (sizeBytes: bigint): Step => ({ call: 'ftruncate', fd: 0, sizeBytes });
const done: StepResult = { ret: 0n, errno: 0 };
const resultOf = (step: Step): StepResult =>
  step.call === 'pwrite' ? { ret: BigInt(step.lengthBytes), errno: 0 } : done;
const changed = (offsetBytes: bigint, ...content: DeviceChange['content']): DeviceChange => ({
  device: 0,
  offsetBytes,
  content,
});

/** A file of 16384 bytes, or `sizeBytes`, through the page cache. */
function seen(steps: Step[], exchanges: Made[], changes: DeviceChange[], sizeBytes = 16384n): Verdict {
  const testCase = madeCase([], { sizeBytes, workload: [{ call: 'open', file: 0, flags: ['rdwr'] }, ...steps] });
  return judge(testCase, observed({ exchanges, results: steps.map(resultOf), changes }));
}

test.describe('pages that a truncation drops', () => {
  const steps = [write(4096n, 8192), truncate(0n)];
  const place = mapped(0n, 16384n, 65536n),
    fresh = wire(UNWRITTEN, 0n, 16384n, { addr: 65536n, dev: 1 });
  const run = (map: IomapIo, exchanges: Made[], ...changes: DeviceChange[]) =>
    seen(steps, [...at(1, ask(WRITE, 4096n, 8192n, map)), ...at(2, ...exchanges, setattr(0n))], changes);
  const begun = (map: IomapIo): Made => ask(WRITEBACK, 4096n, 4096n, map);

  test('may have been written behind the one that was asked for, by its mapping, or not', () => {
    expect(run(place, [begun(place)], changed(69632n, writer(4096n, 8192)))).toEqual(conforms);
    expect(run(place, [begun(place)], changed(69632n, writer(4096n, 4096)))).toEqual(conforms);
    expect(run(place, [])).toEqual(conforms);
  });
  test('have not been written where no mapping was asked for, and elsewhere not even then', () => {
    const short = mapped(4096n, 4096n, 69632n);
    expect(deviates(run(place, [begun(short)], changed(69632n, writer(4096n, 8192))))).toEqual([
      'device/bytes device-bytes',
    ]);
    expect(deviates(run(place, [], changed(69632n, writer(4096n, 4096))))).toEqual(['device/bytes device-bytes']);
    expect(deviates(run(place, [begun(place)], changed(69632n, writer(4096n, 4096), writer(4096n, 4096))))).toEqual([
      'device/bytes device-bytes',
    ]);
  });
  test('need their IOEND where one is due', () => {
    const first = ioend(IOEND_UNWRITTEN, 4096n, 4096n, 69632n),
      both = ioend(IOEND_UNWRITTEN, 4096n, 8192n, 69632n);
    expect(run(fresh, [begun(fresh), both], changed(69632n, writer(4096n, 8192)))).toEqual(conforms);
    expect(run(fresh, [begun(fresh), first], changed(69632n, writer(4096n, 4096)))).toEqual(conforms);
    expect(deviates(run(fresh, [begun(fresh), first], changed(69632n, writer(4096n, 8192))))).toEqual([
      'device/bytes device-bytes',
    ]);
  });
});

test.describe('writeback in several passes', () => {
  const low = mapped(0n, 8192n, 65536n),
    high = mapped(8192n, 8192n, 73728n);
  const steps = [write(8192n, 8192), write(0n, 4096, 1), write(12288n, 4096, 2), fsync];
  const before = [
    ...at(1, ask(WRITE, 8192n, 8192n, high)),
    ...at(2, ask(WRITEBACK, 8192n, 4096n, high), ask(WRITE, 0n, 4096n, low)),
  ];
  const bytes = [changed(65536n, writer(0n, 4096, 1)), changed(73728n, writer(8192n, 4096), writer(12288n, 4096, 2))];
  const end = [times, other('FSYNC')];

  test('may use what the first pass was given when a later one is elsewhere', () => {
    expect(
      seen(
        steps,
        [...before, ...at(3, ask(WRITE, 12288n, 4096n, high)), ...at(4, ask(WRITEBACK, 0n, 4096n, low), ...end)],
        bytes,
      ),
    ).toEqual(conforms);
    expect(
      seen(
        steps,
        [
          ...before,
          ...at(3, ask(WRITE, 12288n, 4096n, high)),
          ...at(4, ask(WRITEBACK, 0n, 4096n, low), ask(WRITEBACK, 12288n, 4096n, high), ...end),
        ],
        bytes,
      ),
    ).toEqual(conforms);
  });
  test('has what was written last on the device at the end, whichever pass brought it there', () => {
    const asked = [
      ...before,
      ...at(3, ask(WRITE, 12288n, 4096n, high)),
      ...at(4, ask(WRITEBACK, 0n, 4096n, low), ...end),
    ];
    expect(deviates(seen(steps, asked, [bytes[0]!, changed(73728n, writer(8192n, 8192))]))).toEqual([
      'device/bytes device-bytes',
    ]);
    expect(deviates(seen(steps, asked, [bytes[0]!]))).toEqual(['device/bytes device-bytes']);
    expect(deviates(seen(steps, asked, [bytes[1]!]))).toEqual(['device/bytes device-bytes']);
  });
  test('asks anew for what is written after fsync, whose passes are over', () => {
    const again = [write(8192n, 4096), fsync, write(8192n, 4096, 1), fsync];
    const first = [
      ...at(1, ask(WRITE, 8192n, 4096n, high)),
      ...at(2, ask(WRITEBACK, 8192n, 4096n, high), ...end),
      ...at(3, ask(WRITE, 8192n, 4096n, high)),
    ];
    const last = [changed(73728n, writer(8192n, 4096, 1))];
    expect(seen(again, [...first, ...at(4, ask(WRITEBACK, 8192n, 4096n, high), other('FSYNC'))], last)).toEqual(
      conforms,
    );
    expect(deviates(seen(again, [...first, ...at(4, other('FSYNC'))], last))).toContain('request/writeback request');
  });
});

test.describe('a file that grows over what is dirty in unwritten blocks', () => {
  const fresh = wire(UNWRITTEN, 0n, 1n << 20n, { addr: 65536n, dev: 1 });
  const steps = [write(4096n, 100), truncate(8192n)];
  const zeroing = ask(ZERO, 4196n, 3996n, fresh),
    staleEnd = endExchange(ZERO, 4196n, 3996n, 0n, { ...fresh, flags: STALE });
  const written = [ask(WRITEBACK, 4096n, 4096n, fresh), ioend(IOEND_UNWRITTEN_APPEND, 4096n, 4096n, 69632n)];
  const wrote = at(
    1,
    ask(WRITE, 4096n, 100n, fresh),
    endExchange(WRITE, 4096n, 100n, 100n, { ...fresh, flags: 0x100 }),
  );
  const run = (exchanges: Made[], content: DeviceChange['content']) =>
    seen(steps, [...wrote, ...at(2, ...exchanges)], [changed(69632n, ...content)], 4096n);

  test('may write that back first, and ask again', () => {
    expect(run([zeroing, ...written, staleEnd, zeroing, setattr(8192n)], [writer(4096n, 100), zeros(3996)])).toEqual(
      conforms,
    );
  });
  test('starts over only after END, and has zeros behind the old end of the file', () => {
    expect(deviates(run([zeroing, ...written, zeroing, setattr(8192n)], [writer(4096n, 100), zeros(3996)]))).toEqual([
      'truncate/setattr request',
    ]);
    expect(deviates(run([zeroing, ...written, staleEnd, zeroing, setattr(8192n)], [writer(4096n, 4096)]))).not.toEqual([
      'conforms',
    ]);
  });
  test('may call a mapping stale when writeback was over before it asked, and only by an END that says so', () => {
    const bytes = [writer(4096n, 100), zeros(3996)];
    const again = (end: Made[]) => run([...written, zeroing, ...end, zeroing, setattr(8192n)], bytes);
    expect(again([staleEnd])).toEqual(conforms);
    expect(deviates(again([endExchange(ZERO, 4196n, 3996n, 0n, fresh)]))).not.toEqual(['conforms']);
    expect(deviates(again([]))).not.toEqual(['conforms']);
  });
  test('may call the mapping of a write stale by what writeback of another range reports meanwhile', () => {
    const two = [write(4096n, 100), write(12288n, 8)];
    const asked = ask(WRITE, 12288n, 8n, fresh),
      given = endExchange(WRITE, 12288n, 8n, 0n, { ...fresh, flags: STALE });
    const reported = ioend(IOEND_UNWRITTEN_APPEND, 4096n, 100n, 69632n);
    const last = [ask(WRITEBACK, 12288n, 4096n, fresh), ioend(IOEND_UNWRITTEN_APPEND, 12288n, 8n, 77824n)];
    const all = (end: Made[]) =>
      seen(
        two,
        [
          ...wrote,
          ...at(
            2,
            written[0]!,
            ask(ZERO, 4196n, 8092n, fresh),
            asked,
            reported,
            ...end,
            asked,
            endExchange(WRITE, 12288n, 8n, 8n, { ...fresh, flags: 0x100 }),
          ),
          ...last,
        ],
        [changed(69632n, writer(4096n, 100), zeros(3996)), changed(77824n, writer(12288n, 8), zeros(4088))],
        4096n,
      );
    expect(all([given])).toEqual(conforms);
    expect(deviates(all([])).join()).toMatch(/request\/(none|end) request/);
  });
  test('does not start over where nothing was dirty', () => {
    const clean = (exchanges: Made[]) => deviates(seen([truncate(8192n)], at(1, ...exchanges), [], 4196n));
    expect(clean([zeroing, setattr(8192n)])).toEqual(['conforms']);
    expect(clean([zeroing, staleEnd, zeroing, setattr(8192n)])).toEqual(['truncate/setattr request']);
  });
});

test('times that the server heard with a new size need not be told again, and without it they must', () => {
  const place = mapped(0n, 16384n, 65536n);
  const run = (valid: number, ...last: Made[]) =>
    deviates(
      seen(
        [truncate(8192n), write(0n, 4096), fsync],
        [
          ...at(1, setattr(8192n, valid)),
          ...at(2, ask(WRITE, 0n, 4096n, place)),
          ...at(3, ask(WRITEBACK, 0n, 4096n, place), ...last, other('FSYNC')),
        ],
        [changed(65536n, writer(0n, 4096))],
      ),
    );
  expect(run(0x478)).toEqual(['conforms']);
  expect(run(0x478, times)).toEqual(['conforms']);
  expect(run(8)).toContain('request/times request');
  expect(run(8, times)).toEqual(['conforms']);
});

test.describe('writeback by a call that changes the size', () => {
  const fresh = wire(UNWRITTEN, 0n, 1n << 20n, { addr: 65536n, dev: 1 });
  const wrote = (bytes: bigint) =>
    at(1, ask(WRITE, 4096n, bytes, fresh), endExchange(WRITE, 4096n, bytes, bytes, { ...fresh, flags: 0x100 }));
  const fetched = ask(WRITEBACK, 4096n, 4096n, fresh);

  test('says APPEND by the old size or by the new one, before the server knows that, and by the old one before the call', () => {
    const allocate: Step = { call: 'fallocate', fd: 0, mode: 0x10, offset: 4300n, lengthBytes: 100n };
    const asked: Made = {
      name: 'FALLOCATE',
      file: 0,
      request: { offset: 4300n, length: 100n, mode: 0x10, padding: 0 },
      reply: { error: 0, payload: new Uint8Array() },
      writeErrno: 0,
    };
    const run = (flags: number, step: number) =>
      deviates(
        seen(
          [write(4096n, 100), allocate],
          [
            ...wrote(100n),
            ...at(step, fetched, ioend(flags, 4096n, 100n, 69632n)),
            ...at(2, asked, ask(ZERO, 4196n, 204n, fresh)),
          ],
          [changed(69632n, writer(4096n, 100), zeros(3996))],
          4096n,
        ),
      );
    expect(run(IOEND_UNWRITTEN_APPEND, 2)).toEqual(['conforms']);
    expect(run(IOEND_UNWRITTEN, 2)).toEqual(['conforms']);
    expect(run(IOEND_UNWRITTEN_APPEND, 1)).toEqual(['conforms']);
    expect(run(IOEND_UNWRITTEN, 1)).toEqual(['request/writeback-ioend request']);
  });

  test('says no APPEND any more behind FALLOCATE, which told the size, also where it did before', () => {
    const allocate: Step = { call: 'fallocate', fd: 0, mode: 0x10, offset: 4196n, lengthBytes: 204n };
    const asked: Made = {
      name: 'FALLOCATE',
      file: 0,
      request: { offset: 4196n, length: 204n, mode: 0x10, padding: 0 },
      reply: { error: 0, payload: new Uint8Array() },
      writeErrno: 0,
    };
    const place = { ...mapped(0n, 1n << 20n, 65536n), flags: SHARED };
    const zero = ask(ZERO, 4196n, 204n, place);
    const writeback = (flags: number, written: bigint) => [
      ask(WRITEBACK, 4096n, 4096n, place),
      ioend(flags, 4096n, written, 69632n),
    ];
    const first = writeback(IOEND_SHARED | APPEND, 100n);
    const second = writeback(IOEND_SHARED, 304n);
    const run = (...exchanges: Made[]) =>
      deviates(
        seen(
          [write(4096n, 100), allocate],
          [
            ...at(1, ask(WRITE, 4096n, 100n, place), endExchange(WRITE, 4096n, 100n, 100n, { ...place, flags: 0x104 })),
            ...at(2, ...exchanges),
          ],
          [changed(69632n, writer(4096n, 100), zeros(3996))],
          4096n,
        ),
      );
    expect(run(...first, asked, zero, ...second)).toEqual(['conforms']);
    expect(run(...first, zero, ...second, asked)).toContain('request/writeback-ioend request');
  });

  test('reaches to the end of a file that is cut by now, or, before its block is zeroed, to the old one', () => {
    const run = (written: bigint, bytes: number, isReported = true) =>
      deviates(
        seen(
          [write(4096n, 2000), truncate(5000n)],
          [
            ...wrote(2000n),
            ...at(
              2,
              setattr(5000n),
              ask(ZERO, 5000n, 3192n, fresh),
              fetched,
              ...(isReported ? [ioend(IOEND_UNWRITTEN_APPEND, 4096n, written, 69632n)] : []),
            ),
          ],
          [changed(69632n, writer(4096n, bytes), zeros(4096 - bytes))],
          4096n,
        ),
      );
    expect(run(904n, 904)).toEqual(['conforms']);
    expect(run(2000n, 2000)).toEqual(['conforms']);
    expect(run(904n, 904, false)).toContain('request/writeback-ioend request');
    expect(run(2001n, 2000)).toContain('request/writeback-ioend request');
    // Neither are bytes lost that are in the file.
    expect(run(904n, 800)).toContain('device/bytes device-bytes');
  });
});

test('a size that only SETATTR told may not be that on the disk, also when the file is cut afterwards; one that was there is', () => {
  const fresh = wire(UNWRITTEN, 0n, 1n << 20n, { addr: 65536n, dev: 1 });
  const answered = (size: bigint): Made => ({ ...timesOf(size), request: setattr(size).request });
  const grown = at(1, ask(ZERO, 4096n, 12288n, fresh), answered(16384n));
  const last = (step: number, flags: number) => [
    ...at(step, answered(6000n), ask(ZERO, 6000n, 2192n, fresh)),
    ...at(step + 1, ask(WRITE, 4096n, 100n, fresh)),
    ask(WRITEBACK, 4096n, 4096n, fresh),
    ioend(flags, 4096n, 1904n, 69632n),
  ];
  const bytes = [changed(69632n, writer(4096n, 100), zeros(3996))];
  for (const flags of [IOEND_UNWRITTEN, IOEND_UNWRITTEN_APPEND])
    expect(
      seen([truncate(16384n), truncate(6000n), write(4096n, 100)], [...grown, ...last(2, flags)], bytes, 4096n),
    ).toEqual(conforms);
  const cut = (flags: number) => seen([truncate(6000n), write(4096n, 100)], last(1, flags), bytes);
  expect(cut(IOEND_UNWRITTEN)).toEqual(conforms);
  expect(deviates(cut(IOEND_UNWRITTEN_APPEND))).toContain('request/writeback-ioend request');
});

test('the size in an answer about times may be that on the disk, and none that nobody told', () => {
  const fresh = wire(UNWRITTEN, 0n, 1n << 20n, { addr: 65536n, dev: 1 });
  const run = (size: bigint) =>
    seen(
      [fsync, write(4096n, 100)],
      [
        ...at(1, timesOf(size), other('FSYNC')),
        ...at(2, ask(WRITE, 4096n, 100n, fresh), endExchange(WRITE, 4096n, 100n, 100n, { ...fresh, flags: 0x100 })),
        ask(WRITEBACK, 4096n, 4096n, fresh),
        ioend(IOEND_UNWRITTEN, 4096n, 100n, 69632n),
      ],
      [changed(69632n, writer(4096n, 100), zeros(3996))],
      4096n,
    );
  expect(run(8192n)).toEqual(conforms);
  expect(deviates(run(4096n))).toContain('request/writeback-ioend request');
});

test('APPEND goes by the size when the bytes were sent or by the one that an answer told meanwhile, not by an older one', () => {
  const fresh = wire(UNWRITTEN, 0n, 1n << 20n, { addr: 65536n, dev: 1 });
  const wrote = (pos: bigint, bytes: bigint): Made[] => [
    ask(WRITE, pos, bytes, fresh),
    endExchange(WRITE, pos, bytes, bytes, { ...fresh, flags: 0x100 }),
  ];
  const told = (pos: bigint): Made => ({
    ...ioend(IOEND_UNWRITTEN_APPEND, pos, 4096n, 65536n + pos),
    reply: { error: 0, payload: ioendOut.encode({ newsize: 12288n }) },
  });
  const asked = (pos: bigint): Made => ask(WRITEBACK, pos, 4096n, fresh);
  const together = (flags: number) =>
    seen(
      [write(4096n, 8192), fsync],
      [
        ...at(1, ...wrote(4096n, 8192n)),
        ...at(2, asked(4096n), asked(8192n), told(8192n), ioend(flags, 4096n, 4096n, 69632n), times, other('FSYNC')),
      ],
      [changed(69632n, writer(4096n, 8192))],
      4096n,
    );
  expect(together(IOEND_UNWRITTEN)).toEqual(conforms);
  expect(together(IOEND_UNWRITTEN_APPEND)).toEqual(conforms);
  const apart = (flags: number) =>
    seen(
      [write(4096n, 4096), fsync, write(8192n, 4096), fsync],
      [
        ...at(1, ...wrote(4096n, 4096n)),
        ...at(2, asked(4096n), told(4096n), timesOf(12288n), other('FSYNC')),
        ...at(3, ...wrote(8192n, 4096n)),
        ...at(4, asked(8192n), ioend(flags, 8192n, 4096n, 73728n), timesOf(12288n), other('FSYNC')),
      ],
      [changed(69632n, writer(4096n, 8192))],
      4096n,
    );
  expect(apart(IOEND_UNWRITTEN)).toEqual(conforms);
  expect(deviates(apart(IOEND_UNWRITTEN_APPEND))).toContain('request/writeback-ioend request');
});

test('a size that writeback reported stays that on the disk when the server then refuses it', () => {
  const fresh = wire(UNWRITTEN, 0n, 1n << 20n, { addr: 65536n, dev: 1 });
  const refused: Made = { ...setattr(8192n), reply: { error: -5, payload: new Uint8Array() } };
  const run = (newsize: bigint, flags: number) =>
    judge(
      madeCase([], {
        sizeBytes: 4096n,
        workload: [{ call: 'open', file: 0, flags: ['rdwr'] }, write(4096n, 100), truncate(8192n), write(6000n, 100)],
      }),
      observed({
        exchanges: [
          ...at(1, ask(WRITE, 4096n, 100n, fresh), endExchange(WRITE, 4096n, 100n, 100n, { ...fresh, flags: 0x100 })),
          ...at(2, ask(ZERO, 4196n, 3996n, fresh), ask(WRITEBACK, 4096n, 4096n, fresh), {
            ...ioend(IOEND_UNWRITTEN_APPEND, 4096n, 4096n, 69632n),
            reply: { error: 0, payload: ioendOut.encode({ newsize }) },
          }),
          ...at(2, refused),
          ...at(
            3,
            ask(ZERO, 4196n, 1804n, fresh),
            ask(WRITE, 6000n, 100n, fresh),
            endExchange(WRITE, 6000n, 100n, 100n, { ...fresh, flags: 0x100 }),
          ),
          ask(WRITEBACK, 4096n, 4096n, fresh),
          ioend(flags, 4096n, 2004n, 69632n),
        ],
        results: [resultOf(write(4096n, 100)), { ret: -1n, errno: 5 }, resultOf(write(6000n, 100))],
        changes: [changed(69632n, writer(4096n, 100), zeros(1804), writer(6000n, 100), zeros(2092))],
      }),
    );
  expect(run(8192n, IOEND_UNWRITTEN)).toEqual(conforms);
  expect(deviates(run(8192n, IOEND_UNWRITTEN_APPEND))).toContain('request/writeback-ioend request');
  expect(run(0n, IOEND_UNWRITTEN_APPEND)).toEqual(conforms);
  expect(deviates(run(0n, IOEND_UNWRITTEN))).toContain('request/writeback-ioend request');
});

test('a truncation that cannot zero its block drops what was dirty behind it, and nothing before it', () => {
  const fresh = wire(UNWRITTEN, 0n, 1n << 20n, { addr: 65536n, dev: 1 });
  const run = (first: number) =>
    judge(
      madeCase([], {
        sizeBytes: 16384n,
        workload: [{ call: 'open', file: 0, flags: ['rdwr'] }, write(0n, 12288), truncate(5000n)],
      }),
      observed({
        exchanges: [
          ...at(1, ask(WRITE, 0n, 12288n, fresh)),
          ...at(2, setattr(5000n), {
            ...ask(ZERO, 5000n, 3192n, fresh),
            reply: { error: -5, payload: new Uint8Array() },
          }),
          ...(first > 0
            ? [
                ask(WRITEBACK, 0n, BigInt(first), fresh),
                ioend(IOEND_UNWRITTEN, 0n, BigInt(Math.min(first, 5000)), 65536n),
              ]
            : []),
        ],
        results: [resultOf(write(0n, 12288)), { ret: -1n, errno: 5 }],
        changes:
          first > 0 ? [changed(65536n, writer(0n, Math.min(first, 5000)), ...(first > 5000 ? [zeros(3192)] : []))] : [],
      }),
    );
  expect(run(8192)).toEqual(conforms);
  expect(deviates(run(4096))).toEqual(['request/writeback-ioend request', 'device/bytes device-bytes']);
});

test('each open file may be told once of what was lost, one that was told not again', () => {
  const place = mapped(0n, 16384n, 65536n);
  const run = (...syncs: { fd: number; errno: number }[]) => {
    const steps: Step[] = [
      { call: 'open', file: 0, flags: ['rdwr'] },
      { call: 'open', file: 0, flags: ['rdwr'] },
      write(0n, 4096),
      ...syncs.map(({ fd }): Step => ({ call: 'fsync', fd })),
    ];
    const refused: Made = { ...ask(WRITEBACK, 0n, 4096n, place), reply: { error: -28, payload: new Uint8Array() } };
    const told = syncs.findIndex(({ errno }) => errno === 0);
    return judge(
      madeCase([], { sizeBytes: 16384n, workload: steps }),
      observed({
        exchanges: [
          ...at(2, ask(WRITE, 0n, 4096n, place)),
          ...at(3, refused, {
            ...ioend(0, 0n, 4096n, NULL_ADDR),
            request: {
              flags: 0,
              error: -28,
              attrIno: INO,
              pos: 0n,
              newAddr: NULL_ADDR,
              written: 4096n,
              dev: 0,
              pad: 0,
            },
          }),
          ...(told >= 0 ? at(3 + told, times, other('FSYNC')) : []),
        ],
        results: [
          { ret: 4n, errno: 0 },
          resultOf(write(0n, 4096)),
          ...syncs.map(({ errno }): StepResult => (errno === 0 ? done : { ret: -1n, errno })),
        ],
        changes: [],
      }),
    );
  };
  expect(run({ fd: 0, errno: 28 }, { fd: 1, errno: 28 })).toEqual(conforms);
  expect(run({ fd: 0, errno: 28 }, { fd: 1, errno: 0 })).toEqual(conforms);
  expect(run({ fd: 0, errno: 28 }, { fd: 0, errno: 28 }).kind).toBe('deviates');
  expect(run({ fd: 0, errno: 28 }, { fd: 1, errno: 28 }, { fd: 1, errno: 28 }).kind).toBe('deviates');
});

test('a durable write through the open file that was told of a loss does not tell of it again; through another it may', () => {
  const place = mapped(0n, 16384n, 65536n);
  const run = (fd: number) =>
    judge(
      madeCase([], {
        sizeBytes: 16384n,
        workload: [
          { call: 'open', file: 0, flags: ['rdwr', 'dsync'] },
          { call: 'open', file: 0, flags: ['rdwr', 'dsync'] },
          write(0n, 4096),
          { ...write(8192n, 4096, 1), fd } as Step,
        ],
      }),
      observed({
        exchanges: [
          ...at(2, ask(WRITE, 0n, 4096n, place), {
            ...ask(WRITEBACK, 0n, 4096n, place),
            reply: { error: -28, payload: new Uint8Array() },
          }),
          ...at(2, {
            ...ioend(0, 0n, 4096n, NULL_ADDR),
            request: {
              flags: 0,
              error: -28,
              attrIno: INO,
              pos: 0n,
              newAddr: NULL_ADDR,
              written: 4096n,
              dev: 0,
              pad: 0,
            },
          }),
          ...at(3, ask(WRITE, 8192n, 4096n, place), ask(WRITEBACK, 8192n, 4096n, place)),
        ],
        results: [
          { ret: 4n, errno: 0 },
          { ret: -1n, errno: 28 },
          { ret: -1n, errno: 28 },
        ],
        changes: [changed(73728n, writer(8192n, 4096, 1))],
      }),
    );
  expect(run(1)).toEqual(conforms);
  expect(run(0).kind).toBe('deviates');
});

test.describe('the size on the disk while a file is cut', () => {
  const fresh = wire(UNWRITTEN, 0n, 1n << 20n, { addr: 65536n, dev: 1 });
  const telling = (exchange: Made, newsize: bigint): Made => ({
    ...exchange,
    reply: { error: 0, payload: ioendOut.encode({ newsize }) },
  });

  test('is the new one behind its SETATTR, whatever smaller or equal size an IOEND is answered, and no larger one', () => {
    const refused = (pos: bigint): Made => ({
      ...ask(WRITEBACK, pos, 4096n, fresh),
      reply: { error: -28, payload: new Uint8Array() },
    });
    const failed = (flags: number, pos: bigint): Made => {
      const made = ioend(flags, pos, 4096n, NULL_ADDR);
      return { ...made, request: { ...made.request, error: -28, dev: 0 } };
    };
    const run = (newsize: bigint) =>
      deviates(
        seen(
          [write(4096n, 12288), truncate(11775n)],
          [
            ...at(1, ask(WRITE, 4096n, 12288n, fresh)),
            ...at(2, setattr(11775n), ask(ZERO, 11775n, 513n, fresh)),
            ...at(2, refused(4096n), telling(failed(0, 4096n), newsize)),
            ...at(2, refused(8192n), failed(APPEND, 8192n)),
          ],
          [],
          16384n,
        ),
      );
    expect(run(11775n)).toEqual(['conforms']);
    expect(run(0n)).toEqual(['conforms']);
    expect(run(16384n)).toContain('request/writeback-ioend request');
  });

  test('is what an IOEND was answered behind its SETATTR, and without that the new one', () => {
    const grown = (pos: bigint, bytes: bigint): Made[] => [
      ask(WRITE, pos, bytes, fresh),
      endExchange(WRITE, pos, bytes, bytes, { ...fresh, flags: 0x100 }),
    ];
    const run = (newsize: bigint, flags: number) =>
      deviates(
        seen(
          [write(8192n, 1000), truncate(8500n), write(8500n, 400), fsync],
          [
            ...at(1, ...grown(8192n, 1000n)),
            ...at(
              2,
              setattr(8500n),
              ask(WRITEBACK, 8192n, 4096n, fresh),
              telling(ioend(IOEND_UNWRITTEN_APPEND, 8192n, 1000n, 73728n), newsize),
              ask(ZERO, 8500n, 3788n, fresh),
            ),
            ...at(3, ...grown(8500n, 400n)),
            ...at(4, ask(WRITEBACK, 8192n, 4096n, fresh), ioend(flags, 8192n, 708n, 73728n), times, other('FSYNC')),
          ],
          [changed(73728n, writer(8192n, 708), zeros(3388))],
          8192n,
        ),
      );
    expect(run(9192n, IOEND_UNWRITTEN)).toEqual(['conforms']);
    expect(run(0n, IOEND_UNWRITTEN_APPEND)).toEqual(['conforms']);
    expect(run(0n, IOEND_UNWRITTEN)).toContain('request/writeback-ioend request');
  });
});

test('what writeback may have sent beside something that failed, a direct read finds there or not; without a mapping it does not', () => {
  const place = mapped(0n, 16384n, 65536n);
  const refused: Made = { ...ask(WRITEBACK, 0n, 4096n, place), reply: { error: -5, payload: new Uint8Array() } };
  const told = ioend(0, 0n, 4096n, NULL_ADDR);
  const run = (isMapped: boolean, isWritten: boolean) =>
    judge(
      madeCase([], {
        workload: [
          { call: 'open', file: 0, flags: ['rdwr'] },
          { call: 'open', file: 0, flags: ['rdwr', 'direct'] },
          write(0n, 12288),
          { call: 'pread', fd: 1, offset: 8192n, lengthBytes: 4096 },
        ],
      }),
      observed({
        exchanges: [
          ...at(2, ask(WRITE, 0n, 12288n, place), refused, {
            ...told,
            request: { ...told.request, error: -5, dev: 0 },
          }),
          ...(isMapped ? at(2, ask(WRITEBACK, 4096n, 4096n, place)) : []),
          ...at(3, ask(0x10, 8192n, 4096n, place)),
        ],
        results: [
          done,
          resultOf(write(0n, 12288)),
          { ret: 4096n, errno: 0, data: [isWritten ? writer(8192n, 4096) : device(0, 73728n, 4096)], tail: [] },
        ],
        changes: isWritten
          ? [changed(69632n, writer(4096n, 8192))]
          : isMapped
            ? [changed(69632n, writer(4096n, 4096))]
            : [],
      }),
    );
  expect(run(true, true)).toEqual(conforms);
  expect(run(true, false)).toEqual(conforms);
  expect(run(false, false)).toEqual(conforms);
  expect(deviates(run(false, true))).toContain('device/bytes device-bytes');
});

test('what was sent without being asked for stays sent where a part of it is written again and asked for', () => {
  const place = mapped(0n, 16384n, 65536n);
  const run = (...rest: DeviceChange['content']) =>
    deviates(
      seen(
        [
          write(0n, 12288),
          { call: 'fadvise', fd: 0, offset: 0n, lengthBytes: 0, advice: 'dontneed' },
          write(4096n, 4096, 1),
        ],
        [
          ...at(1, ask(WRITE, 0n, 12288n, place), ask(WRITEBACK, 0n, 4096n, place)),
          ...at(3, ask(WRITE, 4096n, 4096n, place), ask(WRITEBACK, 4096n, 4096n, place)),
        ],
        [changed(65536n, writer(0n, 4096), writer(4096n, 4096, 1), ...rest)],
      ),
    );
  expect(run(writer(8192n, 4096))).toEqual(['conforms']);
  expect(run()).toContain('device/bytes device-bytes');
});

test('writeback zeros what a page holds behind EOF, asked or not; what another place holds is never there', () => {
  const place = mapped(0n, 16384n, 65536n);
  const run = (behind: ByteRun) =>
    deviates(
      judge(
        madeCase([], {
          sizeBytes: 5000n,
          workload: [
            { call: 'open', file: 0, flags: ['rdwr'] },
            { call: 'mmapWrite', fd: 0, offset: 4096n, lengthBytes: 904, writer: 0 },
            { call: 'mmapRead', fd: 0, offset: 4096n, lengthBytes: 4096 },
          ],
        }),
        observed({
          exchanges: [
            ...at(1, ask(0, 4096n, 4096n, place), ask(9, 4096n, 904n, place)),
            ...at(2, ask(WRITEBACK, 4096n, 4096n, place)),
          ],
          results: [
            { ret: 904n, errno: 0 },
            { ret: 4096n, errno: 0, data: [writer(4096n, 904), behind], tail: [] },
          ],
          changes: [changed(69632n, writer(4096n, 904), zeros(3192))],
        }),
      ),
    );
  expect(run(zeros(3192))).toEqual(['conforms']);
  expect(run(device(0, 70536n, 3192))).toEqual(['conforms']);
  expect(run(device(0, 74632n, 3192))).toContain('mmap/result bytes-read');
});
