/** Arguments of FICLONERANGE and FIDEDUPERANGE. Source: include/uapi/linux/fs.h. */

/** _IOW(0x94, 13, struct file_clone_range), _IOWR(0x94, 54, struct file_dedupe_range). */
export const FICLONERANGE = 0x4020940d;
export const FIDEDUPERANGE = 0xc0189436;

/** Offsets and lengths in bytes. */
interface Ranges {
  fromOffset: bigint;
  offset: bigint;
  lengthBytes: bigint;
}

/** struct file_clone_range: source fd s64, its offset u64, length u64, offset in the target u64. */
export function cloneRange(from: number, { fromOffset, offset, lengthBytes }: Ranges): Buffer {
  const out = Buffer.alloc(32);
  out.writeBigInt64LE(BigInt(from), 0);
  out.writeBigUInt64LE(fromOffset, 8);
  out.writeBigUInt64LE(lengthBytes, 16);
  out.writeBigUInt64LE(offset, 24);
  return out;
}

const dedupeHeaderBytes = 24,
  dedupeInfoBytes = 32;
/** Where the kernel says what became of the one range. */
export const dedupeStatusAt = dedupeHeaderBytes + 24;

/** struct file_dedupe_range with one file_dedupe_range_info: target fd s64, its offset u64, bytes u64, status s32. */
export function dedupeRange(to: number, { fromOffset, offset, lengthBytes }: Ranges): Buffer {
  const out = Buffer.alloc(dedupeHeaderBytes + dedupeInfoBytes);
  out.writeBigUInt64LE(fromOffset, 0);
  out.writeBigUInt64LE(lengthBytes, 8);
  out.writeUInt16LE(1, 16);
  out.writeBigInt64LE(BigInt(to), dedupeHeaderBytes);
  out.writeBigUInt64LE(offset, dedupeHeaderBytes + 8);
  return out;
}
