import { expect, test } from '@playwright/test';
import type { Case, Step } from '../model/case.ts';
import type { Exchange, Observation, StepResult } from '../model/observation.ts';
import { attrOut } from '../uapi/fuse-structs.ts';
import { judge } from './judge.ts';
import {
  beginExchange,
  endExchange,
  failed,
  madeCase,
  mapped,
  observed,
  overwrite,
  wire,
  writer,
  deviates,
} from './testing/hand-made.ts';

const conforms = { kind: 'conforms' } as const;

type Made = Omit<Exchange, 'seq' | 'unique' | 'opcode' | 'nodeid'>;
const ZERO = 2,
  DIRECT_WRITE = 0x11,
  EUCLEAN = 117,
  ENOSPC = 28,
  ENOSYS = 38,
  EOPNOTSUPP = 95,
  EINVAL = 22,
  EFBIG = 27;
const done: StepResult = { ret: 0n, errno: 0 };
const sized = (sizeBytes: bigint): StepResult => ({ ...done, sizeBytes });
const fstat: Step = { call: 'fstat', fd: 0 };
const MODE_SIZE = 8;

const attributes = Buffer.alloc(attrOut.size);
// st_mode of a regular file.
attributes.writeUInt32LE(0o100644, 16 + 60);
const setattr = (size: bigint, error = 0, valid = MODE_SIZE | 0x470): Made => ({
  name: 'SETATTR',
  file: 0,
  request: { valid, padding: 0, size },
  reply: { error: -error, payload: error ? new Uint8Array() : attributes },
  writeErrno: 0,
});
const times = (): Made => setattr(0n, 0, 0x430);
const fallocated = (mode: number, offset: bigint, length: bigint, error = 0): Made => ({
  name: 'FALLOCATE',
  file: 0,
  request: { offset, length, mode, padding: 0 },
  reply: { error: -error, payload: new Uint8Array() },
  writeErrno: 0,
});
const zeroing = (pos: bigint, count: bigint, read = wire(0, 0n, 1n << 20n)): Made =>
  beginExchange(ZERO, pos, count, read, overwrite(0n, 1n << 20n));

/** EOF at 10000 in a file of blocks of 4096 bytes; the syscall, then fstat. */
function seen(
  step: Step,
  result: StepResult,
  exchanges: Made[],
  size: bigint,
  more: Partial<Parameters<typeof observed>[0]> = {},
): [Case, Observation] {
  return [
    madeCase([step, fstat], { sizeBytes: 10000n }),
    observed({ exchanges, results: [result, sized(size)], ...more }),
  ];
}

test.describe('ftruncate that cuts a block', () => {
  const cut = (exchanges: Made[], size = 5000n, result = done) =>
    judge(...seen({ call: 'ftruncate', fd: 0, sizeBytes: 5000n }, result, exchanges, size));
  test('zeroes the rest of the block and tells the server, in either order', () => {
    expect(cut([setattr(5000n), zeroing(5000n, 3192n)])).toEqual(conforms);
    expect(cut([zeroing(5000n, 3192n), setattr(5000n)])).toEqual(conforms);
    expect(cut([times(), setattr(5000n), zeroing(5000n, 3192n), times()])).toEqual(conforms);
  });
  test('deviates when it leaves out either of them', () => {
    expect(deviates(cut([setattr(5000n)]))).toContain('request/begin request');
    expect(deviates(cut([zeroing(5000n, 3192n)]))).toContain('truncate/setattr request');
    expect(deviates(cut([zeroing(5000n, 3192n), times()]))).toContain('truncate/setattr request');
  });
  test('deviates when the server hears another size, or twice, or the file has another', () => {
    expect(deviates(cut([setattr(5001n), zeroing(5000n, 3192n)]))).toEqual(['truncate/setattr request']);
    expect(deviates(cut([setattr(5000n), zeroing(5000n, 3192n), setattr(5000n)]))).toEqual(['request/none request']);
    expect(deviates(cut([setattr(5000n), zeroing(5000n, 3192n)], 10000n))).toEqual(['size size']);
  });
  test('deviates when it zeroes more than the block, or from elsewhere', () => {
    expect(deviates(cut([setattr(5000n), zeroing(5000n, 3193n)]))).toEqual(['request/begin request']);
    expect(deviates(cut([setattr(5000n), zeroing(4096n, 4096n)]))).toEqual(['request/begin request']);
  });
  test('gives the refusal of the mapping, and the error of SETATTR, which leaves the size', () => {
    const events = [
      { kind: 'bad-data' as const, func: 'fuse_iomap_check_mapping', condition: 'map->length == 0', line: 7 },
    ];
    const refused = (result: StepResult, size: bigint) =>
      judge(
        ...seen(
          { call: 'ftruncate', fd: 0, sizeBytes: 5000n },
          result,
          [setattr(5000n), zeroing(5000n, 3192n, wire(0, 4096n, 0n))],
          size,
          { events },
        ),
      );
    expect(refused(failed(EUCLEAN), 5000n)).toEqual(conforms);
    expect(deviates(refused(failed(5), 5000n))).toEqual(['map/length-nonzero errno']);
    expect(deviates(refused(done, 5000n))).toEqual(['map/length-nonzero errno']);
    expect(deviates(refused(failed(EUCLEAN), 10000n))).toEqual(['size size']);
    expect(cut([setattr(5000n, ENOSPC)], 10000n, failed(ENOSPC))).toEqual(conforms);
    expect(deviates(cut([setattr(5000n, ENOSPC)], 5000n, failed(ENOSPC)))).toEqual(['size size']);
    expect(deviates(cut([setattr(5000n, ENOSPC)], 10000n))).toEqual(['truncate/setattr errno']);
  });
});

