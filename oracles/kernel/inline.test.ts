import { expect, test } from '@playwright/test';
import type { ByteRun } from '../../model/bytes.ts';
import type { Exchange, KernelEvent } from '../../model/observation.ts';
import { serverBytes } from '../../model/pattern.ts';
import { writeOut } from '../../uapi/fuse-structs.ts';
import type { RevisionId } from '../../uapi/revision.ts';
import { judge } from '../judge.ts';
import {
  beginExchange,
  device,
  endExchange,
  failed,
  INO,
  ioendExchange,
  madeCase,
  observed,
  overwrite,
  poison,
  wire,
  writer,
  zeros,
  deviates,
} from '../testing/hand-made.ts';

const INLINE = 4,
  DIRECT = 0x10,
  DIRECT_WRITE = 0x11;
const EIO = 5,
  ENOMEM = 12,
  ENOSPC = 28,
  ENOSYS = 38,
  EUCLEAN = 117;

const inline = (offset: bigint, length: bigint, flags = 0) => wire(INLINE, offset, length, { flags });
type Made = Omit<Exchange, 'seq' | 'unique' | 'opcode' | 'nodeid'>;
const answer = (payload: Buffer, error = 0) => ({
  reply: { error, payload: error === 0 ? payload : Buffer.alloc(0) },
  writeErrno: 0,
});
const readExchange = (offset: bigint, size: number, payload = serverBytes(0, offset, size), error = 0): Made => ({
  name: 'READ',
  file: 0,
  request: { offset, size },
  ...answer(payload, error),
});
const writeExchange = (
  offset: bigint,
  size: number,
  acknowledged = size,
  data: ByteRun[] = [writer(offset, size)],
  error = 0,
): Made => ({
  name: 'WRITE',
  file: 0,
  request: { offset, size, data },
  ...answer(writeOut.encode({ size: acknowledged >>> 0 }), error),
});
const server = (offsetBytes: bigint, lengthBytes: number) => ({
  lengthBytes,
  source: { kind: 'server' as const, file: 0, offsetBytes },
});

