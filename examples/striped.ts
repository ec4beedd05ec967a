/**
 * A file whose 64 KiB stripes alternate between two devices, as on RAID 0. Try:
 *
 *     ./iomapfuzz serve examples/striped.ts -- sh -c 'dd if=striped bs=64K iflag=direct | tr -s . "\\n" | uniq -c;
 *       filefrag -v striped'
 */
import { defineServer, mapped } from 'iomapfuzz/server';

const stripe = 64n * 1024n;
const deviceBytes = 512 * 1024;
/** So that one sees where each piece of the file came from. */
const filled = (line: string): Buffer => Buffer.alloc(deviceBytes, line.padEnd(16, '.'));

export default defineServer({
  devices: [
    { sizeBytes: deviceBytes, content: filled('from device 0') },
    { sizeBytes: deviceBytes, content: filled('from device 1') },
  ],
  files: { striped: { sizeBytes: 2 * deviceBytes } },
  handlers: {
    // The kernel asks where the byte at `pos` lies; it gets the whole stripe around it, and asks again for the next.
    begin({ pos }) {
      // Behind the end of the file, where only reports ask, the server's ordinary answer will do: a hole.
      if (pos >= 2 * deviceBytes) return;
      const number = pos / stripe;
      return mapped({
        device: Number(number % 2n),
        addr: (number / 2n) * stripe,
        offset: number * stripe,
        length: stripe,
      });
    },
  },
});