test.describe('ftruncate to the end of a block, and upwards', () => {
  const to = (sizeBytes: bigint, exchanges: Made[]) =>
    deviates(judge(...seen({ call: 'ftruncate', fd: 0, sizeBytes }, done, exchanges, sizeBytes)));
  test('zeroes nothing where no block is cut', () => {
    expect(to(8192n, [setattr(8192n)])).toEqual(['conforms']);
    expect(to(8192n, [setattr(8192n), zeroing(8192n, 4096n)])).toEqual(['request/none request']);
    expect(to(10000n, [setattr(10000n)])).toEqual(['conforms']);
  });
  test('zeroes what becomes part of the file, all of it and nothing before', () => {
    expect(to(20000n, [zeroing(10000n, 10000n), setattr(20000n)])).toEqual(['conforms']);
    expect(to(20000n, [setattr(20000n), zeroing(10000n, 10000n)])).toEqual(['conforms']);
    expect(to(20000n, [zeroing(10000n, 10000n, wire(0, 0n, 12288n)), zeroing(12288n, 7712n), setattr(20000n)])).toEqual(
      ['conforms'],
    );
    expect(to(20000n, [zeroing(10000n, 10000n, wire(0, 0n, 12288n)), setattr(20000n)])).toContain(
      'request/begin request',
    );
    expect(to(20000n, [zeroing(9999n, 10001n), setattr(20000n)])).toContain('request/begin request');
    expect(to(20000n, [setattr(20000n)])).toContain('request/begin request');
  });
});