test.describe('a direct read of an inline mapping', () => {
  const of = (revision: RevisionId = 'r3') =>
    madeCase([{ call: 'pread', fd: 0, offset: 4096n, lengthBytes: 4096 }], { revision });
  const begun = (map = inline(4096n, 4096n)) => beginExchange(DIRECT, 4096n, 4096n, map, overwrite(4096n, 4096n));
  const read = (exchanges: Made[], data: ByteRun[] = [server(4096n, 4096)]) =>
    judge(of(), observed({ exchanges, results: [{ ret: 4096n, errno: 0, data, tail: [] }] }));
  const fails = (exchanges: Made[], errno: number, events: KernelEvent[] = [], revision: RevisionId = 'r3') =>
    judge(of(revision), observed({ exchanges, results: [failed(errno)], events }));

  test("returns the server's bytes, and zeros where it had no more", () => {
    expect(read([begun(), readExchange(4096n, 4096)])).toEqual({ kind: 'conforms' });
    const short = [begun(), readExchange(4096n, 4096, serverBytes(0, 4096n, 24))];
    expect(read(short, [server(4096n, 24), zeros(4072)])).toEqual({ kind: 'conforms' });
    expect(deviates(read(short))).toEqual(['type/inline bytes-read']);
    for (const data of [[zeros(4096)], [server(0n, 4096)], [device(0, 4096n, 4096)], [poison(4096)]])
      expect(deviates(read([begun(), readExchange(4096n, 4096)], data))).toEqual(['type/inline bytes-read']);
  });
  test('asks for the whole mapping, once', () => {
    const wide = beginExchange(DIRECT, 4096n, 4096n, inline(4096n, 4096n), overwrite(4096n, 4096n));
    expect(deviates(read([wide]))).toContain('request/inline request');
    expect(deviates(read([wide, readExchange(4096n, 2048)]))).toContain('request/inline request');
    expect(deviates(read([wide, readExchange(0n, 4096)]))).toContain('request/inline request');
    expect(deviates(read([wide, readExchange(4096n, 4096), readExchange(4096n, 4096)]))).toContain(
      'request/none request',
    );
  });
  test('has no END, whatever the mapping says', () => {
    const wants = begun(inline(4096n, 4096n, 0x80));
    expect(read([wants, readExchange(4096n, 4096)])).toEqual({ kind: 'conforms' });
    expect(
      deviates(
        read([wants, readExchange(4096n, 4096), endExchange(DIRECT, 4096n, 4096n, 4096n, inline(4096n, 4096n, 0x80))]),
      ),
    ).toEqual(['request/none request']);
  });
  test('fails when the server has no data', () => {
    const empty = [begun(), readExchange(4096n, 4096, Buffer.alloc(0))];
    expect(fails(empty, EIO)).toEqual({ kind: 'conforms' });
    expect(deviates(fails(empty, EUCLEAN))).toEqual(['inline/read-data errno']);
    expect(fails([begun(), readExchange(4096n, 4096, undefined, -ENOSYS)], EIO)).toEqual({ kind: 'conforms' });
    expect(fails([begun(), readExchange(4096n, 4096, undefined, -ENOSPC)], ENOSPC)).toEqual({ kind: 'conforms' });
    expect(deviates(fails([begun(), readExchange(4096n, 4096, undefined, -ENOSPC)], EIO))).toEqual([
      'inline/read-data errno',
    ]);
    expect(deviates(read(empty))).toEqual(['inline/read-data errno']);
  });
  test('fails when the mapping is longer than a block: ENOMEM, in r2 bad data', () => {
    const long = [begun(inline(4096n, 8192n))];
    const trace: KernelEvent = { kind: 'bad-data', func: 'fuse_iomap_begin', line: 1, condition: 'anything' };
    expect(fails(long, ENOMEM)).toEqual({ kind: 'conforms' });
    expect(deviates(fails(long, EUCLEAN))).toEqual(['inline/fits-block errno']);
    expect(deviates(fails(long, ENOMEM, [trace]))).toEqual(['refusal/none trace-event']);
    expect(fails(long, EUCLEAN, [trace], 'r2')).toEqual({ kind: 'conforms' });
    expect(deviates(fails(long, ENOMEM, [trace], 'r2'))).toEqual(['inline/fits-block errno']);
    expect(deviates(read([...long, readExchange(4096n, 8192)]))).toContain('inline/fits-block errno');
  });
  test('is not laid down in r1', () => {
    expect(
      judge(
        { ...of('r1'), geometry: { ...of('r1').geometry, devices: [] } },
        {
          ...observed({ exchanges: [begun(), readExchange(4096n, 4096)], results: [failed(EIO)] }),
          mount: { errno: 0, devices: [] },
        },
      ),
    ).toMatchObject({ kind: 'unspecified' });
  });
});

test.describe('a buffered read of an inline mapping', () => {
  const of = (): ReturnType<typeof madeCase> => ({
    ...madeCase([]),
    workload: [
      { call: 'open', file: 0, flags: ['rdonly'] },
      { call: 'pread', fd: 0, offset: 0n, lengthBytes: 4096 },
    ],
  });
  const begun = beginExchange(0, 0n, 4096n, inline(0n, 4096n), overwrite(0n, 4096n));
  const read = (exchanges: Made[], result: object) => judge(of(), observed({ exchanges, results: [result as never] }));

  test("returns the server's bytes and none of a device", () => {
    const ok = (data: object[]) => ({ ret: 4096n, errno: 0, data, tail: [] });
    expect(read([begun, readExchange(0n, 4096)], ok([server(0n, 4096)]))).toEqual({ kind: 'conforms' });
    expect(deviates(read([begun, readExchange(0n, 4096)], ok([device(0, 0n, 4096)])))).toEqual([
      'type/inline bytes-read',
    ]);
    expect(deviates(read([begun], ok([server(0n, 4096)])))).toContain('request/inline request');
  });
  test('turns every error into EIO, and may try again', () => {
    const bad = [begun, readExchange(0n, 4096, undefined, -ENOSPC)];
    expect(read([...bad, ...bad], failed(EIO))).toEqual({ kind: 'conforms' });
    expect(deviates(read(bad, failed(ENOSPC)))).toEqual(['inline/read-data errno']);
    const again = [...bad, begun, readExchange(0n, 4096)];
    expect(read(again, { ret: 4096n, errno: 0, data: [server(0n, 4096)], tail: [] })).toEqual({ kind: 'conforms' });
  });
});

