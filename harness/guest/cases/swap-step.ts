/** swapon(2) of a file whose header is on a device, and memory that is paged out. */
import { OWNER_KINDS } from '../../../model/bytes.ts';
import type { Step } from '../../../model/case.ts';
import type { Native } from '../../native/index.ts';
import type { DeviceSet } from './devices.ts';

const pageBytes = 4096;
type Header = NonNullable<Extract<Step, { call: 'swapon' }>['header']>;

/** The page that mkswap(8) writes: include/linux/swap.h, union swap_header. Version 1, no bad pages. */
function swapHeader(native: Native, pages: number): Buffer {
  const page = native.alignedBuffer(pageBytes, pageBytes);
  if (!page) throw new Error('the guest is out of memory');
  page.fill(0);
  page.writeUInt32LE(1, 1024);
  page.writeUInt32LE(pages - 1, 1028);
  page.write('SWAPSPACE2', pageBytes - 10, 'latin1');
  return page;
}

/**
 * Runs swapon(2) with the header in its place. Returns 0 or -errno. Throws Error when the device cannot hold the header
 * there.
 */
export function swapon(native: Native, devices: DeviceSet, path: string, header: Header | undefined): number {
  if (!header) return native.swapon(path, 0);
  const { device, offset, pages } = header;
  const page = swapHeader(native, pages);
  const put = (what: string): void => {
    const written = native.pwritev2(devices.fdOf(device), page, 0, pageBytes, offset, 0);
    if (written !== pageBytes)
      throw new Error(`${what} cannot be written at ${offset} of device ${device}: errno ${-written}`);
  };
  put('a swap header');
  const ret = native.swapon(path, 0);
  native.fillPattern(page, 0, pageBytes, OWNER_KINDS.device, device, offset);
  put('what was under the swap header');
  return ret;
}
