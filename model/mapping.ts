/** A mapping as a case states it: symbolic where a number would tie it to one revision or one mount. */
import { z } from 'zod';
import { index, u16, u32, u64 } from './scalars.ts';

const mappingTypeName = z.enum([
  'HOLE',
  'DELALLOC',
  'MAPPED',
  'UNWRITTEN',
  'INLINE',
  'NOCACHE',
  'RETRY_CACHE',
  'PURE_OVERWRITE',
]);
const mappingFlagName = z.enum([
  'NEW',
  'DIRTY',
  'SHARED',
  'MERGED',
  'BOUNDARY',
  'ANON_WRITE',
  'ATOMIC_BIO',
  'WANT_IOMAP_END',
  'SIZE_CHANGED',
  'STALE',
]);

export const mappingSpec = z.strictObject({
  /** Name in the case's revision, or a bare number for values that have none. */
  type: z.union([mappingTypeName, u16]),
  /** OR of names and bare bits. */
  flags: z.array(z.union([mappingFlagName, u16])).max(16),
  /** `{device: n}`: the cookie that the kernel gave the case's n-th device; a number: that cookie as it is. */
  dev: z.union([z.strictObject({ device: index }), u32]),
  /** Bytes on the device; all ones: no address. */
  addr: u64,
  /** Bytes in the file. */
  offset: u64,
  length: u64,
});
/** Units: addr, offset and length in bytes. */
export type MappingSpec = z.infer<typeof mappingSpec>;
