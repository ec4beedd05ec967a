/** Cases of every step kind and every reply kind of the model, for tests of what reads and renders cases. */
import type { Case, Step } from '../../model/case.ts';
import {
  MiB,
  begin,
  geometry,
  hole,
  makeCase,
  mapped,
  mappings,
  openCached,
  openDirect,
  overwrite,
  read,
  write,
} from './case-parts.ts';
import { superblockCases } from './superblock-samples.ts';

export { begin, geometry, hole, makeCase, mapped, mappings, openDirect, overwrite } from './case-parts.ts';

export const sampleCases: Readonly<Record<string, Case>> = {
  'direct read of a mapped extent': makeCase(
    [openDirect, read(0x2000n), { call: 'close', fd: 0 }],
    [begin(mappings(mapped()))],
  ),
  'direct read across two devices': makeCase(
    [openDirect, read(0n, 0x4000)],
    [
      begin(mappings(mapped({ length: 0x2000n })), { times: 1 }),
      begin(mappings(mapped({ dev: { device: 1 }, offset: 0x2000n, length: 0x2000n, addr: 0x3000n }))),
    ],
    {
      geometry: geometry({
        devices: [
          { sizeBytes: MiB, access: 'rw' },
          { sizeBytes: MiB, access: 'ro' },
        ],
      }),
    },
  ),
  'length 0 in the read half': makeCase([openDirect, read()], [begin(mappings(mapped({ length: 0n }), overwrite()))], {
    debugIomap: true,
  }),
  'a type without a name, flags without one, a cookie as a number': makeCase(
    [openDirect, read()],
    [begin(mappings(mapped({ type: 77, flags: ['NEW', 0x4000], dev: 4711 })))],
  ),
  'direct read past the end of the file': makeCase([openDirect, read(0xf000n, 0x2000)], [begin(mappings(mapped()))]),
  'direct write to a mapped extent': makeCase(
    [openDirect, write(0x1000n, 0x2000), read(0x1000n, 0x2000)],
    [begin(mappings(mapped())), { on: 'IOMAP_END', reply: { kind: 'empty' } }],
  ),
  'direct write to an unwritten extent': makeCase(
    [openDirect, write(0n, 4096, 2), { call: 'fstat', fd: 0 }],
    [
      begin(mappings(mapped({ type: 'UNWRITTEN', flags: ['WANT_IOMAP_END'] })), {
        opflagsSet: 0x11,
        opflagsClear: 0x4,
      }),
      { on: 'IOMAP_IOEND', file: 0, reply: { kind: 'ioend', newsizeBytes: 0x10000n } },
    ],
  ),
  'BEGIN answered by an error': makeCase([openDirect, read(), write()], [begin({ kind: 'error', errno: 5 })]),
  'BEGIN answered by bytes of the wrong size': makeCase(
    [openDirect, read()],
    [begin({ kind: 'raw', payload: '00'.repeat(63), lengthBytes: 79, error: 0 })],
  ),
  'BEGIN answered with a header that lies about unique': makeCase(
    [openDirect, read()],
    [begin({ kind: 'raw', payload: '00'.repeat(64), unique: 0xdeadn })],
  ),
  'BEGIN answered by half a header': makeCase(
    [openDirect, read()],
    [begin({ kind: 'raw', payload: '00'.repeat(64), sentBytes: 8 })],
  ),
  'BEGIN answered by a payload that is cut': makeCase(
    [openDirect, read()],
    [begin({ kind: 'raw', payload: '00'.repeat(64), sentBytes: 40 })],
  ),
  'a server that is killed': makeCase([openDirect, read(), read()], [begin({ kind: 'kill' })]),
  'a server that dies': makeCase([openDirect, read(), read()], [begin({ kind: 'die' })]),
  'a connection that is aborted': makeCase([openDirect, read(), read()], [begin({ kind: 'abort' })]),
  'SEEK_DATA and SEEK_HOLE': makeCase(
    [openDirect, { call: 'seekData', fd: 0, offset: 0n }, { call: 'seekHole', fd: 0, offset: 0n }],
    [
      begin(mappings(hole({ length: 0x8000n })), { times: 1 }),
      begin(mappings(mapped({ offset: 0x8000n, length: 0x8000n })), { times: 1 }),
      begin(mappings(mapped())),
    ],
  ),
  FIEMAP: makeCase(
    [
      { call: 'open', file: 0, flags: ['rdonly'] },
      { call: 'fiemap', fd: 0, start: 0n, lengthBytes: 0x10000n, flags: 0, extents: 4 },
    ],
    [begin(mappings(mapped()))],
  ),
  'FIEMAP that must be refused': makeCase(
    [
      { call: 'open', file: 0, flags: ['rdonly'] },
      { call: 'fiemap', fd: 0, start: 0n, lengthBytes: 0x10000n, flags: 0, extents: 4 },
    ],
    [begin(mappings(mapped({ type: 77 })))],
  ),
  'ordinary file operations': makeCase(
    [
      openDirect,
      { call: 'fsync', fd: 0 },
      { call: 'ftruncate', fd: 0, sizeBytes: 0x8000n },
      { call: 'fallocate', fd: 0, mode: 0, offset: 0n, lengthBytes: 0x20000n },
      { call: 'fstat', fd: 0 },
      { call: 'close', fd: 0 },
    ],
    [
      begin(mappings(mapped({ length: 0x20000n }))),
      { on: 'FSYNC', reply: { kind: 'error', errno: 5 } },
      { on: 'FALLOCATE', reply: { kind: 'empty' } },
    ],
  ),
  'copies and clones between two files': makeCase(
    [
      openDirect,
      { call: 'open', file: 1, flags: ['rdwr'] },
      { call: 'copyFileRange', from: 0, fromOffset: 0n, fd: 1, offset: 0x1000n, lengthBytes: 0x2000 },
      { call: 'clone', from: 0, fromOffset: 0n, fd: 1, offset: 0n, lengthBytes: 0n },
      { call: 'dedupe', from: 0, fromOffset: 0n, fd: 1, offset: 0n, lengthBytes: 0x1000n },
      { call: 'ftruncate', fd: 1, sizeBytes: 0x1000n },
      { call: 'fstat', fd: 1 },
    ],
    [
      { on: 'COPY_FILE_RANGE_64', reply: { kind: 'raw', payload: '0010000000000000' } },
      { on: 'SETATTR', reply: { kind: 'attributes', sizeBytes: 5n } },
    ],
    {
      geometry: geometry({
        files: [
          { sizeBytes: 0x10000n, attrFlags: ['IOMAP', 'EXCLUSIVE'] },
          { sizeBytes: 0x10000n, attrFlags: ['IOMAP', 'EXCLUSIVE'] },
        ],
      }),
    },
  ),
  'CONFIG with every field, SYNC_INIT': makeCase([openDirect, read()], [begin(mappings(mapped()))], {
    geometry: geometry({
      mount: 'syncInit',
      config: {
        kind: 'config',
        sId: 'case',
        sUuid: '00112233445566778899aabbccddeeff',
        sUuidLen: 16,
        sPad: '000000',
        blockSizeBytes: 512,
        maxLinks: 10,
        timeGranNs: 1000,
        timeMin: -5n,
        timeMax: 5n,
        maxBytes: 1n << 40n,
        cacheMaxBytes: 4096,
        pad: 0,
      },
    }),
  }),
  'CONFIG refused': makeCase([openDirect], [], {
    debugIomap: true,
    geometry: geometry({
      config: { kind: 'config', flags: ['BLOCKSIZE', 0x80n], blockSizeBytes: 4096, sentBytes: 64 },
    }),
  }),
  'CONFIG answered by an error': makeCase([openDirect], [], {
    geometry: geometry({ mount: 'syncInit', config: { kind: 'error', errno: 22 } }),
  }),
  ioctls: makeCase(
    [
      { call: 'fuseIoctl', on: 'mounted', ioctl: 'IOMAP_SUPPORT' },
      { call: 'fuseIoctl', on: 'unmounted', ioctl: 'IOMAP_SUPPORT' },
      { call: 'fuseIoctl', on: 'mounted', ioctl: 'BACKING_OPEN', target: 'device', device: 0, flags: 1 },
      { call: 'fuseIoctl', on: 'mounted', ioctl: 'BACKING_OPEN', target: 'device-opath', device: 0 },
      { call: 'fuseIoctl', on: 'mounted', ioctl: 'BACKING_OPEN', target: 'regular', padding: 1n },
      { call: 'fuseIoctl', on: 'unmounted', ioctl: 'BACKING_OPEN', target: 'bad' },
      { call: 'fuseIoctl', on: 'mounted', ioctl: 'BACKING_CLOSE', id: { device: 0 } },
      { call: 'fuseIoctl', on: 'mounted', ioctl: 'BACKING_CLOSE', id: -1 },
      { call: 'fuseIoctl', on: 'mounted', ioctl: 'SET_NOFS', value: 1 },
      { call: 'fuseIoctl', on: 'mounted', ioctl: 'ADD_IOMAP' },
      { call: 'fuseIoctl', on: 'unmounted', ioctl: 'SYNC_INIT' },
      { call: 'fuseIoctl', on: 'mounted', ioctl: 'IOMAP_SET_BLOCKSIZE', id: { device: 0 }, value: 512 },
    ],
    [],
  ),
  'a connection without iomap': makeCase(
    [{ call: 'open', file: 0, flags: ['rdonly'] }, read()],
    [{ on: 'OPEN', reply: { kind: 'error', errno: 13 } }],
    { geometry: geometry({ initIomap: false, initMinor: 40 }) },
  ),
  'FOPEN_DIRECT_IO and a second file': makeCase(
    [
      { call: 'open', file: 1, flags: ['rdwr'] },
      { call: 'open', file: 0, flags: ['rdonly'] },
      read(),
      { call: 'close', fd: 1 },
    ],
    [begin(mappings(mapped()), { file: 1 }), { on: 'LOOKUP', file: 0, reply: { kind: 'error', errno: 2 } }],
    {
      geometry: geometry({
        files: [
          { sizeBytes: 4096n, attrFlags: [] },
          { sizeBytes: 0x10000n, attrFlags: ['IOMAP', 'EXCLUSIVE', 'ATOMIC'], directIo: true },
        ],
      }),
    },
  ),
  'writes through the page cache, mapped pages, fsync, reading back': makeCase(
    [
      openCached,
      write(0x1000n, 0x1800),
      { call: 'fsync', fd: 0 },
      { call: 'mmapWrite', fd: 0, offset: 0x3000n, lengthBytes: 0x1000, writer: 1, msync: true },
      { call: 'mmapRead', fd: 0, offset: 0x1000n, lengthBytes: 0x3000 },
      read(0x2000n, 0x1000),
      { call: 'close', fd: 0 },
    ],
    [
      begin(mappings(mapped({ addr: 0x40000n })), { opflagsSet: 0x8000_0000 }),
      begin(mappings(mapped({ addr: 0x40000n }))),
    ],
  ),
  'lines for parts of a file': makeCase(
    [openDirect, read(0n, 0x4000), write(0x1000n, 0x2000), { call: 'ftruncate', fd: 0, sizeBytes: 0x3000n }],
    [
      begin(mappings(mapped({ length: 0x2000n })), { posTo: 0x2000n }),
      begin(mappings(mapped({ dev: { device: 1 }, offset: 0x2000n, length: 0xe000n, addr: 0x3000n })), {
        posFrom: 0x2000n,
      }),
      { on: 'IOMAP_END', posFrom: 0x1000n, posTo: 0x1001n, reply: { kind: 'empty' } },
    ],
    {
      geometry: geometry({
        devices: [
          { sizeBytes: MiB, access: 'rw' },
          { sizeBytes: MiB, access: 'rw' },
        ],
      }),
    },
  ),
  'inline data': makeCase(
    [openDirect, read(0n, 4096), write(0n, 4096), { call: 'close', fd: 0 }],
    [begin(mappings(hole({ type: 'INLINE', length: 0x1000n }), overwrite({ length: 0x1000n })))],
    { geometry: geometry({ files: [{ sizeBytes: 0x1000n, attrFlags: ['IOMAP', 'EXCLUSIVE'] }] }) },
  ),
  notifications: makeCase(
    [
      openDirect,
      { call: 'notify', notification: { kind: 'upsert', node: { file: 0 }, read: mapped(), write: overwrite() } },
      read(0x3000n, 0x1000),
      {
        call: 'notify',
        notification: {
          kind: 'inval',
          node: { file: 0 },
          read: { offset: 0n, length: 0x4000n },
          write: { offset: 0n, length: 0n },
        },
      },
      read(0x3000n, 0x1000),
      {
        call: 'notify',
        notification: { kind: 'upsert', node: { file: 0 }, read: mapped({ length: 0n }), write: overwrite() },
      },
      {
        call: 'notify',
        notification: { kind: 'devInval', dev: { device: 0 }, range: { offset: 0n, length: 0x1000n } },
      },
      { call: 'deviceRead', device: 0, offset: 0x10000n, lengthBytes: 4096 },
      { call: 'notify', notification: { kind: 'store', node: { file: 0 }, offset: 0n, lengthBytes: 512 } },
      { call: 'notify', notification: { kind: 'raw', code: 255, payload: '0011' } },
    ],
    [begin(mappings(hole()))],
  ),
  'preadv2 and pwritev2 flags': makeCase(
    [
      openDirect,
      { call: 'pread', fd: 0, offset: 0n, lengthBytes: 4096, rwf: 8 },
      { call: 'pwrite', fd: 0, offset: 0n, lengthBytes: 4096, writer: 1, rwf: 2 },
    ],
    [begin(mappings(mapped()))],
  ),
  'truncation and fallocate by the page cache': makeCase(
    [
      openCached,
      write(0x1000n, 0x1800),
      { call: 'ftruncate', fd: 0, sizeBytes: 0x1400n },
      { call: 'ftruncate', fd: 0, sizeBytes: 0x6000n },
      { call: 'fallocate', fd: 0, mode: 3, offset: 0x200n, lengthBytes: 0x400n },
      { call: 'fallocate', fd: 0, mode: 0x10, offset: 0x2100n, lengthBytes: 0x1000n },
      { call: 'fallocate', fd: 0, mode: 0, offset: 0x6000n, lengthBytes: 0x2000n },
      read(0n, 0x3000),
      { call: 'fstat', fd: 0 },
      { call: 'fsync', fd: 0 },
    ],
    [begin(mappings(mapped({ addr: 0x40000n, length: 0x20000n }), mapped({ addr: 0x40000n, length: 0x20000n })))],
  ),
  'notifications while BEGIN waits, and a signal': makeCase(
    [openDirect, read(0x1000n), read(0x1000n), { call: 'seekData', fd: 0, offset: 0n }],
    [
      begin(mappings(hole()), {
        opflagsSet: 4,
        before: [
          { kind: 'upsert', node: { file: 0 }, read: mapped(), write: overwrite() },
          {
            kind: 'inval',
            node: { file: 0 },
            read: { offset: 0n, length: 0x10000n },
            write: { offset: 0n, length: 0n },
          },
          { kind: 'upsert', node: { file: 0 }, read: mapped({ length: 0n }), write: overwrite() },
          { kind: 'devInval', dev: { device: 0 }, range: { offset: 0n, length: 0x1000n } },
        ],
        signal: true,
      }),
      begin(mappings(mapped()), {
        before: [
          { kind: 'raw', code: 255, payload: '0011' },
          { kind: 'retrieve', node: { file: 0 }, offset: 0n, lengthBytes: 512 },
        ],
      }),
    ],
  ),
  'attributes and pages to be asked for again': makeCase(
    [
      openCached,
      read(0n, 0x2000),
      { call: 'notify', notification: { kind: 'invalInode', node: { file: 0 }, offset: 0n, length: 0n } },
      read(0n, 0x2000),
      { call: 'notify', notification: { kind: 'retrieve', node: { file: 0 }, offset: 0n, lengthBytes: 4096 } },
      { call: 'fstat', fd: 0 },
    ],
    [begin(mappings(mapped()))],
  ),
  ...superblockCases,
};