test.describe('fallocate', () => {
  const call = (mode: number, offset: bigint, lengthBytes: bigint): Step => ({
    call: 'fallocate',
    fd: 0,
    mode,
    offset,
    lengthBytes,
  });
  const of = (step: Step, exchanges: Made[], size = 10000n, result = done) =>
    deviates(judge(...seen(step, result, exchanges, size)));
  test('that extends asks the server, then zeroes from EOF on', () => {
    const exchanges = [fallocated(0, 12288n, 4096n), zeroing(10000n, 6384n)];
    expect(of(call(0, 12288n, 4096n), exchanges, 16384n)).toEqual(['conforms']);
    expect(of(call(0, 12288n, 4096n), exchanges)).toEqual(['size size']);
    // Before or after the server is asked.
    expect(of(call(0, 12288n, 4096n), [...exchanges].reverse(), 16384n)).toEqual(['conforms']);
    expect(of(call(0, 12288n, 4096n), [exchanges[1]!], 16384n)).toEqual(['fallocate/request request']);
    expect(of(call(0, 12288n, 4096n), [zeroing(10000n, 6384n), ...exchanges], 16384n)).toEqual([
      'request/none request',
    ]);
    expect(of(call(0, 12288n, 4096n), [exchanges[0]!], 16384n)).toContain('request/begin request');
    expect(of(call(0, 12288n, 4096n), [exchanges[0]!, zeroing(12288n, 4096n)], 16384n)).toContain(
      'request/begin request',
    );
  });
  test('that keeps the size, or stays inside, zeroes nothing', () => {
    expect(of(call(1, 12288n, 4096n), [fallocated(1, 12288n, 4096n)])).toEqual(['conforms']);
    expect(of(call(1, 12288n, 4096n), [fallocated(1, 12288n, 4096n)], 16384n)).toEqual(['size size']);
    expect(of(call(0, 0n, 4096n), [fallocated(0, 0n, 4096n)])).toEqual(['conforms']);
    expect(of(call(0, 0n, 4096n), [fallocated(0, 0n, 4096n), zeroing(0n, 4096n)])).toEqual(['request/none request']);
    expect(of(call(0, 0n, 4096n), [fallocated(0, 0n, 8192n)])).toEqual(['fallocate/request request']);
  });
  test('that punches or zeroes asks for mappings of the range, behind FALLOCATE; before it only when the size changes', () => {
    for (const mode of [3, 0x10, 0x11]) {
      expect(of(call(mode, 100n, 5000n), [fallocated(mode, 100n, 5000n), zeroing(100n, 5000n)])).toEqual(['conforms']);
      expect(of(call(mode, 100n, 5000n), [fallocated(mode, 100n, 5000n)])).toContain('request/begin request');
      expect(of(call(mode, 100n, 5000n), [zeroing(100n, 5000n), fallocated(mode, 100n, 5000n)])).toEqual([
        'fallocate/request request',
      ]);
      expect(of(call(mode, 100n, 5000n), [zeroing(100n, 5000n)])).toEqual(['fallocate/request request']);
    }
    expect(of(call(0x10, 8192n, 8192n), [zeroing(8192n, 8192n), fallocated(0x10, 8192n, 8192n)], 16384n)).toEqual([
      'conforms',
    ]);
    // Behind EOF there is nothing to be zeroed, but a kernel may ask.
    expect(of(call(3, 8192n, 8192n), [fallocated(3, 8192n, 8192n), zeroing(8192n, 1808n)])).toEqual(['conforms']);
    expect(of(call(3, 8192n, 8192n), [fallocated(3, 8192n, 8192n), zeroing(8192n, 8192n)])).toEqual(['conforms']);
    expect(of(call(3, 8192n, 8192n), [fallocated(3, 8192n, 8192n), zeroing(8192n, 8193n)])).toContain(
      'request/begin request',
    );
  });
  test("gives the server's error and changes nothing; ENOSYS is EOPNOTSUPP", () => {
    expect(of(call(0, 0n, 1n << 16n), [fallocated(0, 0n, 1n << 16n, ENOSPC)], 10000n, failed(ENOSPC))).toEqual([
      'conforms',
    ]);
    expect(of(call(0, 0n, 1n << 16n), [fallocated(0, 0n, 1n << 16n, ENOSPC)], 1n << 16n, failed(ENOSPC))).toEqual([
      'size size',
    ]);
    expect(of(call(0, 0n, 1n << 16n), [fallocated(0, 0n, 1n << 16n, ENOSYS)], 10000n, failed(EOPNOTSUPP))).toEqual([
      'conforms',
    ]);
    expect(of(call(0, 0n, 1n << 16n), [fallocated(0, 0n, 1n << 16n, ENOSYS)], 10000n, failed(ENOSYS))).toEqual([
      'fallocate/enosys errno',
    ]);
  });
  test('remembers ENOSYS', () => {
    const twice = madeCase([call(1, 0n, 4096n), call(1, 0n, 4096n)], { sizeBytes: 10000n });
    const both = (exchanges: Made[]) =>
      deviates(judge(twice, observed({ exchanges, results: [failed(EOPNOTSUPP), failed(EOPNOTSUPP)] })));
    expect(both([fallocated(1, 0n, 4096n, ENOSYS)])).toEqual(['conforms']);
    expect(both([fallocated(1, 0n, 4096n, ENOSYS), fallocated(1, 0n, 4096n, ENOSYS)])).toEqual([
      'request/none request',
    ]);
  });
  test('refuses other modes and wrong ranges without asking', () => {
    for (const mode of [8, 0x20, 0x40, 0x41, 0x80, 2]) {
      expect(of(call(mode, 0n, 4096n), [], 10000n, failed(EOPNOTSUPP))).toEqual(['conforms']);
      expect(of(call(mode, 0n, 4096n), [], 10000n, failed(EINVAL))).toEqual(['fallocate/mode errno']);
      expect(of(call(mode, 0n, 4096n), [fallocated(mode, 0n, 4096n)], 10000n, failed(EOPNOTSUPP))).toEqual([
        'request/none request',
      ]);
    }
    expect(of(call(0, -1n, 4096n), [], 10000n, failed(EINVAL))).toEqual(['conforms']);
    expect(of(call(0, 0n, 0n), [], 10000n, failed(EFBIG))).toEqual(['fallocate/arguments errno']);
    expect(of(call(0, (1n << 63n) - 1n, 1n), [], 10000n, failed(EFBIG))).toEqual(['conforms']);
  });
});

