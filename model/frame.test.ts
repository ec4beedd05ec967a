import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import { FrameDecoder, GarbageError, encodeFrame, maxFrameBytes } from './frame.ts';

const value = fc.oneof(fc.bigInt(), fc.string(), fc.uint8Array(), fc.array(fc.bigInt()));

test('should give back what was sent, in whatever pieces it arrives', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ kind: fc.string(), value })),
      fc.infiniteStream(fc.integer({ min: 1, max: 40 })),
      (messages, sizes) => {
        const stream = Buffer.concat(messages.map((message) => encodeFrame(message)));
        const decoder = new FrameDecoder();
        const received: unknown[] = [];
        for (let at = 0; at < stream.length;) {
          const size = sizes.next().value as number;
          received.push(...decoder.push(stream.subarray(at, at + size)));
          at += size;
        }
        expect(received).toEqual(messages);
        expect(decoder.pendingBytes).toBe(0);
      },
    ),
  );
});

test('should keep 64-bit values and bytes exact', () => {
  const message = { kind: 'x', big: 2n ** 64n - 1n, bytes: Uint8Array.of(0, 255), absent: undefined };
  expect(new FrameDecoder().push(encodeFrame(message))).toEqual([message]);
});

test('should recognise garbage by its length', () => {
  expect(() => new FrameDecoder().push(Buffer.from('Linux version 7.3.4'))).toThrow(GarbageError);
});

test('should wait for the rest of a frame that is as large as frames may be, and refuse one that is larger', () => {
  const header = (bytes: number): Buffer => {
    const buffer = Buffer.alloc(4);
    buffer.writeUInt32LE(bytes);
    return buffer;
  };
  expect(new FrameDecoder().push(header(maxFrameBytes))).toEqual([]);
  expect(() => new FrameDecoder().push(header(maxFrameBytes + 1))).toThrow(GarbageError);
});

test('should recognise a payload that is no message', () => {
  const good = encodeFrame({ kind: 'ping' });
  const damaged = Buffer.from(good);
  damaged.fill(0xee, 4);
  expect(() => new FrameDecoder().push(damaged)).toThrow(GarbageError);
  expect(() => new FrameDecoder().push(encodeFrame({ notKind: 1 } as never))).toThrow(/does not hold a message/);
  expect(new FrameDecoder().push(good)).toEqual([{ kind: 'ping' }]);
});

test('should know that a stream ended in the middle of a frame', () => {
  const frame = encodeFrame({ kind: 'ping' });
  const decoder = new FrameDecoder();
  expect(decoder.push(frame.subarray(0, frame.length - 1))).toEqual([]);
  expect(decoder.pendingBytes).toBe(frame.length - 1);
});