/** For tests that look at text alone. */
export const ordinaryCases: Readonly<Record<string, Case>> = {
  'times, the UUID, readahead': makeCase(
    [
      openCached,
      { call: 'setTimes', fd: 0, atime: { sec: 5n, nsec: 7 }, mtime: { sec: 1_000_000_000n, nsec: 123_456_789 } },
      { call: 'fsUuid', fd: 0 },
      { call: 'readahead', fd: 0, offset: 0n, lengthBytes: 0x4000 },
      { call: 'fadvise', fd: 0, offset: 0n, lengthBytes: 0x4000, advice: 'dontneed' },
      read(0n, 0x2000),
    ],
    [begin(mappings(mapped()))],
    {
      geometry: geometry({
        config: {
          kind: 'config',
          sUuid: '00112233445566778899aabbccddeeff',
          sUuidLen: 16,
          timeGranNs: 1000,
          timeMin: -5n,
          timeMax: 2_000_000_000n,
        },
      }),
    },
  ),
  'names, attributes, the directory': makeCase(
    [
      ...(['statfs', 'getxattr', 'listxattrSize', 'fsyncdir', 'poll'] as const).map((syscall): Step => ({
        call: 'ordinary',
        syscall,
        file: 0,
      })),
    ],
    [
      { on: 'STATFS', reply: { kind: 'error', errno: 5 } },
      { on: 'GETXATTR', reply: { kind: 'raw', payload: '76616c7565' } },
      { on: 'LISTXATTR', reply: { kind: 'raw', payload: '0500000000000000' } },
      { on: 'FSYNCDIR', reply: { kind: 'error', errno: 28 } },
      { on: 'POLL', reply: { kind: 'raw', payload: '0500000000000000' } },
    ],
  ),
};
