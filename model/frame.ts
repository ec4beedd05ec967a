/**
 * Frames of the channels: u32 little-endian payload length, then the payload. What a guest says is written by its
 * schema (guest-message.ts); what goes to a guest, and what processes of one run say to each other, as v8.serialize
 * wrote it: those who read that trust its writer.
 */
import { deserialize, serialize } from 'node:v8';
import { GarbageError } from './codec.ts';

export { GarbageError } from './codec.ts';

/** Larger than the largest batch of observations, small enough that garbage is recognised by its length. */
export const maxFrameBytes = 64 << 20;

/** A message that the channel carries: any structured-clonable object with a `kind`. */
export interface Message {
  kind: string;
}

/** `payload`: the message as its reader wants it. Throws RangeError when it is too large. */
export function encodeFrame(
  message: Message,
  payload: Uint8Array = serialize(message),
  mostBytes = maxFrameBytes,
): Buffer {
  if (payload.length > mostBytes) {
    throw new RangeError(
      `a message of kind ${message.kind} takes ${String(payload.length)} bytes, more than a frame may (${String(mostBytes)})`,
    );
  }
  const frame = Buffer.allocUnsafe(4 + payload.length);
  frame.writeUInt32LE(payload.length, 0);
  frame.set(payload, 4);
  return frame;
}

/**
 * Takes the byte stream in pieces of any size, gives whole messages. Throws GarbageError; after that it is of no
 * further use.
 */
export class FrameDecoder<M extends Message = Message> {
  readonly #decode: (payload: Buffer) => M;
  readonly #mostBytes: number;
  #chunks: Buffer[] = [];
  #bufferedBytes = 0;

  /** Without `decode`: payloads as v8.serialize wrote them, of a writer that is trusted. */
  constructor(decode: (payload: Buffer) => M = deserialized, mostBytes = maxFrameBytes) {
    this.#decode = decode;
    this.#mostBytes = mostBytes;
  }

  /** Bytes of a frame that has not ended yet: at the end of the stream, more than 0 means that it was cut off. */
  get pendingBytes(): number {
    return this.#bufferedBytes;
  }

  push(chunk: Buffer): M[] {
    this.#chunks.push(chunk);
    this.#bufferedBytes += chunk.length;
    const messages: M[] = [];
    for (;;) {
      if (this.#bufferedBytes < 4) return messages;
      const lengthBytes = this.#peekLength();
      if (lengthBytes > this.#mostBytes) {
        throw new GarbageError(
          `a frame claims ${String(lengthBytes)} bytes, the most is ${String(this.#mostBytes)}`,
          this.#joined(),
        );
      }
      if (this.#bufferedBytes < 4 + lengthBytes) return messages;
      const all = this.#joined();
      const rest = all.subarray(4 + lengthBytes);
      this.#chunks = rest.length > 0 ? [rest] : [];
      this.#bufferedBytes = rest.length;
      messages.push(this.#message(all.subarray(4, 4 + lengthBytes)));
    }
  }

  #message(payload: Buffer): M {
    try {
      return this.#decode(payload);
    } catch (error) {
      throw new GarbageError(
        `a frame of ${String(payload.length)} bytes does not hold a message (${error instanceof Error ? error.message : String(error)})`,
        payload,
      );
    }
  }

  #peekLength(): number {
    if (this.#chunks[0]!.length < 4) this.#joined();
    return this.#chunks[0]!.readUInt32LE(0);
  }

  #joined(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]!;
  }
}

function deserialized<M extends Message>(payload: Buffer): M {
  const value: unknown = deserialize(payload);
  if (typeof value !== 'object' || value === null || !('kind' in value) || typeof value.kind !== 'string')
    throw new Error('it is something else');
  return value as M;
}
