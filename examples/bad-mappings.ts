/**
 * A server that is wrong in a way that the name of the file says: read it with direct I/O and see the kernel refuse.
 * With fuse.debug_iomap the kernel log names the condition. Try:
 *
 *     ./iomapfuzz serve examples/bad-mappings.ts -- sh -c '
 *       echo Y > /sys/module/fuse/parameters/debug_iomap
 *       for f in *; do dd if=$f of=/dev/null bs=4K count=1 iflag=direct; dmesg -c | grep "Bad mapping"; done'
 */
import { defineServer, mapped, error, raw, type Answerable } from 'iomapfuzz/server';

const good = mapped({ device: 0, addr: 0, offset: 0, length: 65536 });
const notADevice = 4711;

/** What BEGIN is answered, by file. Everything but the last is refused; the first line of each comment is the rule. */
const answers: Record<string, Answerable> = {
  // map/length-nonzero
  empty: { ...good, length: 0 },
  // map/offset-aligned: mappings begin at multiples of the block size
  misaligned: { ...good, offset: 1 },
  // map/range-no-overflow: offset + length does not fit 64 bits
  overflowing: { ...good, offset: 4096, length: 0xffff_ffff_ffff_f000n },
  // map/backed-has-device
  nowhere: { type: 'MAPPED', addr: 0, offset: 0, length: 65536 },
  // begin/read-device-known: a cookie that no device has
  'unknown-device': { ...good, device: { cookie: notADevice } },
  // begin/read-covers-pos: it was asked for byte 0
  elsewhere: { ...good, offset: 4096 },
  // No mapping at all, but an error: that is what the caller gets.
  denied: error('EACCES'),
  // Half of the reply is missing: write() to /dev/fuse fails with EINVAL, the caller gets EIO.
  'cut-short': raw(new Uint8Array(32)),
  good: good,
};

export default defineServer({
  devices: [{ sizeBytes: 65536 }],
  files: Object.fromEntries(Object.keys(answers).map((name) => [name, { sizeBytes: 65536 }])),
  handlers: { begin: ({ file }) => answers[file!] },
});
