import { expect, test } from '@playwright/test';
import type { ByteRun } from '../model/bytes.ts';
import type { KernelEvent } from '../model/observation.ts';
import { judge } from './judge.ts';
import {
  beginExchange,
  device,
  endExchange,
  failed,
  INO,
  ioendExchange,
  madeCase,
  mapped,
  observed,
  other,
  overwrite,
  poison,
  wire,
  writer,
  zeros,
  type Made,
  deviates,
} from './testing/hand-made.ts';

const conforms = { kind: 'conforms' } as const;

const DIRECT = 0x10,
  DIRECT_WRITE = 0x11,
  REPORT = 4,
  EUCLEAN = 117,
  EIO = 5;

test.describe('a direct read of a mapped range', () => {
  const testCase = madeCase([{ call: 'pread', fd: 0, offset: 4096n, lengthBytes: 4096 }]);
  const exchanges = [beginExchange(DIRECT, 4096n, 4096n, mapped(0n, 8192n, 65536n), overwrite(0n, 8192n))];
  const read = (...data: ReturnType<typeof device>[]) =>
    observed({ exchanges, results: [{ ret: 4096n, errno: 0, data, tail: [] }] });

  test('conforms when the bytes are those at addr + (pos - offset)', () => {
    expect(judge(testCase, read(device(0, 69632n, 4096)))).toEqual(conforms);
    expect(judge(testCase, read(device(0, 69632n, 512), device(0, 70144n, 3584)))).toEqual(conforms);
  });
  test('deviates when they lie a sector beside it, or on another device', () => {
    expect(deviates(judge(testCase, read(device(0, 69632n + 512n, 4096))))).toEqual(['type/mapped bytes-read']);
    expect(deviates(judge(testCase, read(device(1, 69632n, 4096))))).toEqual(['type/mapped bytes-read']);
    expect(deviates(judge(testCase, read(device(0, 69632n, 4088), device(0, 0n, 8))))).toEqual([
      'type/mapped bytes-read',
    ]);
  });
  test('deviates when nothing was copied, when it was short, and when it failed', () => {
    const seen = (result: object) => judge(testCase, observed({ exchanges, results: [result as never] }));
    expect(deviates(seen({ ret: 4096n, errno: 0, data: [poison(4096)] }))).toEqual(['type/mapped bytes-read']);
    expect(deviates(seen({ ret: 512n, errno: 0, data: [device(0, 69632n, 512)], tail: [poison(3584)] }))).toEqual([
      'type/mapped result',
    ]);
    expect(deviates(seen(failed(EIO)))).toEqual(['type/mapped errno']);
  });
  test('deviates when a device changed', () => {
    const seen = {
      ...read(device(0, 69632n, 4096)),
      deviceChanges: [{ device: 1, offsetBytes: 0n, content: [zeros(512)] }],
    };
    expect(deviates(judge(testCase, seen))).toEqual(['device/bytes device-bytes']);
  });
  test('deviates when the kernel asked for another inode, outside the operation, or with other flags', () => {
    const asked = (change: object) => {
      const seen = read(device(0, 69632n, 4096));
      seen.transcript[0]!.request = { opflags: DIRECT, reserved: 0, attrIno: INO, pos: 4096n, count: 4096n, ...change };
      return deviates(judge(testCase, seen));
    };
    expect(asked({})).toEqual(['conforms']);
    expect(asked({ count: 2048n })).toEqual(['conforms']);
    for (const change of [
      { attrIno: 78n },
      { count: 4097n },
      { count: 0n },
      { opflags: 0 },
      { opflags: 0x30 },
      { pos: 0n },
    ]) {
      expect(
        asked(change),
        JSON.stringify(change, (_, value: unknown) => String(value)),
      ).toContain('request/begin request');
    }
    expect(asked({ reserved: 1 })).toContain('request/reserved request');
  });
  /** With another request, which some syscalls may lead to and others not. */
  const besides = (name: string, request: Record<string, unknown> = {}) =>
    deviates(
      judge(
        testCase,
        observed({
          exchanges: [...exchanges, { ...other(name), request }],
          results: [{ ret: 4096n, errno: 0, data: [device(0, 69632n, 4096)], tail: [] }],
        }),
      ),
    );
  test('deviates when a field that is not used is not zero, but not for those of INIT, which a newer kernel may use', () => {
    for (const [name, field] of [
      ['FLUSH', 'unused'],
      ['FLUSH', 'padding'],
      ['SETATTR', 'unused4'],
      ['SETATTR', 'unused5'],
      ['GETATTR', 'dummy'],
    ] as const) {
      expect(besides(name, { [field]: 0 }), name).toEqual(['conforms']);
      expect(besides(name, { [field]: 1 }), name).toEqual(['request/reserved request']);
    }
    expect(besides('INIT', { unused: Uint8Array.of(1, 0) })).not.toContain('request/reserved request');
  });
  test('deviates when it changed names, mode or owner, which no I/O does; times are its own business', () => {
    for (const name of ['UNLINK', 'RENAME2', 'SETXATTR', 'CREATE'])
      expect(besides(name), name).toEqual(['request/none request']);
    for (const valid of [1, 2, 4, 0x431])
      expect(besides('SETATTR', { valid }), String(valid)).toEqual(['request/none request']);
    for (const name of ['LOOKUP', 'GETATTR', 'GETXATTR', 'STATFS']) expect(besides(name), name).toEqual(['conforms']);
    for (const valid of [0x430, 0x10]) expect(besides('SETATTR', { valid }), String(valid)).toEqual(['conforms']);
  });
  test('deviates when close fails and no request of it was refused', () => {
    const closed = {
      ...testCase,
      workload: [...testCase.workload, { call: 'close' as const, fd: 0 }],
      script: [...testCase.script, { on: 'SETATTR' as const, reply: { kind: 'error' as const, errno: EIO } }],
    };
    const told: Made = {
      ...other('SETATTR'),
      file: 0,
      request: { valid: 0x430 },
      reply: { error: -EIO, payload: new Uint8Array() },
    };
    const seen = (more: Made[], result: object) =>
      deviates(
        judge(
          closed,
          observed({
            exchanges: [...exchanges, ...more],
            results: [{ ret: 4096n, errno: 0, data: [device(0, 69632n, 4096)], tail: [] }, result as never],
          }),
        ),
      );
    expect(seen([], { ret: 0n, errno: 0 })).toEqual(['conforms']);
    expect(seen([told], failed(EIO))).toEqual(['conforms']);
    expect(seen([], failed(EIO))).toEqual(['close errno']);
  });
  test('deviates when it asked nothing, or more than it had to', () => {
    const result = { ret: 4096n, errno: 0, data: [device(0, 69632n, 4096)], tail: [] };
    expect(deviates(judge(testCase, observed({ results: [result] })))).toContain('request/begin request');
    expect(deviates(judge(testCase, observed({ exchanges: [...exchanges, ...exchanges], results: [result] })))).toEqual(
      ['request/none request'],
    );
    expect(
      deviates(judge(testCase, observed({ exchanges: [...exchanges, other('READ')], results: [result] }))),
    ).toEqual(['request/none request']);
  });
});

