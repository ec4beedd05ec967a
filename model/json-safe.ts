/** JSON form of values with bigint and bytes: {"$n": "18446744073709551615"}, {"$hex": "00ff"}. */
export function jsonSafe(value: unknown): unknown {
  if (typeof value === 'bigint') return { $n: value.toString() };
  if (value instanceof Uint8Array) return { $hex: Buffer.from(value).toString('hex') };
  if (Array.isArray(value)) return value.map(jsonSafe);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, jsonSafe(inner)]));
  }
  return value;
}

/** Inverse of `jsonSafe`. */
export function fromJsonSafe(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromJsonSafe);
  if (typeof value === 'object' && value !== null) {
    const { $n, $hex } = value as { $n?: string; $hex?: string };
    if (typeof $n === 'string') return BigInt($n);
    if (typeof $hex === 'string') return new Uint8Array(Buffer.from($hex, 'hex'));
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fromJsonSafe(inner)]));
  }
  return value;
}
