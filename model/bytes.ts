/**
 * Where bytes came from. Every byte that a case can meet is self-describing: devices are filled, and writes made, with
 * 8-byte words that name their owner and their position, so that the guest can say of any buffer which device, writer
 * or nothing it holds, without sending it. The word (little-endian): bits 63..56 magic 0xd5, 55..52 owner kind, 51..40
 * owner number, 39..0 position / 8.  Positions are compared modulo 2^43 bytes. Eight bytes that follow each other hold
 * each byte of a word once, so an owner is named from sixteen bytes on, and mostly from nine on, wherever in a word a
 * write began; fewer are spelled out. Whatever runs say of bytes is what the bytes are: who compares by value is never
 * wrong, also where two sources agree in some bytes.
 */

export type ByteSource =
  /** Initial content of the case's device `device` at byte `offsetBytes` of the device. */
  | { kind: 'device'; device: number; offsetBytes: bigint }
  /** Data of pwrite steps with this `writer`, at byte `offsetBytes` of the file. */
  | { kind: 'writer'; writer: number; offsetBytes: bigint }
  /** Data that the server answered to FUSE_READ for file `file`. */
  | { kind: 'server'; file: number; offsetBytes: bigint }
  | { kind: 'zero' }
  /** A read buffer that the kernel did not touch. */
  | { kind: 'poison' }
  /**
   * None of these: `hex` holds the bytes. In records of older versions it holds the first 16 only; the rest is as
   * `unknown`.
   */
  | { kind: 'other'; hex: string }
  /**
   * Bytes that were not kept: nothing follows from them. What is long and odd is cut so, in place of its last bytes.
   */
  | { kind: 'unknown' };

/** A stretch of bytes with one source, which advances with the bytes. */
export interface ByteRun {
  lengthBytes: number;
  source: ByteSource;
}

export const WORD_MAGIC = 0xd5;
export const OWNER_KINDS = { device: 1, writer: 2, server: 3 } as const;
/** Poison that fills read buffers before the syscall. */
export const POISON_BYTE = 0xa5;
/** Positions in byte sources wrap here. */
export const POSITION_MODULUS = 1n << 43n;

/** Runs of the first `atBytes` bytes, and of those behind them. */
export function splitRuns(runs: readonly ByteRun[], atBytes: number): [ByteRun[], ByteRun[]] {
  const before: ByteRun[] = [];
  const behind: ByteRun[] = [];
  let position = 0;
  for (const run of runs) {
    const cut = Math.min(Math.max(atBytes - position, 0), run.lengthBytes);
    if (cut > 0)
      before.push({
        lengthBytes: cut,
        source: run.source.kind === 'other' ? { kind: 'other', hex: run.source.hex.slice(0, 2 * cut) } : run.source,
      });
    if (cut < run.lengthBytes) behind.push({ lengthBytes: run.lengthBytes - cut, source: advanced(run.source, cut) });
    position += run.lengthBytes;
  }
  return [before, behind];
}

/** What `source` is `byBytes` further on. */
export function advanced(source: ByteSource, byBytes: number): ByteSource {
  if ('offsetBytes' in source) return { ...source, offsetBytes: source.offsetBytes + BigInt(byBytes) };
  return source.kind === 'other' ? { kind: 'other', hex: source.hex.slice(2 * byBytes) } : source;
}