test.describe('a direct read that passes EOF', () => {
  const testCase = madeCase([{ call: 'pread', fd: 0, offset: 0n, lengthBytes: 8192 }], { sizeBytes: 5000n });
  const exchanges = [beginExchange(DIRECT, 0n, 8192n, mapped(0n, 8192n, 0n), overwrite(0n, 8192n))];
  const read = (tail: ReturnType<typeof poison | typeof device>[]) =>
    judge(testCase, observed({ exchanges, results: [{ ret: 5000n, errno: 0, data: [device(0, 0n, 5000)], tail }] }));
  test('returns what lies before it; the rest of the blocks may be in the buffer, and nothing else', () => {
    expect(read([poison(3192)])).toEqual(conforms);
    expect(read([device(0, 5000n, 3192)])).toEqual(conforms);
    expect(deviates(read([device(1, 5000n, 3192)]))).toEqual(['read/poison bytes-read']);
  });
});

test.describe('a refused reply', () => {
  const report = { func: 'fuse_iomap_check_mapping', condition: 'map->length == 0', line: 210 };
  const trace: KernelEvent = { kind: 'bad-data', ...report };
  const warn: KernelEvent = { kind: 'bad-mapping-warn', ...report };
  const exchanges = [beginExchange(REPORT, 0n, 16384n, wire(0, 0n, 0n), overwrite(0n, 4096n))];
  const of = (debugIomap: boolean) => madeCase([{ call: 'seekData', fd: 0, offset: 0n }], { debugIomap });
  const seen = (errno: number, events: KernelEvent[], debug = true, facts?: object) =>
    judge(of(debug), observed({ exchanges, results: [failed(errno)], events }), facts ? { facts: facts as never } : {});

  test('conforms when errno, trace event and WARN agree', () => {
    expect(seen(EUCLEAN, [warn, trace])).toEqual(conforms);
    expect(seen(EUCLEAN, [trace], false)).toEqual(conforms);
  });
  test('deviates in the channel that is wrong', () => {
    expect(deviates(seen(EIO, [warn, trace]))).toEqual(['map/length-nonzero errno']);
    expect(deviates(seen(EUCLEAN, [warn]))).toEqual(['map/length-nonzero trace-event']);
    expect(deviates(seen(EUCLEAN, [trace]))).toEqual(['map/length-nonzero warn']);
    expect(deviates(seen(EUCLEAN, [warn, trace], false))).toEqual(['refusal/none warn']);
    expect(deviates(seen(EUCLEAN, [warn, trace, trace]))).toEqual(['refusal/none trace-event']);
  });
  const changed = (change: object) =>
    seen(EUCLEAN, [{ ...warn, ...change } as KernelEvent, { ...trace, ...change } as KernelEvent]);
  test('deviates when the condition of another rule fired, and when the channels say different things', () => {
    expect(deviates(changed({ condition: 'map->flags != 0' }))).toEqual([
      'map/length-nonzero trace-event',
      'map/length-nonzero warn',
    ]);
    expect(deviates(seen(EUCLEAN, [{ ...warn, condition: 'len is 0' } as KernelEvent, trace]))).toEqual([
      'map/length-nonzero warn',
    ]);
  });
  test('may be reported by any function, in any line of its source', () => {
    expect(changed({ func: 'fuse_iomap_begin' })).toEqual(conforms);
    expect(seen(EUCLEAN, [{ ...warn, line: 211 } as KernelEvent, trace])).toEqual(conforms);
  });
  test('may be reported in other words, which are named once', () => {
    const words = '"len is 0" where the rules say "map->length == 0" (map/length-nonzero)';
    expect(changed({ condition: 'len is 0' })).toEqual({
      kind: 'conforms',
      unjudged: [{ aspect: 'trace-event', reason: expect.stringContaining(words) }],
    });
    expect(
      deviates(
        seen(EIO, [
          { ...warn, condition: 'len is 0' } as KernelEvent,
          { ...trace, condition: 'len is 0' } as KernelEvent,
        ]),
      ),
    ).toEqual(['map/length-nonzero errno']);
    expect(changed({ condition: 'map->length  ==  0' })).toEqual(conforms);
  });
  test('deviates when the kernel accepts it', () => {
    expect(deviates(judge(of(false), observed({ exchanges, results: [{ ret: 0n, errno: 0 }] })))).toEqual([
      'map/length-nonzero errno',
      'map/length-nonzero trace-event',
    ]);
  });
  test('names a channel that the kernel lacks instead of passing it', () => {
    expect(seen(EUCLEAN, [warn], true, { badDataEvent: false, debugIomap: true })).toMatchObject({
      kind: 'conforms',
      unjudged: [{ aspect: 'trace-event' }],
    });
    expect(seen(EUCLEAN, [trace], true, { badDataEvent: true })).toMatchObject({
      kind: 'conforms',
      unjudged: [{ aspect: 'warn' }],
    });
    expect(deviates(seen(EIO, [], true, { badDataEvent: false }))).toEqual(['map/length-nonzero errno']);
  });
  test('does not miss a report that was lost, and says so', () => {
    const lost: KernelEvent = { kind: 'lost-events', source: 'trace', count: 3 };
    expect(seen(EUCLEAN, [warn, lost])).toMatchObject({ kind: 'conforms', unjudged: [{ aspect: 'trace-event' }] });
    expect(deviates(seen(EUCLEAN, [warn, lost, { ...trace, condition: 'map->flags != 0' } as KernelEvent]))).toEqual([
      'map/length-nonzero trace-event',
    ]);
  });
});

