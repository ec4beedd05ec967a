/**
 * Siblings of the records of a kernel of other authors: the same case, and one thing that the kernel did otherwise.
 * Each liberty of the rules has near faults beside it, which must be caught.
 */
import { expect, test } from '@playwright/test';
import type { KernelEvent, StepResult } from '../model/observation.ts';
import { NULL_ADDR } from '../uapi/revision.ts';
import { judge } from './judge.ts';
import { drop, foreignRecord, insert, moveBehind, requestOf, type ForeignRecord } from './testing/foreign-record.ts';

const EPERM = 1,
  ENOENT = 2,
  EIO = 5,
  EAGAIN = 11,
  EINVAL = 22,
  ENOSPC = 28,
  ENOSYS = 38,
  EOPNOTSUPP = 95,
  EUCLEAN = 117;

type Edit = (record: ForeignRecord) => void;
/** What a sibling is, whether it conforms, and how it comes out of the record. */
type Row = readonly [text: string, verdict: 'conforms' | 'deviates', edit: Edit];

const set =
  (name: string, fields: Record<string, unknown>, n = 0): Edit =>
  (record) => {
    Object.assign(requestOf(record, name, n).request, fields);
  };
const without =
  (name: string, n = 0): Edit =>
  (record) => {
    drop(record, name, n);
  };
const twice =
  (name: string, n = 0): Edit =>
  (record) => {
    const one = requestOf(record, name, n);
    insert(record, one, { behind: one });
  };
const step =
  (n: number, result: Partial<StepResult>): Edit =>
  ({ seen }) => {
    Object.assign(seen.steps[n]!, result);
  };
const fails = (n: number, errno: number): Edit => step(n, { ret: -1n, errno });
const succeeds = (n: number, ret = 0n): Edit => step(n, { ret, errno: 0 });
const all =
  (...edits: Edit[]): Edit =>
  (record) => {
    edits.forEach((edit) => {
      edit(record);
    });
  };
const flags = (value: number): Edit => set('IOMAP_IOEND', { flags: value });
const error = (errno: number): Edit => set('IOMAP_IOEND', { error: -errno });
const report =
  (change: Partial<Extract<KernelEvent, { kind: 'bad-data' }>>): Edit =>
  ({ seen }) => {
    Object.assign(seen.events[0]!, change);
  };

const END = { opflags: 1, reserved: 0, pos: 9n, count: 4n, written: 0n };
const endFor =
  (change: Record<string, unknown> = {}): Edit =>
  (record) => {
    const begin = requestOf(record, 'IOMAP_BEGIN');
    insert(
      record,
      {
        ...begin,
        name: 'IOMAP_END',
        request: {
          ...END,
          attrIno: begin.request['attrIno'],
          pos: begin.request['pos'],
          count: begin.request['count'],
          map: {
            offset: 0n,
            length: 4096n,
            addr: 8192n,
            type:
              record.of.script[1]!.reply.kind === 'mappings' && record.of.script[1]!.reply.write.type === 'MAPPED'
                ? 2
                : 3,
            flags: 0,
            dev: 1,
          },
          ...change,
        },
        reply: { error: 0, payload: new Uint8Array() },
      },
      { behind: requestOf(record, 'READ') },
    );
  };

