import { expect, test } from '@playwright/test';
import type { ByteRun } from '../model/bytes.ts';
import type { Case, Step } from '../model/case.ts';
import type { DeviceChange, Exchange, KernelEvent, StepResult } from '../model/observation.ts';
import { serverBytes } from '../model/pattern.ts';
import { attrOut, writeOut } from '../uapi/fuse-structs.ts';
import type { IomapIo } from '../uapi/iomap.ts';
import { judge } from './judge.ts';
import {
  beginExchange,
  endExchange,
  failed,
  madeCase,
  mapped,
  observed,
  other,
  overwrite,
  wire,
  writer,
  zeros,
} from './testing/hand-made.ts';

const WRITE = 1,
  ZERO = 2,
  FAULT = 8,
  WRITEBACK = 0x8000_0000,
  WANT_IOMAP_END = 0x80;
const EIO = 5,
  ENOMEM = 12,
  ENOSPC = 28,
  ENOSYS = 38;
type Made = Omit<Exchange, 'seq' | 'unique' | 'opcode' | 'nodeid'>;

/** A file of 1000 bytes whose first block is all of it. */
const of = (...steps: Step[]): Case =>
  madeCase([], { sizeBytes: 1000n, workload: [{ call: 'open', file: 0, flags: ['rdwr'] }, ...steps] });
const inline = wire(4, 0n, 4096n);
const begun = (
  opflags: number,
  pos: bigint,
  count: bigint,
  read: IomapIo = inline,
  write: IomapIo = overwrite(0n, 4096n),
): Made => beginExchange(opflags, pos, count, read, write);
const read: Made = {
  name: 'READ',
  file: 0,
  request: { offset: 0n, size: 4096 },
  reply: { error: 0, payload: serverBytes(0, 0n, 1000) },
  writeErrno: 0,
};
const sent = (offset: bigint, data: ByteRun[], reply: { acknowledged?: number; error?: number } = {}): Made => {
  const size = data.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
  const payload = reply.error ? new Uint8Array() : writeOut.encode({ size: reply.acknowledged ?? size });
  return {
    name: 'WRITE',
    file: 0,
    request: { offset, size, data },
    reply: { error: -(reply.error ?? 0), payload },
    writeErrno: 0,
  };
};
const setattr: Made = {
  name: 'SETATTR',
  file: 0,
  request: { valid: 0x430 },
  reply: { error: 0, payload: new Uint8Array(attrOut.size) },
  writeErrno: 0,
};
const ok: StepResult = { ret: 0n, errno: 0 };
const kindOf = (
  value: Case,
  exchanges: Made[],
  results: StepResult[],
  events: KernelEvent[] = [],
  changes: DeviceChange[] = [],
) => judge(value, observed({ exchanges, results, events, changes })).kind;

test.describe('a buffered write to inline data', () => {
  const writing = of({ call: 'pwrite', fd: 0, offset: 100n, lengthBytes: 50, writer: 0 }, { call: 'fstat', fd: 0 });
  const first = [begun(WRITE, 100n, 50n), read];
  const wrote: StepResult = { ret: 50n, errno: 0 };
  const same: StepResult = { ret: 0n, errno: 0, sizeBytes: 1000n };

  test('sends what was written at its end, and nothing later', () => {
    expect(kindOf(writing, [...first, sent(100n, [writer(100n, 50)])], [wrote, same])).toBe('conforms');
    // Whether the data around it is read is left to the kernel.
    expect(kindOf(writing, [begun(WRITE, 100n, 50n), sent(100n, [writer(100n, 50)])], [wrote, same])).toBe('conforms');
    expect(kindOf(writing, first, [wrote, same])).toBe('deviates');
    expect(kindOf(writing, [...first, sent(100n, [zeros(50)])], [wrote, same])).toBe('deviates');
    const unknown: ByteRun = { lengthBytes: 10, source: { kind: 'unknown' } };
    expect(
      judge(
        writing,
        observed({
          exchanges: [...first, sent(100n, [writer(100n, 40), unknown])],
          results: [wrote, same],
          events: [],
          changes: [],
        }),
      ),
    ).toMatchObject({
      kind: 'conforms',
      unjudged: [{ aspect: 'request', reason: '10 bytes of the data of WRITE were not kept' }],
    });
    expect(kindOf(writing, [...first, sent(100n, [writer(101n, 40), unknown])], [wrote, same])).toBe('deviates');
    expect(kindOf(writing, [...first, sent(0n, [writer(100n, 50)])], [wrote, same])).toBe('deviates');
    const synced = of({ call: 'pwrite', fd: 0, offset: 100n, lengthBytes: 50, writer: 0 }, { call: 'fsync', fd: 0 });
    expect(kindOf(synced, [...first, sent(100n, [writer(100n, 50)]), setattr, other('FSYNC')], [wrote, ok])).toBe(
      'conforms',
    );
    expect(
      kindOf(
        synced,
        [...first, sent(100n, [writer(100n, 50)]), begun(WRITEBACK, 0n, 4096n), setattr, other('FSYNC')],
        [wrote, ok],
      ),
    ).toBe('deviates');
  });
  test('has no END, and makes the file larger', () => {
    const grows = of({ call: 'pwrite', fd: 0, offset: 900n, lengthBytes: 300, writer: 0 }, { call: 'fstat', fd: 0 });
    const wants = wire(4, 0n, 4096n, { flags: WANT_IOMAP_END });
    const exchanges = [begun(WRITE, 900n, 300n, wants), read, sent(900n, [writer(900n, 300)])];
    const result: StepResult = { ret: 300n, errno: 0 };
    expect(kindOf(grows, exchanges, [result, { ...same, sizeBytes: 1200n }])).toBe('conforms');
    expect(kindOf(grows, exchanges, [result, same])).toBe('deviates');
    expect(
      kindOf(
        grows,
        [...exchanges, endExchange(WRITE, 900n, 300n, 300n, wants)],
        [result, { ...same, sizeBytes: 1200n }],
      ),
    ).toBe('deviates');
  });
  test('fails when the server does not take it, and leaves the size', () => {
    const answered = (reply: { acknowledged?: number; error?: number }, errno: number, events: KernelEvent[] = []) =>
      kindOf(writing, [...first, sent(100n, [writer(100n, 50)], reply)], [failed(errno), same], events);
    const report: KernelEvent = { kind: 'bad-data', func: 'anything', line: 1, condition: 'anything' };
    expect(answered({ error: ENOSPC }, ENOSPC)).toBe('conforms');
    expect(answered({ error: ENOSPC }, EIO)).toBe('deviates');
    expect(answered({ error: ENOSYS }, EIO)).toBe('conforms');
    expect(answered({ acknowledged: 0 }, EIO)).toBe('conforms');
    expect(answered({ acknowledged: 51 }, EIO, [report])).toBe('conforms');
    expect(answered({ acknowledged: 51 }, EIO)).toBe('deviates');
    expect(
      kindOf(
        writing,
        [...first, sent(100n, [writer(100n, 50)], { acknowledged: 20 }), sent(120n, [writer(120n, 30)])],
        [wrote, same],
      ),
    ).toBe('conforms');
    expect(kindOf(writing, [...first, sent(100n, [writer(100n, 50)], { acknowledged: 20 })], [wrote, same])).toBe(
      'deviates',
    );
  });
  test('fails when the mapping is longer than a block', () => {
    const long = begun(WRITE, 100n, 50n, wire(4, 0n, 8192n), overwrite(0n, 8192n));
    expect(kindOf(writing, [long], [failed(ENOMEM), same])).toBe('conforms');
    expect(kindOf(writing, [long], [failed(EIO), same])).toBe('deviates');
    expect(
      kindOf(
        writing,
        [long, { ...read, request: { offset: 0n, size: 8192 } }, sent(100n, [writer(100n, 50)])],
        [wrote, same],
      ),
    ).toBe('deviates');
  });
});