test.describe('a direct write to an inline mapping', () => {
  const testCase = madeCase([{ call: 'pwrite', fd: 0, offset: 4096n, lengthBytes: 4096, writer: 0 }]);
  const begun = (map = inline(4096n, 4096n)) => beginExchange(DIRECT_WRITE, 4096n, 4096n, map, overwrite(4096n, 4096n));
  const ok = { ret: 4096n, errno: 0 };
  const write = (exchanges: Made[], result: object = ok, events: KernelEvent[] = []) =>
    judge(testCase, observed({ exchanges, results: [result as never], events }));
  const lost = (errno: number) => ioendExchange(8, 4096n, 0n, -errno);
  const trace: KernelEvent = { kind: 'bad-data', func: 'fuse_iomap_inline', line: 1, condition: 'anything' };

  test('goes through FUSE_WRITE, with a look at the data before or without', () => {
    expect(write([begun(), writeExchange(4096n, 4096)])).toEqual({ kind: 'conforms' });
    expect(write([begun(), readExchange(4096n, 4096), writeExchange(4096n, 4096)])).toEqual({ kind: 'conforms' });
    expect(deviates(write([begun()]))).toContain('request/inline request');
    expect(deviates(write([begun(), writeExchange(4096n, 4096, 4096, [writer(4096n, 4088), zeros(8)])]))).toEqual([
      'request/inline request',
    ]);
    expect(deviates(write([begun(), writeExchange(0n, 4096)]))).toEqual(['request/inline request']);
  });
  test('goes on where the server took less', () => {
    expect(write([begun(), writeExchange(4096n, 4096, 96), writeExchange(4192n, 4000)])).toEqual({ kind: 'conforms' });
    expect(deviates(write([begun(), writeExchange(4096n, 4096, 96)]))).toContain('request/inline request');
    expect(deviates(write([begun(), writeExchange(4096n, 4096, 96), writeExchange(4096n, 4096)]))).toContain(
      'request/inline request',
    );
  });
  test('fails when the server took nothing, or more than it was sent', () => {
    expect(write([begun(), writeExchange(4096n, 4096, 0), lost(EIO)], failed(EIO))).toEqual({ kind: 'conforms' });
    expect(deviates(write([begun(), writeExchange(4096n, 4096, 0), lost(EIO)]))).toEqual(['inline/write-ack errno']);
    expect(write([begun(), writeExchange(4096n, 4096, 4097), lost(EIO)], failed(EIO), [trace])).toEqual({
      kind: 'conforms',
    });
    expect(deviates(write([begun(), writeExchange(4096n, 4096, 4097), lost(EIO)], failed(EIO)))).toEqual([
      'inline/write-ack trace-event',
    ]);
    expect(deviates(write([begun(), writeExchange(4096n, 4096, 4096), lost(EIO)], failed(EIO)))).not.toEqual([
      'conforms',
    ]);
  });
  test('fails with the errno of FUSE_WRITE, but for ENOSYS', () => {
    const answered = (errno: number) => [begun(), writeExchange(4096n, 4096, 0, undefined, -errno)];
    expect(write([...answered(ENOSPC), lost(ENOSPC)], failed(ENOSPC))).toEqual({ kind: 'conforms' });
    expect(deviates(write([...answered(ENOSPC), lost(EIO)], failed(EIO)))).toContain('request/inline errno');
    expect(write([...answered(ENOSYS), lost(EIO)], failed(EIO))).toEqual({ kind: 'conforms' });
  });
  test('changes no device', () => {
    const seen = {
      ...observed({ exchanges: [begun(), writeExchange(4096n, 4096)], results: [ok] }),
      deviceChanges: [{ device: 0, offsetBytes: 4096n, content: [writer(4096n, 4096)] }],
    };
    expect(deviates(judge(testCase, seen))).toEqual(['device/bytes device-bytes']);
  });
  test('knows the inode by its number in every BEGIN', () => {
    const wrong = begun();
    wrong.request = { ...wrong.request, attrIno: INO + 1n };
    expect(deviates(write([wrong, writeExchange(4096n, 4096)]))).toEqual(['request/begin request']);
  });
});