test.describe('what was not kept', () => {
  const unknown = (lengthBytes: number): ByteRun => ({ lengthBytes, source: { kind: 'unknown' } });
  const spelled = (lengthBytes: number, hex: string): ByteRun => ({ lengthBytes, source: { kind: 'other', hex } });
  // Byte for byte what lies at 69632 of device 0: word 8704.
  const first16 = '00220000000010d501220000000010d5';

  test('of a read is not judged, and named; a wrong byte before or behind it deviates', () => {
    const testCase = madeCase([{ call: 'pread', fd: 0, offset: 4096n, lengthBytes: 4096 }]);
    const exchanges = [beginExchange(DIRECT, 4096n, 4096n, mapped(0n, 8192n, 65536n), overwrite(0n, 8192n))];
    const read = (...data: ByteRun[]) =>
      judge(testCase, observed({ exchanges, results: [{ ret: 4096n, errno: 0, data, tail: [] }] }));
    const named = {
      kind: 'conforms',
      unjudged: [{ aspect: 'bytes-read', reason: '496 bytes from offset 16 of the read on were not kept', step: 1 }],
    };
    expect(read(spelled(16, first16), unknown(496), device(0, 70144n, 3584))).toEqual(named);
    // As versions wrote it that kept sixteen bytes and had no mark.
    expect(read(spelled(512, first16), device(0, 70144n, 3584))).toEqual(named);
    expect(
      deviates(read(spelled(16, first16.replace('10d501', '10d502')), unknown(496), device(0, 70144n, 3584))),
    ).toEqual(['type/mapped bytes-read']);
    expect(deviates(read(spelled(16, first16), unknown(496), device(0, 70656n, 3584)))).toEqual([
      'type/mapped bytes-read',
    ]);
    expect(deviates(read(spelled(16, first16), unknown(4081)))).toEqual(['type/mapped bytes-read']);
  });

  test('of a device is not judged; a wrong byte beside it deviates', () => {
    const testCase = madeCase([{ call: 'pwrite', fd: 0, offset: 4096n, lengthBytes: 4096, writer: 0 }]);
    const write = (...content: ByteRun[]) =>
      judge(
        testCase,
        observed({
          exchanges: [beginExchange(DIRECT_WRITE, 4096n, 4096n, mapped(4096n, 4096n, 8192n), overwrite(4096n, 4096n))],
          results: [{ ret: 4096n, errno: 0 }],
          changes: [{ device: 0, offsetBytes: 8192n, content }],
        }),
      );
    expect(write(writer(4096n, 4000), unknown(96))).toMatchObject({
      kind: 'conforms',
      unjudged: [{ aspect: 'device-bytes' }],
    });
    expect(deviates(write(writer(4096n, 3992), zeros(8), unknown(96)))).toEqual(['device/bytes device-bytes']);
    expect(deviates(write(writer(4096n, 4000), unknown(96), zeros(8)))).toEqual(['device/bytes device-bytes']);
  });
});

