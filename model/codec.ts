/**
 * A binary form of messages whose reader cannot be made to do more work than the bytes are worth. The description of a
 * message is its schema: the same rows write it in the guest and read it on the host, and what does not fit them is a
 * GarbageError, never a value.
 *
 * v8.deserialize, which would be the obvious way, gives no such promise: ten bytes of a sparse array make it take 256
 * MiB, and bytes that it does not expect can end the process. Here a count is believed only as far as bytes are left
 * for it, and all parts of one message count against one budget.
 */

/** What was read is not what may be sent. It costs whoever sent it, and nobody else. */
export class GarbageError extends Error {
  override name = 'GarbageError';
  /** The first bytes of what could not be read. */
  readonly bytes: Uint8Array;
  constructor(message: string, bytes: Uint8Array = new Uint8Array()) {
    super(message);
    this.bytes = Uint8Array.from(bytes.subarray(0, 64));
  }
}

export interface Codec<T> {
  write(out: Writer, value: T): void;
  /** Throws GarbageError. */
  read(from: Reader): T;
}

/**
 * Parts (fields of lists, runs, events) that one message may have: with the bytes of a frame they stay far below 256
 * MiB of memory.
 */
export const mostParts = 400_000;

class Writer {
  #bytes = Buffer.allocUnsafe(4096);
  #length = 0;

  get written(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** The place of the next `count` bytes; they are taken. */
  take(count: number): { bytes: Buffer; at: number } {
    const at = this.#length;
    if (at + count > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, at + count));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    this.#length = at + count;
    return { bytes: this.#bytes, at };
  }

  byte(value: number): void {
    const { bytes, at } = this.take(1);
    bytes[at] = value;
  }

  /** A whole number from 0 to 2^53 - 1, seven bits a byte. */
  whole(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new RangeError(`${String(value)} is no whole number that a message can hold`);
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.byte((rest % 128) | 128);
    this.byte(rest);
  }
}

/** What all that is made of one message may come to. */
export class Budget {
  #parts: number;

  constructor(parts = mostParts) {
    this.#parts = parts;
  }

  /** Takes note of parts that are about to be made. Throws GarbageError when they are too many. */
  spend(parts: number): void {
    this.#parts -= parts;
    if (this.#parts < 0) throw new GarbageError('it has too many parts');
  }
}

class Reader extends Budget {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    super();
    this.bytes = bytes;
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  /** The place of the next `count` bytes; they are taken. */
  take(count: number): number {
    const { at } = this;
    if (count > this.bytes.length - at) throw new GarbageError('it breaks off', this.bytes);
    this.at = at + count;
    return at;
  }

  byte(): number {
    return this.bytes[this.take(1)]!;
  }

  whole(most = Number.MAX_SAFE_INTEGER): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (value > most) throw new GarbageError(`a number is larger than ${String(most)}`, this.bytes);
      if (byte < 128) return value;
    }
  }
}

/** A whole number from 0 to `most`. */
export const whole = (most = Number.MAX_SAFE_INTEGER): Codec<number> => ({
  write: (out, value) => {
    out.whole(value);
  },
  read: (from) => from.whole(most),
});

/** A whole number of either sign, not beyond `most`. */
export const signed = (most = Number.MAX_SAFE_INTEGER): Codec<number> => ({
  write: (out, value) => {
    out.byte(value < 0 ? 1 : 0);
    out.whole(Math.abs(value));
  },
  read: (from) => (flag.read(from) ? -from.whole(most) : from.whole(most)),
});

export const flag: Codec<boolean> = {
  write: (out, value) => {
    out.byte(value ? 1 : 0);
  },
  read: (from) => {
    const byte = from.byte();
    if (byte > 1) throw new GarbageError(`a flag is ${String(byte)}`, from.bytes);
    return byte === 1;
  },
};

/** An optional field that is `true` where it is there at all. */
export const yes: Codec<true> = {
  write: () => {
    /* that it is there says it */
  },
  read: () => true,
};

/** A 64-bit value, signed or not. */
export const big: Codec<bigint> = {
  write: (out, value) => {
    const { bytes, at } = out.take(9);
    bytes[at] = value < 0n ? 1 : 0;
    bytes.writeBigUInt64LE(BigInt.asUintN(64, value), at + 1);
  },
  read: (from) =>
    flag.read(from) ? from.bytes.readBigInt64LE(from.take(8)) : from.bytes.readBigUInt64LE(from.take(8)),
};

/** A copy: what is read does not keep the whole message in memory. */
export const bytes = (most: number): Codec<Uint8Array> => ({
  write: (out, value) => {
    out.whole(value.length);
    const { bytes: target, at } = out.take(value.length);
    target.set(value, at);
  },
  read: (from) => {
    const length = from.whole(most);
    const at = from.take(length);
    return Uint8Array.prototype.slice.call(from.bytes, at, at + length);
  },
});

