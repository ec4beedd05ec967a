/** Cases about the file system as a whole, swap files, and devices that take atomic writes. */
import type { Case, Step } from '../../model/case.ts';
import {
  MiB,
  begin,
  geometry,
  makeCase,
  mapped,
  mappings,
  openCached,
  openDirect,
  overwrite,
  read,
  write,
} from './case-parts.ts';

const freeze: Step = { call: 'freeze', fd: 0 };
const swapFile = { files: [{ sizeBytes: 0x40000n, attrFlags: ['IOMAP', 'EXCLUSIVE'] as ('IOMAP' | 'EXCLUSIVE')[] }] };
const swapped = mapped({ length: 0x40000n });

export const superblockCases: Readonly<Record<string, Case>> = {
  'freeze, thaw, syncfs': makeCase(
    [
      openCached,
      write(0n, 0x2000),
      freeze,
      freeze,
      { call: 'thaw', fd: 0 },
      write(0x2000n, 0x1000),
      { call: 'syncfs', fd: 0 },
      { call: 'close', fd: 0 },
    ],
    [begin(mappings(mapped({ addr: 0x40000n }), mapped({ addr: 0x40000n })))],
  ),
  'a freeze that ends with its descriptor': makeCase(
    [openDirect, freeze, { call: 'close', fd: 0 }],
    [{ on: 'SYNCFS', times: 1, reply: { kind: 'error', errno: 5 } }],
  ),
  shutdown: makeCase(
    [openDirect, read(), { call: 'shutdown', fd: 0, flags: 2 }, read()],
    [begin(mappings(mapped())), { on: 'SHUTDOWN_FS', reply: { kind: 'empty' } }],
  ),
  'a swap file in use': makeCase(
    [
      { call: 'swapon', file: 0, header: { device: 0, offset: 0x10000n, pages: 64 } },
      { call: 'pageOut', lengthBytes: 0x8000, writer: 1 },
      { call: 'swapoff', file: 0 },
    ],
    [begin(mappings(swapped))],
    { geometry: geometry(swapFile) },
  ),
  'a swap file that is left in use, and one without a header': makeCase(
    [
      { call: 'swapon', file: 1 },
      { call: 'swapon', file: 0, header: { device: 0, offset: 0x10000n, pages: 64 } },
    ],
    [begin(mappings(swapped)), begin(mappings(mapped({ length: 0x10000n, addr: 0x80000n })), { file: 1 })],
    { geometry: geometry({ files: [...swapFile.files, { sizeBytes: 0x10000n, attrFlags: ['IOMAP', 'EXCLUSIVE'] }] }) },
  ),
  'atomic writes': makeCase(
    [
      openDirect,
      { call: 'pwrite', fd: 0, offset: 0x1000n, lengthBytes: 4096, writer: 1, rwf: 0x40 },
      { call: 'pwrite', fd: 0, offset: 0x4000n, lengthBytes: 4096, writer: 2, rwf: 0x40 },
      read(0x1000n),
    ],
    [begin(mappings(mapped({ addr: 0x40000n }), overwrite()))],
    {
      geometry: geometry({
        devices: [
          { sizeBytes: MiB, access: 'rw', atomic: true },
          { sizeBytes: MiB, access: 'rw' },
        ],
        files: [{ sizeBytes: 0x10000n, attrFlags: ['IOMAP', 'EXCLUSIVE', 'ATOMIC'] }],
        config: { kind: 'config', blockSizeBytes: 4096 },
      }),
    },
  ),
};
