/** Replies to BEGIN that are no mappings. */
import { beginOut } from '../uapi/iomap.ts';

/**
 * Errnos that reach the caller as they are: all but ENOSYS. ENOENT, EAGAIN, EFAULT and ENOTBLK have meanings of their
 * own in fs/iomap and must not be taken for those.
 */
export const PLAIN_ERRNOS: readonly number[] = [
  1, 2, 5, 11, 12, 13, 14, 15, 16, 22, 28, 30, 61, 95, 110, 116, 117, 122,
];

/** Payload sizes that are not that of fuse_iomap_begin_out. */
export const WRONG_BEGIN_SIZES: readonly number[] = [beginOut.size - 1, beginOut.size + 1, 0, 1, 32, 63, 72, 128];
