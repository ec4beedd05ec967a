/** Scalars that cases are made of, with their JSON form: 64-bit values are strings in files and bigint in memory. */
import { z } from 'zod';

/** u64: hexadecimal or decimal text in JSON, written as hexadecimal. */
export const u64 = z.codec(
  z.string().regex(/^(0x[0-9a-fA-F]{1,16}|[0-9]{1,20})$/),
  z
    .bigint()
    .min(0n)
    .max((1n << 64n) - 1n),
  { decode: (text) => BigInt(text), encode: (value) => `0x${value.toString(16)}` },
);
/** s64: decimal text in JSON. */
export const s64 = z.codec(
  z.string().regex(/^-?[0-9]{1,19}$/),
  z
    .bigint()
    .min(-(1n << 63n))
    .max((1n << 63n) - 1n),
  { decode: (text) => BigInt(text), encode: (value) => value.toString() },
);
export const u32 = z.int().min(0).max(0xffff_ffff);
export const u16 = z.int().min(0).max(0xffff);
export const index = z.int().min(0).max(1023);
/** Bytes, as hexadecimal text. */
export const hex = z.string().regex(/^([0-9a-f]{2})*$/);
/** A positive errno number of Linux x86-64. */
export const errno = z.int().min(1).max(4095);