test.describe('a direct write', () => {
  const testCase = madeCase([{ call: 'pwrite', fd: 0, offset: 4096n, lengthBytes: 4096, writer: 0 }]);
  const wrote = { ret: 4096n, errno: 0 };
  const change = (number: number, offsetBytes: bigint, content: ByteRun[] = [writer(4096n, 4096)]) => ({
    device: number,
    offsetBytes,
    content,
  });
  const plain = (changes: ReturnType<typeof change>[], result = wrote) =>
    judge(
      testCase,
      observed({
        exchanges: [beginExchange(DIRECT_WRITE, 4096n, 4096n, mapped(4096n, 4096n, 8192n), overwrite(4096n, 4096n))],
        results: [result],
        changes,
      }),
    );

  test('conforms when exactly the mapped range changed', () => {
    expect(plain([change(0, 8192n)])).toEqual(conforms);
  });
  test('deviates when nothing changed, too little, too much, elsewhere, or to other bytes', () => {
    for (const changes of [
      [],
      [change(0, 8192n, [writer(4096n, 4088)])],
      [change(0, 8192n), change(0, 12288n, [zeros(8)])],
      [change(1, 8192n)],
      [change(0, 8704n)],
      [change(0, 8192n, [writer(0n, 4096)])],
      [change(0, 8192n, [writer(4096n, 4096, 1)])],
      [change(0, 8192n, [zeros(4096)])],
    ])
      expect(new Set(deviates(plain(changes)))).toEqual(new Set(['device/bytes device-bytes']));
  });
  test('deviates when it claims less than it did, and when it fails', () => {
    expect(deviates(plain([change(0, 8192n)], { ret: 512n, errno: 0 }))).toEqual(['type/mapped result']);
    expect(deviates(plain([], failed(EIO)))).toContain('type/mapped errno');
  });

  test.describe('to unwritten blocks', () => {
    const unwritten = wire(3, 4096n, 4096n, { addr: 8192n, dev: 1 });
    const seen = (...ioends: ReturnType<typeof ioendExchange>[]) =>
      judge(
        testCase,
        observed({
          exchanges: [beginExchange(DIRECT_WRITE, 4096n, 4096n, unwritten, overwrite(4096n, 4096n)), ...ioends],
          results: [wrote],
          changes: [change(0, 8192n)],
        }),
      );
    test('is followed by exactly one IOEND that says so', () => {
      expect(seen(ioendExchange(8 | 2, 4096n, 4096n))).toEqual(conforms);
      expect(deviates(seen())).toEqual(['request/ioend request']);
      expect(deviates(seen(ioendExchange(8 | 2, 4096n, 4096n), ioendExchange(8 | 2, 4096n, 4096n)))).toEqual([
        'request/none request',
      ]);
      for (const wrong of [
        ioendExchange(8, 4096n, 4096n),
        ioendExchange(2, 4096n, 4096n),
        ioendExchange(8 | 2 | 0x10, 4096n, 4096n),
        ioendExchange(8 | 2, 0n, 4096n),
        ioendExchange(8 | 2, 4096n, 512n),
        ioendExchange(8 | 2, 4096n, 4096n, -5),
      ])
        expect(deviates(seen(wrong))).toEqual(['request/ioend request']);
    });
    test("fails with IOEND's errno", () => {
      expect(deviates(seen(ioendExchange(8 | 2, 4096n, 4096n, 0, { error: -28 })))).toEqual(['request/ioend errno']);
    });
  });

  test('that extends the file is followed by IOEND with APPEND', () => {
    const extending = madeCase([
      { call: 'pwrite', fd: 0, offset: 16384n, lengthBytes: 4096, writer: 0 },
      { call: 'fstat', fd: 0 },
    ]);
    const seen = (flags: number, sizeBytes: bigint) =>
      judge(
        extending,
        observed({
          exchanges: [
            beginExchange(DIRECT_WRITE, 16384n, 4096n, mapped(16384n, 4096n, 0n), overwrite(16384n, 4096n)),
            ioendExchange(flags, 16384n, 4096n, 0, { newsize: 20480n }),
          ],
          results: [wrote, { ret: 0n, errno: 0, sizeBytes }],
          changes: [{ device: 0, offsetBytes: 0n, content: [writer(16384n, 4096)] }],
        }),
      );
    expect(seen(0x18, 20480n)).toEqual(conforms);
    expect(deviates(seen(8, 20480n))).toEqual(['request/ioend request']);
    expect(deviates(seen(0x18, 16384n))).toEqual(['size size']);
  });

  test('to a hole fails with EIO, an END that wrote nothing and an IOEND with the error', () => {
    const map = wire(0, 4096n, 4096n);
    const iomapWarning: KernelEvent = {
      kind: 'warning',
      title: 'WARNING: fs/iomap/direct-io.c:601 at iomap_dio_iter+0x3a0/0x480',
      text: '',
    };
    const seen = (exchanges: ReturnType<typeof other>[], events: KernelEvent[] = []) =>
      judge(
        testCase,
        observed({
          exchanges: [beginExchange(DIRECT_WRITE, 4096n, 4096n, map, overwrite(4096n, 4096n)), ...exchanges],
          results: [failed(EIO)],
          events,
        }),
      );
    const end = endExchange(DIRECT_WRITE, 4096n, 4096n, 0n, map),
      ioend = ioendExchange(8, 4096n, 0n, -EIO);
    expect(seen([end, ioend])).toEqual(conforms);
    expect(seen([end, ioend], [iomapWarning])).toEqual(conforms);
    expect(deviates(seen([ioend]))).toContain('request/end request');
    expect(deviates(seen([end]))).toContain('request/ioend request');
    expect(deviates(seen([endExchange(DIRECT_WRITE, 4096n, 4096n, 512n, map), ioend]))).toContain(
      'request/end request',
    );
    expect(deviates(seen([endExchange(DIRECT_WRITE, 4096n, 4096n, 0n, wire(0, 4096n, 8192n)), ioend]))).toContain(
      'request/end request',
    );
  });

  test('ends the mapping as the server sent it, or the part of it that both halves cover', () => {
    const written = wire(1, 4096n, 1n << 32n),
      hole = wire(0, 4096n, 4096n);
    const seen = (length: bigint) =>
      judge(
        testCase,
        observed({
          exchanges: [
            beginExchange(DIRECT_WRITE, 4096n, 4096n, hole, written),
            endExchange(DIRECT_WRITE, 4096n, 4096n, 0n, { ...written, length }),
            ioendExchange(8, 4096n, 0n, -EIO),
          ],
          results: [failed(EIO)],
        }),
      );
    for (const length of [1n << 32n, 4096n]) expect(seen(length)).toEqual(conforms);
    for (const length of [0n, 8192n, (1n << 32n) - 4096n])
      expect(deviates(seen(length))).toContain('request/end request');
  });
});

