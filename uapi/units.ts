/** Units that kernels count in, and arithmetic with positions. All in bytes. */

/** A page of x86-64. */
export const PAGE = 4096n;
/** The same where it counts bytes of a buffer. */
export const PAGE_SIZE = 4096;
/** What block devices are addressed in. Source: include/linux/blk_types.h, SECTOR_SIZE. */
export const SECTOR = 512n;
/** The largest position in a file, a signed 64-bit number. Source: include/linux/fs.h, MAX_LFS_FILESIZE. */
export const LOFF_MAX = (1n << 63n) - 1n;

export const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
export const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** The last multiple of `unit` that is not behind `value`. */
export const floor = (value: bigint, unit: bigint): bigint => value - (value % unit);
/** The first multiple of `unit` that is not before `value`. */
export const ceil = (value: bigint, unit: bigint): bigint => floor(value + unit - 1n, unit);
export const pageFloor = (value: bigint): bigint => floor(value, PAGE);
export const pageCeil = (value: bigint): bigint => ceil(value, PAGE);
