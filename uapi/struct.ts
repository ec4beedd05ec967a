/**
 * Declarative layouts of the wire structures. A layout is a table of fields; the codec, the documentation and the
 * emitters all read the same table. All integers are little-endian (x86-64 and arm64, the kernels we can boot).
 */

/** One field: where it lies and how its bytes become a JavaScript value. Widths and offsets in bytes. */
export interface Field<T> {
  readonly at: number;
  readonly size: number;
  readonly ctype: string;
  readonly get: (view: Buffer, base: number) => T;
  readonly set: (view: Buffer, base: number, value: T) => void;
  readonly zero: T;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the one place where fields of all value types meet
type Fields = Readonly<Record<string, Field<any>>>;
type ValueOf<F> = F extends Field<infer T> ? T : never;

/** The decoded form of a layout: u64 and s64 as bigint, smaller integers as number, byte arrays as Uint8Array. */
export type StructValue<L> = L extends Layout<infer F> ? { -readonly [K in keyof F]: ValueOf<F[K]> } : never;

/** A structure of fixed size. `decode` and `encode` throw RangeError when the buffer is too short. */
export interface Layout<F> {
  readonly name: string;
  readonly size: number;
  readonly fields: F;
  decode(view: Buffer, base?: number): { -readonly [K in keyof F]: ValueOf<F[K]> };
  /** Missing fields are written as zero; integers wrap to their width, so that a test can send any bit pattern. */
  encode(value: Partial<{ -readonly [K in keyof F]: ValueOf<F[K]> }>): Buffer;
  /** As `encode`, into a buffer of zeros. */
  write(into: Buffer, base: number, value: Partial<{ -readonly [K in keyof F]: ValueOf<F[K]> }>): void;
}

const number = (
  at: number,
  size: number,
  ctype: string,
  get: (b: Buffer, o: number) => number,
  set: (b: Buffer, v: number, o: number) => void,
): Field<number> => ({
  at,
  size,
  ctype,
  get: (b, base) => get(b, base + at),
  set: (b, base, v) => set(b, v, base + at),
  zero: 0,
});

export const u8 = (at: number): Field<number> =>
  number(
    at,
    1,
    '__u8',
    (b, o) => b.readUInt8(o),
    (b, v, o) => b.writeUInt8(v & 0xff, o),
  );
export const u16 = (at: number): Field<number> =>
  number(
    at,
    2,
    '__u16',
    (b, o) => b.readUInt16LE(o),
    (b, v, o) => b.writeUInt16LE(v & 0xffff, o),
  );
export const u32 = (at: number): Field<number> =>
  number(
    at,
    4,
    '__u32',
    (b, o) => b.readUInt32LE(o),
    (b, v, o) => b.writeUInt32LE(v >>> 0, o),
  );
export const s32 = (at: number): Field<number> =>
  number(
    at,
    4,
    '__s32',
    (b, o) => b.readInt32LE(o),
    (b, v, o) => b.writeInt32LE(v | 0, o),
  );
export const u64 = (at: number): Field<bigint> => ({
  at,
  size: 8,
  ctype: '__u64',
  zero: 0n,
  get: (b, base) => b.readBigUInt64LE(base + at),
  set: (b, base, v) => b.writeBigUInt64LE(BigInt.asUintN(64, v), base + at),
});
export const s64 = (at: number): Field<bigint> => ({
  at,
  size: 8,
  ctype: '__s64',
  zero: 0n,
  get: (b, base) => b.readBigInt64LE(base + at),
  set: (b, base, v) => b.writeBigInt64LE(BigInt.asIntN(64, v), base + at),
});
/** A byte array; `encode` cuts or zero-fills what it is given to `size`. */
export const bytes = (at: number, size: number): Field<Uint8Array> => ({
  at,
  size,
  ctype: `__u8[${size}]`,
  zero: new Uint8Array(size),
  get: (b, base) => Uint8Array.prototype.slice.call(b, base + at, base + at + size),
  set: (b, base, v) => {
    b.fill(0, base + at, base + at + size);
    b.set(v.subarray(0, size), base + at);
  },
});
/** A nested structure. */
export const nested = <F extends Fields>(at: number, layout: Layout<F>): Field<StructValue<Layout<F>>> => ({
  at,
  size: layout.size,
  ctype: `struct ${layout.name}`,
  zero: layout.decode(Buffer.alloc(layout.size)) as StructValue<Layout<F>>,
  get: (b, base) => layout.decode(b, base + at) as StructValue<Layout<F>>,
  set: (b, base, v) => {
    layout.encode(v as never).copy(b, base + at);
  },
});

/** Defines a layout of `size` bytes. Overlapping or overlong fields are a bug in the table and throw at once. */
export function layout<const F extends Fields>(name: string, size: number, fields: F): Layout<F> {
  const entries = Object.entries(fields) as [string, Field<unknown>][];
  let end = 0;
  for (const [key, field] of [...entries].sort(([, a], [, b]) => a.at - b.at)) {
    if (field.at < end || field.at + field.size > size)
      throw new Error(`layout ${name}: field ${key} overlaps or overruns`);
    end = field.at + field.size;
  }
  return {
    name,
    size,
    fields,
    decode(view, base = 0) {
      if (view.length < base + size)
        throw new RangeError(`struct ${name} needs ${size} bytes, got ${view.length - base}`);
      const value: Record<string, unknown> = {};
      for (const [key, field] of entries) value[key] = field.get(view, base);
      return value as never;
    },
    encode(value) {
      const out = Buffer.alloc(size);
      this.write(out, 0, value);
      return out;
    },
    write(into, base, value) {
      const given = value as Record<string, unknown>;
      for (const [key, field] of entries) if (given[key] !== undefined) field.set(into, base, given[key]);
    },
  };
}