const siblings: Readonly<Record<string, readonly Row[]>> = {
  'B1-1': [
    ['does not zero when the size stays', 'conforms', without('IOMAP_BEGIN')],
    [
      'zeroes after SETATTR',
      'conforms',
      (record) => {
        moveBehind(record, requestOf(record, 'IOMAP_BEGIN'), requestOf(record, 'SETATTR'));
      },
    ],
    ['zeroes twice', 'deviates', twice('IOMAP_BEGIN')],
    ['sends no SETATTR', 'deviates', without('SETATTR')],
    ['tells another size', 'deviates', set('SETATTR', { size: 50929n })],
    ['zeroes in front of EOF', 'deviates', set('IOMAP_BEGIN', { pos: 50929n, count: 2319n })],
    ['zeroes as a write', 'deviates', set('IOMAP_BEGIN', { opflags: 1 })],
  ],
  'B1-3': [
    [
      'writes back after SETATTR, by the old size',
      'conforms',
      (record) => {
        moveBehind(record, requestOf(record, 'SETATTR'), requestOf(record, 'IOMAP_BEGIN', 1));
      },
    ],
    [
      'writes back after SETATTR, by the new size',
      'conforms',
      (record) => {
        moveBehind(record, requestOf(record, 'SETATTR'), requestOf(record, 'IOMAP_BEGIN', 1));
        drop(record, 'IOMAP_IOEND');
      },
    ],
    ['writes back before SETATTR, by the new size', 'conforms', without('IOMAP_IOEND')],
    ['reports nothing by IOEND', 'deviates', flags(0x20)],
    ['reports DIRECT for writeback', 'deviates', flags(0x38)],
    ['reports an address in sectors', 'deviates', set('IOMAP_IOEND', { newAddr: 1536n })],
    ['reports another device', 'deviates', set('IOMAP_IOEND', { dev: 2 })],
    ['reports more than it wrote', 'deviates', set('IOMAP_IOEND', { written: 12288n })],
    ['sends no SETATTR', 'deviates', without('SETATTR')],
    ['writes nothing back', 'deviates', all(without('IOMAP_IOEND'), without('IOMAP_BEGIN', 2))],
    ['keeps the old size', 'deviates', step(2, { sizeBytes: 11n })],
    [
      'loses the zeroes on the way to the device',
      'deviates',
      ({ seen }) => {
        seen.deviceChanges = [];
      },
    ],
  ],
  'B10-1': [
    ['sends END for none of it', 'conforms', endFor()],
    ['sends END for all of it', 'deviates', endFor({ written: 4n })],
    ['sends END twice', 'deviates', all(endFor(), endFor())],
    ['sends END for another range', 'deviates', endFor({ pos: 0n })],
    ['gives another errno to the caller', 'deviates', fails(1, ENOSPC)],
    ['writes without the rest of the block', 'deviates', succeeds(1, 4n)],
    ['makes the file larger', 'deviates', step(2, { sizeBytes: 13n })],
  ],
  'B10-2': [
    ['sends END, since the write was short', 'conforms', endFor()],
    ['sends END for all of it', 'deviates', endFor({ written: 937n })],
    ['asks for a part of the inline data', 'deviates', set('READ', { size: 2048 })],
  ],
  'B11-1': [
    ['does not report it', 'conforms', without('IOMAP_IOEND')],
    ['reports what the caller gets', 'conforms', error(EIO)],
    ['reports an errno from nowhere', 'deviates', error(ENOSPC)],
    ['reports success', 'deviates', error(0)],
    ['reports it twice', 'deviates', twice('IOMAP_IOEND')],
    ['reports it as writeback', 'deviates', flags(0x20)],
    ['reports shared blocks that no mapping has', 'deviates', flags(9)],
    ['gives ENOSYS to the caller', 'deviates', fails(1, ENOSYS)],
    ['succeeds without having written', 'deviates', succeeds(1, 12288n)],
    ['is done with a part', 'deviates', succeeds(1, 4096n)],
  ],
  'B11-2': [
    ['fails by EIO', 'conforms', fails(1, EIO)],
    ['does not report it', 'conforms', without('IOMAP_IOEND')],
    ['reports what the caller gets', 'conforms', error(EOPNOTSUPP)],
    ['gives ENOSYS to the caller', 'deviates', fails(1, ENOSYS)],
    ['gives EINVAL to the caller', 'deviates', fails(1, EINVAL)],
    ['succeeds', 'deviates', succeeds(1, 4096n)],
  ],
  'B13-1': [
    ["takes the copy's end for the size on the disk", 'conforms', set('IOMAP_IOEND', { flags: 10 })],
    ['forgets what the first IOEND said', 'deviates', set('IOMAP_IOEND', { flags: 26 }, 2)],
    ['does not see that the file grows', 'deviates', set('IOMAP_IOEND', { flags: 10 }, 1)],
    ['copies another range', 'deviates', set('COPY_FILE_RANGE_64', { offOut: 0n })],
    ['asks for a copy twice', 'deviates', twice('COPY_FILE_RANGE_64')],
  ],
  'B14-1': [
    ['fails by another errno', 'deviates', fails(1, EPERM)],
    ['fails, and tells the server of another errno', 'deviates', error(EPERM)],
    ['fails, and does not tell the server', 'deviates', without('IOMAP_IOEND')],
    [
      'reads nothing, and writes',
      'conforms',
      (record) => {
        succeeds(1, 4096n)(record);
        drop(record, 'IOMAP_IOEND');
        record.seen.deviceChanges = [
          {
            device: 0,
            offsetBytes: 0x3000n,
            content: [{ lengthBytes: 4096, source: { kind: 'writer', writer: 0, offsetBytes: 8192n } }],
          },
        ];
      },
    ],
    ['says that it wrote, and did not', 'deviates', all(succeeds(1, 4096n), without('IOMAP_IOEND'))],
  ],
  'B2-1': [
    ['without APPEND', 'conforms', flags(0)],
    ['up to EOF', 'conforms', set('IOMAP_IOEND', { written: 0xde6n })],
    ['up to the end of a larger folio', 'conforms', set('IOMAP_IOEND', { written: 0xe000n })],
    ['fsync gives EIO for any loss', 'conforms', fails(2, EIO)],
    ['up to nowhere', 'deviates', set('IOMAP_IOEND', { written: 0xfffn })],
    ['far behind the folio', 'deviates', set('IOMAP_IOEND', { written: 0x7000n })],
    ['from the middle of a block', 'deviates', set('IOMAP_IOEND', { pos: 0x2001n })],
    ['as if it had been written', 'deviates', flags(0x20)],
    ['UNWRITTEN', 'deviates', flags(2)],
    ['with an address', 'deviates', set('IOMAP_IOEND', { newAddr: 0xc2000n })],
    ['with a device', 'deviates', set('IOMAP_IOEND', { dev: 1 })],
    ['without the error', 'deviates', error(0)],
    ['with another error', 'deviates', error(ENOSPC)],
    ['not at all', 'deviates', without('IOMAP_IOEND')],
    ['twice', 'deviates', twice('IOMAP_IOEND')],
    ['and fsync says nothing', 'deviates', succeeds(2)],
    ['and fsync says something else', 'deviates', fails(2, ENOSPC)],
  ],
  'B2-3': [
    ['without APPEND', 'conforms', flags(0)],
    ['up to EOF', 'conforms', set('IOMAP_IOEND', { written: 0x3fdn })],
    ['up to the block before', 'conforms', set('IOMAP_IOEND', { written: 0x200n, flags: 0 })],
    ['in the middle of a block', 'deviates', set('IOMAP_IOEND', { written: 0x201n })],
  ],
  'B4-2': [
    ['does not report it', 'conforms', without('IOMAP_IOEND')],
    ['reports another errno', 'deviates', error(EIO)],
    ['reports bytes', 'deviates', set('IOMAP_IOEND', { written: 4096n })],
    ['reports UNWRITTEN', 'deviates', flags(10)],
    ['gives another errno to the caller', 'deviates', fails(1, EIO)],
    ['succeeds', 'deviates', succeeds(1, 4096n)],
    [
      'writes nevertheless',
      'deviates',
      ({ seen }) => {
        seen.deviceChanges = [
          {
            device: 0,
            offsetBytes: 0x40000n,
            content: [{ lengthBytes: 4096, source: { kind: 'writer', writer: 0, offsetBytes: 0n } }],
          },
        ];
      },
    ],
  ],
  'B4-3': [
    [
      'fails without asking',
      'conforms',
      (record) => {
        record.seen.steps[1] = { ret: -1n, errno: EAGAIN };
        drop(record, 'IOMAP_BEGIN');
      },
    ],
    ['asks with NOWAIT', 'deviates', set('IOMAP_BEGIN', { opflags: 0x20 })],
    ['asks as a direct read', 'deviates', set('IOMAP_BEGIN', { opflags: 0x10 })],
    ['reads without asking', 'deviates', without('IOMAP_BEGIN')],
    [
      'returns bytes from elsewhere',
      'deviates',
      ({ seen }) => {
        seen.steps[1]!.data = [{ lengthBytes: 1024, source: { kind: 'device', device: 0, offsetBytes: 0x40200n } }];
      },
    ],
    [
      'fails by EIO though nothing is wrong',
      'deviates',
      (record) => {
        record.seen.steps[1] = { ret: -1n, errno: EIO };
      },
    ],
  ],
  'B5-1': [
    [
      'does not believe it',
      'conforms',
      (record) => {
        all(step(2, { sizeBytes: 0n }), step(3, { sizeBytes: 0n }), fails(4, 6), without('IOMAP_BEGIN'))(record);
      },
    ],
    ['believes it once', 'deviates', step(3, { sizeBytes: 0n })],
    ['keeps the size from before', 'deviates', all(step(2, { sizeBytes: 0xc00n }), step(3, { sizeBytes: 0xc00n }))],
    ['has a size that nobody said', 'deviates', all(step(2, { sizeBytes: 0x800n }), step(3, { sizeBytes: 0x800n }))],
  ],
  'B6-1': [
    ['does not tell', 'conforms', without('IOMAP_IOEND')],
    [
      'asks twice for the first mapping',
      'conforms',
      (record) => {
        const first = requestOf(record, 'IOMAP_BEGIN', 1);
        insert(record, first, { before: requestOf(record, 'FSYNC') });
      },
    ],
    ['does not sync', 'conforms', without('FSYNC')],
    ['tells another errno', 'deviates', error(EIO)],
    ['tells of success', 'deviates', error(0)],
    ['tells twice', 'deviates', twice('IOMAP_IOEND')],
    ['tells of a direct write', 'deviates', flags(0x48)],
    ['tells about another inode', 'deviates', set('IOMAP_IOEND', { attrIno: 1n })],
    ['asks as a report', 'deviates', set('IOMAP_BEGIN', { opflags: 4 }, 1)],
    ['fails by another errno', 'deviates', all(fails(0, EIO), error(EIO))],
    ['succeeds', 'deviates', succeeds(0)],
  ],
  'B7-1': [
    ['without END', 'deviates', without('IOMAP_END')],
    ['END twice', 'deviates', twice('IOMAP_END')],
    ['END of nothing', 'deviates', set('IOMAP_END', { written: 0n })],
    [
      'END with flags of the kernel besides',
      'conforms',
      (record) => {
        (requestOf(record, 'IOMAP_END').request['map'] as { flags: number }).flags |= 0x200;
      },
    ],
    [
      'END of another type',
      'deviates',
      (record) => {
        (requestOf(record, 'IOMAP_END').request['map'] as { type: number }).type = 0;
      },
    ],
    [
      'reads the data',
      'deviates',
      (record) => {
        const begin = requestOf(record, 'IOMAP_BEGIN');
        insert(
          record,
          {
            ...begin,
            name: 'READ',
            request: { fh: 0n, offset: 0x1000n, size: 0x7000, readFlags: 0, lockOwner: 0n, flags: 0, padding: 0 },
            reply: { error: -EIO, payload: new Uint8Array() },
          },
          { behind: begin },
        );
      },
    ],
    ['finds a hole where there is none', 'deviates', succeeds(1, 12280n)],
  ],
  'B8-1': [
    ['counts without a sign', 'conforms', succeeds(1, 40n)],
    ['refuses by another errno', 'deviates', fails(1, EUCLEAN)],
    [
      'reports bad data',
      'deviates',
      ({ seen }) => {
        seen.events.push({
          kind: 'bad-data',
          func: 'f',
          line: 1,
          condition: 'check_add_overflow(map->addr, map->length, &end)',
        });
      },
    ],
    [
      'refuses an end below 2^63',
      'deviates',
      ({ of: testCase }) => {
        testCase.workload[1] = {
          call: 'notify',
          notification: { kind: 'devInval', dev: { device: 0 }, range: { offset: 1n, length: (1n << 63n) - 2n } },
        };
      },
    ],
    [
      'refuses an end of 2^63',
      'conforms',
      ({ of: testCase }) => {
        testCase.workload[1] = {
          call: 'notify',
          notification: { kind: 'devInval', dev: { device: 0 }, range: { offset: 1n, length: (1n << 63n) - 1n } },
        };
      },
    ],
  ],
  'B9-1': [
    [
      'looks at the end of the answer',
      'deviates',
      ({ seen }) => {
        seen.mount.errno = EINVAL;
        seen.steps = [];
        seen.transcript = seen.transcript.filter(({ name }) => name === 'INIT' || name === 'IOMAP_CONFIG');
      },
    ],
  ],
  'D1-2': [
    ['in another function and line', 'conforms', report({ func: 'iomap_begin_check', line: 7 })],
    ['in words of its own', 'conforms', report({ condition: 'dev == NULL' })],
    ['in words of another rule', 'deviates', report({ condition: 'map->length == 0' })],
    [
      'twice',
      'deviates',
      ({ seen }) => {
        seen.events.push(structuredClone(seen.events[0]!));
      },
    ],
    [
      'not at all',
      'deviates',
      ({ seen }) => {
        seen.events = [];
      },
    ],
    ['and gives another errno', 'deviates', fails(1, EIO)],
    [
      'and reads nevertheless',
      'deviates',
      ({ seen }) => {
        seen.steps[1] = { ret: 4096n, errno: 0, data: [{ lengthBytes: 4096, source: { kind: 'zero' } }] };
      },
    ],
  ],
  'D2-1': [
    [
      'loses what it wrote',
      'deviates',
      ({ seen }) => {
        seen.deviceChanges = [];
      },
    ],
    [
      'writes it to where the mapping that it was given says',
      'deviates',
      ({ seen }) => {
        seen.deviceChanges[0]!.device = 2;
        seen.deviceChanges[0]!.offsetBytes = 0x2000n;
      },
    ],
    ['reports an address in sectors', 'deviates', set('IOMAP_IOEND', { newAddr: 0x48n })],
  ],
  'K1-1': [
    [
      'refuses it',
      'conforms',
      (record) => {
        fails(1, EINVAL)(record);
        record.seen.deviceChanges = [];
        const begin = requestOf(record, 'IOMAP_BEGIN');
        const ioend = {
          flags: 8,
          error: -EINVAL,
          attrIno: begin.request['attrIno'],
          pos: 0n,
          newAddr: NULL_ADDR,
          written: 0n,
          dev: 0,
          pad: 0,
        };
        const end = {
          opflags: 17,
          reserved: 0,
          attrIno: begin.request['attrIno'],
          pos: 0n,
          count: 4096n,
          written: 0n,
          map: { offset: 0n, length: 4096n, addr: 0x1100n, type: 2, flags: 0, dev: 1 },
        };
        insert(
          record,
          { ...begin, name: 'IOMAP_END', request: end, reply: { error: 0, payload: new Uint8Array() } },
          { behind: begin },
        );
        insert(
          record,
          { ...begin, name: 'IOMAP_IOEND', request: ioend, reply: { error: 0, payload: Buffer.alloc(8) } },
          { behind: requestOf(record, 'IOMAP_END') },
        );
      },
    ],
    [
      'writes where the mapping says',
      'conforms',
      ({ seen }) => {
        seen.deviceChanges[0]!.offsetBytes = 0x1100n;
      },
    ],
    [
      'writes to the next sector',
      'deviates',
      ({ seen }) => {
        seen.deviceChanges[0]!.offsetBytes = 0x1200n;
      },
    ],
  ],
  'K5-1': [
    ['says the address in bytes', 'conforms', set('IOMAP_IOEND', { newAddr: 0x1000n })],
    ['says where the mapping begins', 'deviates', set('IOMAP_IOEND', { newAddr: 0x800n })],
    ['says no address', 'deviates', set('IOMAP_IOEND', { newAddr: NULL_ADDR })],
  ],
  'K7-1': [
    ['says so by fsync, and not to the server', 'deviates', all(fails(2, EIO), without('FSYNC'), without('SETATTR'))],
  ],
  'N11-1': [
    [
      'gives the errno to the caller',
      'conforms',
      ({ seen }) => {
        seen.steps[1] = { ret: -1n, errno: ENOENT, fiemapMapped: 0, fiemap: [] };
      },
    ],
    [
      'gives another one',
      'deviates',
      ({ seen }) => {
        seen.steps[1] = { ret: -1n, errno: EIO, fiemapMapped: 0, fiemap: [] };
      },
    ],
  ],
  'N2-2': [['keeps the size', 'conforms', step(2, { sizeBytes: 0x8000n })]],
  'N6-1': [
    [
      'writes each part to its device',
      'conforms',
      ({ seen }) => {
        seen.deviceChanges = [0, 1].map((device) => ({
          device,
          offsetBytes: device === 0 ? 0x43000n : 0x44000n,
          content: [
            { lengthBytes: 4096, source: { kind: 'writer', writer: 0, offsetBytes: device === 0 ? 0x3000n : 0x4000n } },
          ],
        }));
      },
    ],
  ],
  'N7-1': [
    [
      'drops the range only',
      'conforms',
      ({ seen }) => {
        seen.steps[4]!.data = [
          { lengthBytes: 61440, source: { kind: 'device', device: 0, offsetBytes: 0x6c000n } },
          { lengthBytes: 4096, source: { kind: 'writer', writer: 0, offsetBytes: 0xf000n } },
        ];
      },
    ],
    [
      'drops everything',
      'conforms',
      ({ seen }) => {
        seen.steps[4]!.data = [{ lengthBytes: 65536, source: { kind: 'writer', writer: 0, offsetBytes: 0n } }];
      },
    ],
    [
      'drops nothing',
      'deviates',
      ({ seen }) => {
        seen.steps[4]!.data = [{ lengthBytes: 65536, source: { kind: 'device', device: 0, offsetBytes: 0x6c000n } }];
      },
    ],
  ],
};

for (const [name, rows] of Object.entries(siblings)) {
  test.describe(`a kernel as in ${name}`, () => {
    for (const [text, verdict, edit] of rows) {
      test(`that ${text} ${verdict}`, () => {
        const record = foreignRecord(name);
        edit(record);
        const { kind, ...rest } = judge(record.of, record.seen);
        expect(kind, JSON.stringify(rest)).toBe(verdict);
      });
    }
  });
}
