/**
 * The disk that takes atomic writes: the only driver of 7.3 that makes one out of memory is scsi_debug
 * (drivers/scsi/scsi_debug.c). The command line of our guests gives it its limits, and no disk: that is made when the
 * first case needs it, so that no other guest pays for it.
 */
import { closeSync, existsSync, openSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { sleep } from '../session/server.ts';

const driver = '/sys/bus/pseudo/drivers/scsi_debug';
/** The disk is probed in the background (drivers/scsi/sd.c); under emulation within a tenth of a second. */
const attempts = 1000,
  pauseMs = 10;

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
};

/** The node and the limits are there a little before the disk can be opened: until the probe is over that is ENXIO. */
const opens = (name: string): boolean => {
  try {
    closeSync(openSync(`/dev/${name}`, 'r+'));
    return true;
  } catch {
    return false;
  }
};

/** Of any maker: only scsi_debug's own is written to. */
const found = (): string[] =>
  readdirSync('/sys/block').filter(
    (name) =>
      read(`/sys/block/${name}/device/model`) === 'scsi_debug' &&
      Number(read(`/sys/block/${name}/queue/atomic_write_unit_max_bytes`)) >= 4096 &&
      opens(name),
  );

/** Whether this kernel can have such a disk. */
export const hasAtomicDisks = (): boolean => existsSync(`${driver}/add_host`) && existsSync('/sys/block');

/** Names of the disks that take atomic writes of a block, as in /dev. Throws Error when there is none. */
export function atomicDisks(): string[] {
  if (!hasAtomicDisks())
    throw new Error('no device of this kernel takes atomic writes (CONFIG_SCSI_DEBUG, CONFIG_BLK_DEV_SD)');
  if (found().length === 0 && Number(read(`${driver}/add_host`)) === 0) writeFileSync(`${driver}/add_host`, '1');
  for (let attempt = 0; attempt < attempts; attempt++) {
    const disks = found();
    if (disks.length > 0) return disks;
    sleep(pauseMs);
  }
  throw new Error('scsi_debug made no disk that takes atomic writes: boot with scsi_debug.atomic_wr=1');
}