test.describe('a direct write behind EOF', () => {
  const write: Step = { call: 'pwrite', fd: 0, offset: 16384n, lengthBytes: 4096, writer: 0 };
  const wrote = { ret: 4096n, errno: 0 };
  const written = beginExchange(DIRECT_WRITE, 16384n, 4096n, mapped(16384n, 4096n, 8192n), overwrite(16384n, 4096n));
  const append: Made = {
    name: 'IOMAP_IOEND',
    file: 0,
    request: {
      flags: 0x18,
      error: 0,
      attrIno: 77n,
      pos: 16384n,
      newAddr: (1n << 64n) - 1n,
      written: 4096n,
      dev: 0,
      pad: 0,
    },
    reply: { error: 0, payload: new Uint8Array(8) },
    writeErrno: 0,
  };
  const changes = [{ device: 0, offsetBytes: 8192n, content: [writer(16384n, 4096)] }];
  const of = (exchanges: Made[], size = 20480n, result: StepResult = wrote, changed = changes) =>
    deviates(judge(...seen(write, result, exchanges, size, { changes: changed })));
  test('zeroes from EOF to its start, then writes', () => {
    expect(of([zeroing(10000n, 6384n), written, append])).toEqual(['conforms']);
    expect(of([written, append])).toContain('request/begin request');
    expect(of([zeroing(10000n, 6385n), written, append])).toContain('request/begin request');
    expect(of([written, append, zeroing(10000n, 6384n)])).toContain('request/begin request');
    expect(of([zeroing(10000n, 6384n), written, append], 16384n)).toEqual(['size size']);
  });
  test('is not made when the zeroing is refused, and the file keeps its size', () => {
    const events = [
      { kind: 'bad-data' as const, func: 'fuse_iomap_check_mapping', condition: 'map->length == 0', line: 7 },
    ];
    const refused = (size: bigint, more: Made[] = []) =>
      deviates(
        judge(...seen(write, failed(EUCLEAN), [zeroing(10000n, 6384n, wire(0, 8192n, 0n)), ...more], size, { events })),
      );
    expect(refused(10000n)).toEqual(['conforms']);
    expect(refused(16384n)).toEqual(['size size']);
    expect(refused(10000n, [written])).toEqual(['request/none request']);
  });
  test.describe('whose zeroing is answered with ENOSYS', () => {
    const answered = (errno: number): Made => ({
      ...zeroing(10000n, 6384n),
      reply: { error: -errno, payload: new Uint8Array() },
    });
    const place = mapped(16384n, 4096n, 8192n),
      half = overwrite(16384n, 4096n);
    const buffered = beginExchange(1, 16384n, 4096n, place, half);
    const writeback = beginExchange(0x8000_0000, 16384n, 4096n, place, half);
    const end: Made = { ...append, request: { ...append.request, flags: 0x30, newAddr: 8192n, dev: 1 } };
    const grown = endExchange(1, 16384n, 4096n, 4096n, { ...place, flags: 0x100 });
    const fallback = [zeroing(10000n, 6384n), buffered, grown, writeback, end];
    test('fails with it, or falls back to the page cache, where it zeroes and writes', () => {
      expect(of([answered(ENOSYS)], 10000n, failed(ENOSYS), [])).toEqual(['conforms']);
      expect(of([answered(ENOSYS), ...fallback])).toEqual(['conforms']);
    });
    test('may not write directly, write without zeros, or acknowledge what it did not write', () => {
      expect(of([answered(ENOSYS), written, append])).not.toEqual(['conforms']);
      expect(of([answered(ENOSYS), buffered, grown, writeback, end])).not.toEqual(['conforms']);
      expect(of([answered(ENOSYS)], 20480n, wrote, [])).not.toEqual(['conforms']);
      expect(of([answered(ENOSYS), ...fallback], 20480n, wrote, [])).not.toEqual(['conforms']);
    });
    test('falls back after no other errno', () => {
      expect(of([answered(5)], 10000n, failed(5), [])).toEqual(['conforms']);
      expect(of([answered(5), ...fallback])).not.toEqual(['conforms']);
    });
  });
});

