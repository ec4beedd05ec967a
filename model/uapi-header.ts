/** A kernel's uAPI header as results record it: where it was, and the numbers that it gave. */
import { z } from 'zod';
import { numberTables, type Numbers, type NumberTable } from '../uapi/numbers.ts';

const table = z.record(z.string(), z.int().min(0));
const tables = Object.fromEntries(numberTables.map((name) => [name, table])) as Record<NumberTable, typeof table>;

const numbers = z.object({
  /** 0 to 63: bits from 32 on travel in flags2. */
  initBit: z.int().min(0).max(63),
  minor: z.int().min(0),
  ...tables,
}) satisfies z.ZodType<Numbers>;

export const uapiHeader = z.object({
  /** As it was named, or found in the tree of --kdir. */
  path: z.string(),
  sha256: z.string(),
  numbers,
});
export type UapiHeader = z.infer<typeof uapiHeader>;
