/** The byte patterns of bytes.ts on the host: what the addon's fillPattern writes. Slow; for small stretches. */
import { OWNER_KINDS, POISON_BYTE, WORD_MAGIC, type ByteSource } from './bytes.ts';

const wordOf = (kind: keyof typeof OWNER_KINDS, owner: number, position: bigint): bigint =>
  (BigInt(WORD_MAGIC) << 56n) | (BigInt(OWNER_KINDS[kind]) << 52n) | (BigInt(owner) << 40n) | (position / 8n);

/** The byte that a source stands for; undefined: it was not kept. */
export function byteOf(source: ByteSource): number | undefined {
  switch (source.kind) {
    case 'zero':
      return 0;
    case 'poison':
      return POISON_BYTE;
    case 'other':
      return source.hex === '' ? undefined : Number.parseInt(source.hex.slice(0, 2), 16);
    case 'unknown':
      return undefined;
    default: {
      const owner = source.kind === 'device' ? source.device : source.kind === 'writer' ? source.writer : source.file;
      const position = BigInt.asUintN(43, source.offsetBytes);
      return Number((wordOf(source.kind, owner, position) >> (8n * (position % 8n))) & 0xffn);
    }
  }
}

/** `lengthBytes` of what the server answers to FUSE_READ of file `file` from `offsetBytes` on. */
export function serverBytes(file: number, offsetBytes: bigint, lengthBytes: number): Buffer {
  const skip = Number(offsetBytes % 8n);
  const words = Math.ceil((skip + lengthBytes) / 8);
  const out = Buffer.alloc(words * 8);
  const owner = wordOf('server', file, 0n);
  const mask = (1n << 40n) - 1n;
  for (let index = 0; index < words; index += 1)
    out.writeBigUInt64LE(owner | ((offsetBytes / 8n + BigInt(index)) & mask), index * 8);
  return out.subarray(skip, skip + lengthBytes);
}