test.describe('copy_file_range between two files', () => {
  const call: Step = { call: 'copyFileRange', from: 0, fromOffset: 4096n, fd: 1, offset: 12288n, lengthBytes: 8192 };
  const copy = (name: string, len: bigint, payload: Uint8Array, error = 0): Made => ({
    name,
    file: 0,
    request: { offIn: 4096n, offOut: 12288n, len, flags: 0n },
    reply: { error: -error, payload },
    writeErrno: 0,
  });
  const u64 = (value: bigint): Uint8Array => {
    const out = Buffer.alloc(8);
    out.writeBigUInt64LE(value);
    return out;
  };
  const none = new Uint8Array();
  /** Both files end at 10000. */
  const of = (exchanges: Made[], result: StepResult, size: bigint) => {
    const base = madeCase([{ call: 'open', file: 1, flags: ['rdwr'] }, call, { call: 'fstat', fd: 1 }], {
      sizeBytes: 10000n,
    });
    const [file] = base.geometry.files;
    const both = { ...base, geometry: { ...base.geometry, files: [file!, file!] } };
    return deviates(
      judge(both, { ...observed({ exchanges, results: [done, result, sized(size)] }), inodes: [77n, 78n] }),
    );
  };
  const wrote = (bytes: bigint): StepResult => ({ ret: bytes, errno: 0 });
  test('asks for what lies before EOF and returns what the server copied', () => {
    expect(of([copy('COPY_FILE_RANGE_64', 5904n, u64(5904n))], wrote(5904n), 18192n)).toEqual(['conforms']);
    expect(of([copy('COPY_FILE_RANGE_64', 5904n, u64(100n))], wrote(100n), 12388n)).toEqual(['conforms']);
    expect(of([copy('COPY_FILE_RANGE_64', 8192n, u64(5904n))], wrote(5904n), 18192n)).toEqual(['copy/request request']);
    expect(of([copy('COPY_FILE_RANGE_64', 5904n, u64(100n))], wrote(5904n), 12388n)).toEqual(['copy/result result']);
    expect(of([copy('COPY_FILE_RANGE_64', 5904n, u64(5904n))], wrote(5904n), 10000n)).toEqual(['size size']);
  });
  test('refuses an answer of more than was asked for', () => {
    expect(of([copy('COPY_FILE_RANGE_64', 5904n, u64(5905n))], failed(5), 10000n)).toEqual(['conforms']);
    expect(of([copy('COPY_FILE_RANGE_64', 5904n, u64(5905n))], wrote(5905n), 18193n)).toContain('copy/answer errno');
  });
  test('takes the older request after ENOSYS, and gives another error to the caller', () => {
    expect(
      of(
        [copy('COPY_FILE_RANGE_64', 5904n, none, ENOSYS), copy('COPY_FILE_RANGE', 5904n, u64(5904n))],
        wrote(5904n),
        18192n,
      ),
    ).toEqual(['conforms']);
    expect(of([copy('COPY_FILE_RANGE_64', 5904n, none, ENOSYS)], failed(ENOSYS), 10000n)).toContain(
      'copy/request request',
    );
    expect(of([copy('COPY_FILE_RANGE', 5904n, u64(5904n))], wrote(5904n), 18192n)).toContain('copy/request request');
    expect(of([copy('COPY_FILE_RANGE_64', 5904n, none, ENOSPC)], failed(ENOSPC), 10000n)).toEqual(['conforms']);
    expect(of([copy('COPY_FILE_RANGE_64', 5904n, none, ENOSPC)], failed(5), 10000n)).toEqual(['copy/error errno']);
  });
});