test.describe('what is beyond validation', () => {
  const testCase = madeCase([{ call: 'pread', fd: 0, offset: 0n, lengthBytes: 4096 }]);
  const read = (addr: bigint, result: object) =>
    judge(
      testCase,
      observed({
        exchanges: [beginExchange(DIRECT, 0n, 4096n, mapped(0n, 4096n, addr), overwrite(0n, 4096n))],
        results: [result as never],
      }),
    );
  const bytes = (at: bigint) => ({ ret: 4096n, errno: 0, data: [device(0, at, 4096)] });
  test("a range past the device's end is EIO", () => {
    expect(read(1n << 20n, failed(EIO))).toEqual(conforms);
    expect(read((1n << 20n) - 512n, failed(EIO))).toEqual(conforms);
    expect(read((1n << 20n) - 4096n, bytes((1n << 20n) - 4096n))).toEqual(conforms);
    expect(deviates(read((1n << 20n) - 512n, bytes((1n << 20n) - 512n)))).toEqual(['type/past-device-end errno']);
    expect(deviates(read((1n << 20n) - 4096n, failed(EIO)))).toEqual(['type/mapped errno']);
  });
  test('an address between sectors is served exactly, or fails', () => {
    expect(read(4097n, bytes(4097n))).toEqual(conforms);
    expect(read(4097n, failed(22))).toEqual(conforms);
    expect(deviates(read(4097n, bytes(4096n)))).toEqual(['type/mapped bytes-read']);
  });
});