test('truncation of inline data sends zeros for what it cuts', () => {
  const cut = of({ call: 'ftruncate', fd: 0, sizeBytes: 500n });
  const told: Made = {
    name: 'SETATTR',
    file: 0,
    request: { valid: 8, padding: 0, size: 500n },
    reply: { error: 0, payload: attrOut.encode({ attr: { mode: 0o100644 } as never }) },
    writeErrno: 0,
  };
  const zeroed = [begun(ZERO, 500n, 3596n), read];
  expect(kindOf(cut, [told, ...zeroed, sent(500n, [zeros(3596)])], [ok])).toBe('conforms');
  expect(kindOf(cut, [told, ...zeroed], [ok])).toBe('deviates');
  expect(kindOf(cut, [told, ...zeroed, sent(500n, [writer(500n, 3596)])], [ok])).toBe('deviates');
});

test('a page of inline data is not made writable, or its loss is reported', () => {
  const value = of({ call: 'mmapWrite', fd: 0, offset: 100n, lengthBytes: 50, writer: 0, msync: true });
  const fault = [begun(0, 0n, 4096n), read, begun(WRITE | FAULT, 0n, 1000n)];
  expect(kindOf(value, [...fault, other('FSYNC')], [ok])).toBe('conforms');
  expect(kindOf(value, [...fault, setattr, other('FSYNC')], [{ ret: 50n, errno: 0 }])).toBe('deviates');
});

test('inline data that moves to a device takes the rest of its block along', () => {
  const value = of({ call: 'pwrite', fd: 0, offset: 100n, lengthBytes: 50, writer: 0 }, { call: 'fsync', fd: 0 });
  const place = mapped(0n, 4096n, 8192n);
  const bytes = (...content: ByteRun[]): DeviceChange[] => [{ device: 0, offsetBytes: 8192n, content }];
  const server = (offsetBytes: bigint, lengthBytes: number): ByteRun => ({
    lengthBytes,
    source: { kind: 'server', file: 0, offsetBytes },
  });
  const exchanges = (...more: Made[]): Made[] => [
    begun(WRITE, 100n, 50n, inline, place),
    ...more,
    begun(WRITEBACK, 0n, 4096n, inline, place),
    setattr,
    other('FSYNC'),
  ];
  const results: StepResult[] = [{ ret: 50n, errno: 0 }, ok];
  expect(
    kindOf(
      value,
      exchanges(read),
      results,
      [],
      bytes(server(0n, 100), writer(100n, 50), server(150n, 850), zeros(3096)),
    ),
  ).toBe('conforms');
  expect(kindOf(value, exchanges(read), results, [], bytes(zeros(100), writer(100n, 50), zeros(3946)))).toBe(
    'deviates',
  );
  expect(kindOf(value, exchanges(), results, [], bytes(zeros(100), writer(100n, 50), zeros(3946)))).toBe('deviates');
});