test('cloning and deduplicating are refused, and nothing is asked', () => {
  for (const name of ['clone', 'dedupe'] as const) {
    const testCase = madeCase([{ call: name, from: 0, fromOffset: 0n, fd: 0, offset: 4096n, lengthBytes: 4096n }]);
    expect(judge(testCase, observed({ results: [failed(EOPNOTSUPP)] }))).toEqual(conforms);
    expect(deviates(judge(testCase, observed({ results: [failed(EINVAL)] })))).toEqual(['clone/refused errno']);
    expect(deviates(judge(testCase, observed({ results: [done] })))).toEqual(['clone/refused errno']);
    expect(
      deviates(judge(testCase, observed({ exchanges: [zeroing(0n, 4096n)], results: [failed(EOPNOTSUPP)] }))),
    ).toEqual(['request/none request']);
  }
});

test.describe('open', () => {
  const opening = (openFlags: number): Made => {
    const payload = Buffer.alloc(16);
    payload.writeUInt32LE(openFlags, 8);
    return { name: 'OPEN', file: 0, request: {}, reply: { error: 0, payload }, writeErrno: 0 };
  };
  test('fails with EINVAL when the server says PASSTHROUGH, STREAM or NONSEEKABLE', () => {
    const testCase = madeCase([fstat], { sizeBytes: 10000n, script: [{ on: 'OPEN', reply: { kind: 'empty' } }] });
    const opened = (flags: number, ...results: StepResult[]) =>
      deviates(judge(testCase, { ...observed({ exchanges: [opening(flags)] }), steps: results }));
    for (const flags of [0x80, 0x10, 4]) {
      expect(opened(flags, failed(EINVAL), failed(9))).toEqual(['conforms']);
      expect(opened(flags, done, sized(10000n))).toContain('open/flags errno');
    }
    for (const flags of [0, 2, 0x20]) {
      expect(opened(flags, done, sized(10000n))).toEqual(['conforms']);
      expect(opened(flags, failed(EINVAL), failed(9))).toContain('open errno');
    }
  });
  test('with O_TRUNC tells the server the size 0', () => {
    const of = {
      ...madeCase([], { sizeBytes: 10000n }),
      workload: [{ call: 'open', file: 0, flags: ['rdwr', 'trunc'] }, fstat] as Step[],
    };
    const opened = (exchanges: Made[], size: bigint) =>
      deviates(judge(of, observed({ exchanges, results: [sized(size)] })));
    expect(opened([setattr(0n)], 0n)).toEqual(['conforms']);
    expect(opened([setattr(0n)], 10000n)).toEqual(['size size']);
    expect(opened([], 0n)).toContain('truncate/setattr request');
    expect(opened([setattr(0n), zeroing(0n, 4096n)], 0n)).toEqual(['request/none request']);
  });
});

test('the size in the answer to SETATTR may be believed, and no other', () => {
  const lie = { ...setattr(8192n), reply: { error: 0, payload: Buffer.from(attributes) } };
  lie.reply.payload.writeBigUInt64LE(99n, 16 + 8);
  expect(judge(...seen({ call: 'ftruncate', fd: 0, sizeBytes: 8192n }, done, [lie], 8192n))).toEqual(conforms);
  expect(deviates(judge(...seen({ call: 'ftruncate', fd: 0, sizeBytes: 8192n }, done, [lie], 99n)))).toEqual([
    'conforms',
  ]);
  expect(deviates(judge(...seen({ call: 'ftruncate', fd: 0, sizeBytes: 8192n }, done, [lie], 100n)))).toEqual([
    'size size',
  ]);
  expect(deviates(judge(...seen({ call: 'ftruncate', fd: 0, sizeBytes: 8192n }, done, [setattr(8192n)], 99n)))).toEqual(
    ['size size'],
  );
});
