/**
 * A file of written, unwritten and absent parts. `filefrag -v` lists them: holes are missing from the list, unwritten
 * extents say so. Holes and unwritten extents read as zeros. Writing to the unwritten part makes the kernel report that
 * with IOEND, and the script then calls it written. Try:
 *
 *     ./iomapfuzz serve examples/sparse.ts -- sh -c 'filefrag -v sparse; dd if=/dev/zero of=sparse bs=64K seek=3
 *       count=1 conv=notrunc oflag=direct; filefrag -v sparse'
 */
import { defineServer, error, hole, mapped, unwritten, type Mapping } from 'iomapfuzz/server';

const K = 1024n;
/** The file from its start to its end, in order. */
const layout: Mapping[] = [
  mapped({ device: 0, addr: 0n, offset: 0n, length: 64n * K }),
  hole({ offset: 64n * K, length: 128n * K }),
  unwritten({ device: 0, addr: 64n * K, offset: 192n * K, length: 128n * K }),
  mapped({ device: 0, addr: 512n * K, offset: 320n * K, length: 192n * K }),
];
const endOf = ({ offset, length }: Mapping): bigint => BigInt(offset) + BigInt(length);

export default defineServer({
  devices: [{ sizeBytes: 1024 * 1024 }],
  files: { sparse: { sizeBytes: endOf(layout.at(-1)!) } },
  handlers: {
    begin({ pos, ops }) {
      const found = layout.find((mapping) => pos < endOf(mapping));
      // Behind the end of the file, where only reports ask, the server's ordinary answer will do: a hole.
      if (!found) return;
      // This server has nowhere to put what is written into a hole.
      if (found.type === 'HOLE' && ops.has('WRITE')) return error('ENOSPC');
      return found;
    },

    // Called when data has arrived on the device: the part that was written is unwritten no more.
    ioend({ pos, written, flags }, { log }) {
      if (!flags.has('UNWRITTEN')) return;
      const at = layout.findIndex((mapping) => pos < endOf(mapping));
      const old = layout[at]!;
      const end = pos + written;
      const addr = BigInt(old.addr!) - BigInt(old.offset);
      const pieces = [
        unwritten({ device: 0, addr: addr + BigInt(old.offset), offset: old.offset, length: pos - BigInt(old.offset) }),
        mapped({ device: 0, addr: addr + pos, offset: pos, length: written }),
        unwritten({ device: 0, addr: addr + end, offset: end, length: endOf(old) - end }),
      ];
      layout.splice(at, 1, ...pieces.filter(({ length }) => length !== 0n));
      log(`${written} bytes at ${pos} are written now`);
    },
  },
});
