/**
 * Frames of the results channel: u32 little-endian payload length, then the payload as v8.serialize wrote it. Host and
 * guest run the same Node binary, so that bigint, bytes and undefined arrive as they left.
 */
import { deserialize, serialize } from 'node:v8';

/** Larger than the largest batch of observations, small enough that garbage is recognised by its length. */
export const maxFrameBytes = 64 << 20;

export class GarbageError extends Error {
  override name = 'GarbageError';
  /** The first bytes of what could not be read. */
  readonly bytes: Uint8Array;
  constructor(message: string, bytes: Uint8Array) {
    super(message);
    this.bytes = Uint8Array.from(bytes.subarray(0, 64));
  }
}

/** A message that the channel carries: any structured-clonable object with a `kind`. */
export interface Message {
  kind: string;
}

export function encodeFrame(message: Message): Buffer {
  const payload = serialize(message);
  if (payload.length > maxFrameBytes) {
    throw new RangeError(`a message of kind ${message.kind} takes ${String(payload.length)} bytes, more than a frame may (${String(maxFrameBytes)})`);
  }
  const frame = Buffer.allocUnsafe(4 + payload.length);
  frame.writeUInt32LE(payload.length, 0);
  payload.copy(frame, 4);
  return frame;
}

/** Takes the byte stream in pieces of any size, gives whole messages. Throws GarbageError; after that it is of no further use. */
export class FrameDecoder<M extends Message = Message> {
  #chunks: Buffer[] = [];
  #bufferedBytes = 0;

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
      if (lengthBytes > maxFrameBytes) {
        throw new GarbageError(`a frame claims ${String(lengthBytes)} bytes, the most is ${String(maxFrameBytes)}`, this.#joined());
      }
      if (this.#bufferedBytes < 4 + lengthBytes) return messages;
      const all = this.#joined();
      const rest = all.subarray(4 + lengthBytes);
      this.#chunks = rest.length > 0 ? [rest] : [];
      this.#bufferedBytes = rest.length;
      messages.push(decodePayload<M>(all.subarray(4, 4 + lengthBytes)));
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

function decodePayload<M extends Message>(payload: Buffer): M {
  let value: unknown;
  try {
    value = deserialize(payload);
  } catch (error) {
    throw new GarbageError(`a frame of ${String(payload.length)} bytes does not hold a message (${error instanceof Error ? error.message : String(error)})`, payload);
  }
  if (typeof value !== 'object' || value === null || !('kind' in value) || typeof value.kind !== 'string') {
    throw new GarbageError(`a frame of ${String(payload.length)} bytes holds something that is not a message`, payload);
  }
  return value as M;
}
