/** A notification as a case states it: what the server writes to /dev/fuse unasked. */
import { z } from 'zod';
import { mappingSpec } from './mapping.ts';
import { hex, index, s64, u32, u64 } from './scalars.ts';

/** The inode that is meant: a file of the case, or a nodeid as it is. */
const node = z.union([z.strictObject({ file: index }), z.strictObject({ nodeid: u64 })]);
/** Bytes. In `inval` a length of all ones means "to EOF", and one of 0 means nothing. */
const byteRange = z.strictObject({ offset: u64, length: u64 });
/** Send so many bytes of payload instead: the first ones of the structure, with zeros behind it. */
const sentBytes = z.int().min(0).max(4096).optional();
/** Absent: the inode number that the server gave the file; 0 for a bare nodeid. */
const attrIno = u64.optional();
/** As in a mapping. */
const dev = z.union([z.strictObject({ device: index }), u32]);

export const notification = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('upsert'), node, attrIno, read: mappingSpec, write: mappingSpec, sentBytes }),
  z.strictObject({ kind: z.literal('inval'), node, attrIno, read: byteRange, write: byteRange, sentBytes }),
  z.strictObject({ kind: z.literal('devInval'), dev, reserved: u32.optional(), range: byteRange, sentBytes }),
  /** FUSE_NOTIFY_STORE of so many bytes of the server's data. */
  z.strictObject({
    kind: z.literal('store'),
    node,
    offset: u64,
    lengthBytes: z
      .int()
      .min(0)
      .max(1 << 16),
  }),
  /** FUSE_NOTIFY_RETRIEVE. */
  z.strictObject({ kind: z.literal('retrieve'), node, offset: u64, lengthBytes: u32 }),
  /**
   * FUSE_NOTIFY_INVAL_INODE: attributes are to be asked for again, and from `offset` on pages leave the page cache,
   * unless it is negative; `length` 0 is to the end. The kernel locks those pages: sent while an operation that holds
   * them waits for its answer, it waits for ever.
   */
  z.strictObject({ kind: z.literal('invalInode'), node, offset: s64, length: s64 }),
  /** Any code with any bytes behind the header. */
  z.strictObject({ kind: z.literal('raw'), code: z.int().min(1).max(0x7fff_ffff), payload: hex }),
]);
/** Units: offsets, lengths and addresses in bytes. */
export type Notification = z.infer<typeof notification>;
export type ByteRange = z.infer<typeof byteRange>;