test.describe('reports', () => {
  test('SEEK_DATA skips holes and unwritten blocks, SEEK_HOLE finds them', () => {
    const begin = (map: ReturnType<typeof wire>, pos: bigint) =>
      beginExchange(REPORT, pos, 16384n - pos, map, overwrite(0n, 16384n));
    const walk = [
      begin(wire(0, 0n, 4096n), 0n),
      begin(wire(3, 4096n, 4096n, { addr: 0n, dev: 1 }), 4096n),
      begin(wire(1, 8192n, 8192n), 8192n),
    ];
    const data = (ret: bigint) =>
      judge(
        madeCase([{ call: 'seekData', fd: 0, offset: 0n }]),
        observed({ exchanges: walk, results: [{ ret, errno: 0 }] }),
      );
    expect(data(8192n)).toEqual(conforms);
    expect(deviates(data(4096n))).toEqual(['type/delalloc result']);
    const back = [begin(mapped(0n, 8192n, 0n), 0n), begin(wire(3, 8192n, 8192n, { addr: 8192n, dev: 1 }), 8192n)];
    const hole = (ret: bigint) =>
      judge(
        madeCase([{ call: 'seekHole', fd: 0, offset: 100n }]),
        observed({
          exchanges: [{ ...back[0]!, request: { ...back[0]!.request, pos: 100n, count: 16284n } }, back[1]!],
          results: [{ ret, errno: 0 }],
        }),
      );
    expect(hole(8192n)).toEqual(conforms);
    expect(deviates(hole(16384n))).toEqual(['type/unwritten result']);
  });
  test('past EOF they fail with ENXIO and ask nothing', () => {
    const testCase = madeCase([{ call: 'seekData', fd: 0, offset: 16384n }]);
    expect(judge(testCase, observed({ results: [failed(6)] }))).toEqual(conforms);
    expect(
      deviates(
        judge(
          testCase,
          observed({
            results: [failed(6)],
            exchanges: [beginExchange(REPORT, 16384n, 1n, wire(0, 0n, 32768n), overwrite(0n, 32768n))],
          }),
        ),
      ),
    ).toEqual(['request/none request']);
    expect(deviates(judge(testCase, observed({ results: [failed(22)] })))).toEqual(['seek/past-eof errno']);
  });
  test('FIEMAP reports whole mappings, with flags by type, and marks the last', () => {
    const testCase = madeCase([{ call: 'fiemap', fd: 0, start: 0n, lengthBytes: 16384n, flags: 0, extents: 8 }]);
    const exchanges = [
      beginExchange(REPORT, 0n, 16384n, mapped(0n, 4096n, 65536n, 1, 4), overwrite(0n, 4096n)),
      beginExchange(REPORT, 4096n, 12288n, wire(0, 4096n, 4096n), overwrite(0n, 8192n)),
      beginExchange(REPORT, 8192n, 8192n, wire(3, 8192n, 16384n, { addr: 0n, dev: 2 }), overwrite(0n, 24576n)),
    ];
    const seen = (flags: number, lastLength = 16384n) =>
      judge(
        testCase,
        observed({
          exchanges,
          results: [
            {
              ret: 0n,
              errno: 0,
              fiemap: [
                { logical: 0n, physical: 65536n, length: 4096n, flags: 0x2000 },
                { logical: 8192n, physical: 0n, length: lastLength, flags },
              ],
            },
          ],
        }),
      );
    expect(seen(0x801)).toEqual(conforms);
    expect(deviates(seen(0x800))).toEqual(['fiemap/extents result']);
    expect(deviates(seen(0x801, 8192n))).toEqual(['fiemap/extents result']);
  });
  test('a mapping with WANT_IOMAP_END is ended even so', () => {
    const testCase = madeCase([{ call: 'seekHole', fd: 0, offset: 0n }]);
    const map = wire(0, 0n, 16384n, { flags: 0x80 });
    const seen = (...more: ReturnType<typeof other>[]) =>
      judge(
        testCase,
        observed({
          exchanges: [beginExchange(REPORT, 0n, 16384n, map, overwrite(0n, 16384n)), ...more],
          results: [{ ret: 0n, errno: 0 }],
        }),
      );
    expect(seen(endExchange(REPORT, 0n, 16384n, 0n, map))).toEqual(conforms);
    expect(deviates(seen())).toEqual(['request/end request']);
  });
});

test.describe('the kernel itself', () => {
  const testCase = madeCase([{ call: 'seekHole', fd: 0, offset: 0n }]);
  const seen = (events: KernelEvent[], extra: ReturnType<typeof other>[] = []) =>
    judge(
      testCase,
      observed({
        exchanges: [
          other('LOOKUP'),
          other('OPEN'),
          beginExchange(REPORT, 0n, 16384n, wire(0, 0n, 16384n), overwrite(0n, 16384n)),
          other('RELEASE'),
          ...extra,
        ],
        results: [{ ret: 0n, errno: 0 }],
        events,
      }),
    );
  test('is healthy, or the case deviates', () => {
    expect(seen([])).toEqual(conforms);
    expect(deviates(seen([{ kind: 'assertion', func: 'fuse_iomap_begin', line: 1, condition: 'x' }]))).toEqual([
      'kernel/assertion kernel-log',
    ]);
    expect(deviates(seen([{ kind: 'bug', title: 'BUG: KASAN: slab-out-of-bounds', text: '' }]))).toEqual([
      'kernel/bug kernel-log',
    ]);
    expect(
      deviates(
        seen([{ kind: 'warning', title: 'WARNING: fs/iomap/direct-io.c:601 at iomap_dio_iter+0x1/0x2', text: '' }]),
      ),
    ).toEqual(['kernel/warning kernel-log']);
  });
  test('sends nothing after DESTROY', () => {
    expect(seen([], [other('DESTROY')])).toEqual(conforms);
    expect(deviates(seen([], [other('DESTROY'), other('GETATTR')]))).toEqual(['request/after-destroy request']);
  });
  test('may have a FORGET read after DESTROY, which has a queue of its own, and nothing behind it', () => {
    expect(seen([], [other('DESTROY'), other('FORGET'), other('BATCH_FORGET')])).toEqual(conforms);
    expect(deviates(seen([], [other('DESTROY'), other('FORGET'), other('READ')]))).toContain(
      'request/after-destroy request',
    );
    expect(deviates(seen([], [other('DESTROY'), other('FORGET'), other('GETATTR')]))).toEqual([
      'request/after-destroy request',
    ]);
  });
});