/** UTF-8; longer text is cut by the writer, and refused by the reader. */
export const text = (mostBytes: number): Codec<string> => ({
  write: (out, value) => {
    const encoded = Buffer.from(value);
    const kept = encoded.length <= mostBytes ? encoded : encoded.subarray(0, mostBytes);
    out.whole(kept.length);
    const { bytes: target, at } = out.take(kept.length);
    target.set(kept, at);
  },
  read: (from) => {
    const length = from.whole(mostBytes);
    const at = from.take(length);
    return from.bytes.toString('utf8', at, at + length);
  },
});

export const list = <T>(item: Codec<T>, most = mostParts): Codec<readonly T[] & T[]> => ({
  write: (out, values) => {
    if (values.length > most)
      throw new RangeError(`a list of ${String(values.length)} is longer than a message can hold (${String(most)})`);
    out.whole(values.length);
    for (const value of values) item.write(out, value);
  },
  read: (from) => {
    const count = from.whole(most);
    // Each takes a byte at least.
    if (count > from.left) throw new GarbageError('a list is longer than what holds it', from.bytes);
    from.spend(count);
    const values: T[] = [];
    for (let n = 0; n < count; n += 1) values.push(item.read(from));
    return values;
  },
});

/** One of a few words. */
export const word = <const W extends string>(...words: W[]): Codec<W> => ({
  write: (out, value) => {
    out.byte(words.indexOf(value));
  },
  read: (from) => {
    const found = words[from.byte()];
    if (found === undefined) throw new GarbageError('a word is none of those that can stand there', from.bytes);
    return found;
  },
});

/** Marks fields that may be absent. */
export interface Optional<T> {
  optional: Codec<T>;
}
export const optional = <T>(of: Codec<T>): Optional<T> => ({ optional: of });

type Field<T, K extends keyof T> = undefined extends T[K]
  ? Optional<Exclude<T[K], undefined>>
  : Record<string, never> extends Pick<T, K>
    ? Optional<T[K]>
    : Codec<T[K]>;

/** The rows of an object: one for each of its fields. */
export type Fields<T> = { [K in keyof T]-?: Field<T, K> };

/** The rows of `fields` as a pair: one writes them, the other reads them into an object. */
function rowsOf(fields: object): {
  write(out: Writer, value: object): void;
  readInto(from: Reader, value: Record<string, unknown>): void;
} {
  const rows = Object.entries(fields) as [string, Codec<unknown> | Optional<unknown>][];
  return {
    write: (out, value) => {
      for (const [key, row] of rows) {
        const field = (value as Record<string, unknown>)[key];
        if (!('optional' in row)) row.write(out, field);
        else {
          out.byte(field === undefined ? 0 : 1);
          if (field !== undefined) row.optional.write(out, field);
        }
      }
    },
    readInto: (from, value) => {
      for (const [key, row] of rows) {
        if (!('optional' in row)) value[key] = row.read(from);
        else if (flag.read(from)) value[key] = row.optional.read(from);
      }
    },
  };
}

export function record<T extends object>(fields: Fields<T>): Codec<T> {
  const { write, readInto } = rowsOf(fields);
  return {
    write,
    read: (from) => {
      const value = {};
      readInto(from, value);
      return value as T;
    },
  };
}

/** The member of a union that has this kind, also where it shares its form with another kind. */
type OfKind<T extends { kind: string }, K> = T extends { kind: infer U } ? (K extends U ? T : never) : never;

/** One of several objects that `kind` tells apart; each row holds the fields of one, without `kind`. */
export function union<T extends { kind: string }>(byKind: {
  [K in T['kind']]: Fields<Omit<OfKind<T, K>, 'kind'>>;
}): Codec<T> {
  const kinds = Object.keys(byKind);
  const all = Object.values<object>(byKind).map(rowsOf);
  return {
    write: (out, value) => {
      const index = kinds.indexOf(value.kind);
      if (index < 0) throw new RangeError(`there are no messages of kind ${value.kind}`);
      out.byte(index);
      all[index]!.write(out, value);
    },
    read: (from) => {
      const index = from.byte();
      const rows = all[index];
      if (rows === undefined) throw new GarbageError(`there is no kind number ${String(index)}`, from.bytes);
      const value = { kind: kinds[index]! };
      rows.readInto(from, value);
      return value as T;
    },
  };
}

/** `codec`, and what it gives as `change` leaves it. */
export const changed = <T>(codec: Codec<T>, change: (value: T) => T): Codec<T> => ({
  write: (out, value) => {
    codec.write(out, value);
  },
  read: (from) => change(codec.read(from)),
});

/** One value that is all of the bytes. Throws GarbageError. */
export function decodeWhole<T>(codec: Codec<T>, bytes: Buffer): T {
  const from = new Reader(bytes);
  const value = codec.read(from);
  if (from.left > 0) throw new GarbageError(`${String(from.left)} bytes are left over`, bytes);
  return value;
}

export function encodeWhole<T>(codec: Codec<T>, value: T): Buffer {
  const out = new Writer();
  codec.write(out, value);
  return out.written;
}