test.describe('a buffered read', () => {
  const open = { call: 'open', file: 0, flags: ['rdonly'] } as const;
  const reading = (lengthBytes: number, sizeBytes = 16384n, offset = 0n) =>
    madeCase([], {
      sizeBytes,
      workload: [
        { ...open, flags: ['rdonly'] },
        { call: 'pread', fd: 0, offset, lengthBytes },
      ],
    });
  const ask = (pos: bigint, count: bigint, map: ReturnType<typeof wire>, opflags = 0) =>
    beginExchange(opflags, pos, count, map, overwrite(map.offset, map.length));
  const got = (...data: ByteRun[]) => ({
    ret: BigInt(data.reduce((sum, run) => sum + run.lengthBytes, 0)),
    errno: 0,
    data,
    tail: [],
  });
  const seen = (
    testCase: ReturnType<typeof madeCase>,
    exchanges: ReturnType<typeof other>[],
    result: object,
    events: KernelEvent[] = [],
  ) => judge(testCase, observed({ exchanges, results: [result as never], events }));
  const refusal = (): KernelEvent => ({
    kind: 'bad-data',
    func: 'fuse_iomap_check_mapping',
    line: 7,
    condition: 'map->length == 0',
  });

  test('returns the mapped bytes, however much is read ahead and in however many requests', () => {
    const testCase = reading(8192),
      right = got(device(0, 65536n, 8192));
    const whole = mapped(0n, 16384n, 65536n);
    expect(seen(testCase, [ask(0n, 16384n, whole)], right)).toEqual(conforms);
    expect(seen(testCase, [ask(0n, 4096n, whole), ask(4096n, 12288n, whole)], right)).toEqual(conforms);
    expect(seen(testCase, [ask(0n, 8192n, mapped(0n, 4096n, 65536n)), ask(4096n, 4096n, whole)], right)).toEqual(
      conforms,
    );
    expect(deviates(seen(testCase, [ask(0n, 16384n, whole)], got(device(0, 65536n + 512n, 8192))))).toEqual([
      'type/mapped bytes-read',
    ]);
    expect(deviates(seen(testCase, [ask(0n, 16384n, whole)], got(device(0, 65536n, 4096))))).toEqual([
      'type/mapped result',
    ]);
    expect(deviates(seen(testCase, [ask(0n, 16384n, whole)], failed(EIO)))).toEqual(['type/mapped errno']);
  });
  test('asks with opflags 0, and not behind the page of EOF', () => {
    const testCase = reading(4096, 5000n),
      whole = mapped(0n, 16384n, 65536n),
      right = got(device(0, 65536n, 4096));
    expect(seen(testCase, [ask(0n, 8192n, whole)], right)).toEqual(conforms);
    expect(deviates(seen(testCase, [ask(0n, 8192n, whole, DIRECT)], right))).toEqual(['request/begin request']);
    expect(deviates(seen(testCase, [ask(0n, 8192n, whole), ask(8192n, 4096n, whole)], right))).toEqual([
      'request/begin request',
    ]);
    expect(deviates(seen(testCase, [ask(0n, 12288n, whole)], right))).toEqual(['request/begin request']);
  });
  test('does not return bytes that no mapping covers', () => {
    const testCase = reading(8192);
    expect(deviates(seen(testCase, [], got(device(0, 65536n, 8192))))).not.toEqual(['conforms']);
    expect(seen(testCase, [ask(0n, 4096n, mapped(0n, 4096n, 65536n))], got(device(0, 65536n, 8192))).kind).toBe(
      'deviates',
    );
  });
  test('returns zeros for holes and unwritten blocks, and ends at EOF', () => {
    const testCase = reading(8192, 4200n);
    const walk = [ask(0n, 8192n, wire(0, 0n, 4096n)), ask(4096n, 4096n, wire(3, 4096n, 4096n, { addr: 0n, dev: 1 }))];
    expect(seen(testCase, walk, { ...got(zeros(4200)), tail: [poison(3992)] })).toEqual(conforms);
    expect(deviates(seen(testCase, walk, { ...got(zeros(8192)) }))).toContain('type/unwritten result');
    expect(deviates(seen(testCase, walk, { ...got(zeros(4096), device(0, 0n, 104)), tail: [poison(3992)] }))).toEqual([
      'type/unwritten bytes-read',
    ]);
    expect(deviates(seen(testCase, walk, { ...got(zeros(4200)), tail: [zeros(3992)] }))).toEqual([
      'read/poison bytes-read',
    ]);
  });
  test('turns a refusal into EIO, which is reported as itself', () => {
    const testCase = reading(4096),
      bad = ask(0n, 4096n, mapped(0n, 0n, 65536n));
    expect(seen(testCase, [bad, bad], failed(EIO), [refusal(), refusal()])).toEqual(conforms);
    expect(deviates(seen(testCase, [bad, bad], failed(EUCLEAN), [refusal(), refusal()]))).toEqual([
      'map/length-nonzero errno',
    ]);
    expect(deviates(seen(testCase, [bad, bad], failed(EIO), [refusal()]))).toEqual(['map/length-nonzero trace-event']);
    expect(seen(testCase, [bad], got(zeros(4096)), [refusal()]).kind).toBe('deviates');
  });
  test('may try again after a refusal, and then returns what the second answer maps', () => {
    const testCase = reading(4096),
      bad = ask(0n, 16384n, mapped(0n, 0n, 65536n)),
      good = ask(0n, 4096n, mapped(0n, 4096n, 8192n));
    expect(seen(testCase, [bad, good], got(device(0, 8192n, 4096)), [refusal()])).toEqual(conforms);
    expect(deviates(seen(testCase, [bad, good], got(device(0, 65536n, 4096)), [refusal()]))).toEqual([
      'type/mapped bytes-read',
    ]);
  });
  test('succeeds when only reading ahead failed, and is short when a later page did', () => {
    const first = ask(0n, 16384n, mapped(0n, 4096n, 65536n)),
      bad = ask(4096n, 12288n, mapped(4096n, 0n, 65536n));
    const page = got(device(0, 65536n, 4096));
    expect(seen(reading(4096), [first, bad], page, [refusal()])).toEqual(conforms);
    expect(deviates(seen(reading(4096), [first, bad], failed(EIO), [refusal()]))).toContain('map/length-nonzero errno');
    expect(seen(reading(8192), [first, bad], { ...page, tail: [poison(4096)] }, [refusal()])).toEqual(conforms);
    expect(seen(reading(8192), [first, bad], got(device(0, 65536n, 8192)), [refusal()]).kind).toBe('deviates');
  });
  test("fails with EIO past the device's end", () => {
    const testCase = reading(4096),
      map = (addr: bigint) => [ask(0n, 4096n, mapped(0n, 4096n, addr))];
    expect(seen(testCase, map(1n << 20n), failed(EIO))).toEqual(conforms);
    expect(seen(testCase, map((1n << 20n) - 4096n), failed(EIO)).kind).toBe('deviates');
    expect(seen(testCase, map(1n << 20n), got(zeros(4096))).kind).toBe('deviates');
  });
  test('asks nothing at EOF', () => {
    expect(seen(reading(4096, 4096n, 4096n), [], { ...got(), tail: [poison(4096)] })).toEqual(conforms);
    expect(
      seen(reading(4096, 4096n, 4096n), [ask(4096n, 4096n, wire(0, 0n, 16384n))], { ...got(), tail: [poison(4096)] })
        .kind,
    ).toBe('deviates');
  });
  test('is followed by END where the mapping asks for it', () => {
    const map = mapped(0n, 4096n, 65536n, 1, 0x80);
    const testCase = reading(4096),
      right = got(device(0, 65536n, 4096));
    expect(seen(testCase, [ask(0n, 4096n, map), endExchange(0, 0n, 4096n, 4096n, map)], right)).toEqual(conforms);
    expect(deviates(seen(testCase, [ask(0n, 4096n, map)], right))).toEqual(['request/end request']);
  });
});

test.describe('what the rules do not say', () => {
  // A server that answers LOOKUP as it likes may have made any file of this one.
  const open = madeCase([{ call: 'pread', fd: 0, offset: 0n, lengthBytes: 4096 }], {
    script: [{ on: 'LOOKUP', reply: { kind: 'raw', payload: '00'.repeat(128) } }],
  });
  test('is unspecified, never a pass', () => {
    expect(judge(open, observed({ results: [failed(EIO)] })).kind).toBe('unspecified');
  });
  test('does not excuse an unhealthy kernel', () => {
    expect(
      deviates(judge(open, observed({ results: [failed(EIO)], events: [{ kind: 'bug', title: 'Oops', text: '' }] }))),
    ).toEqual(['kernel/bug kernel-log']);
  });
});
