import { expect, test } from '@playwright/test';
import type { ByteRun } from '../../model/bytes.ts';
import { GarbageError } from '../../model/codec.ts';
import { mostChanges, mostRunsOfBuffer, mostSpelledBytes } from '../../model/kept-bytes.ts';
import type { Exchange, Observation } from '../../model/observation.ts';
import { observed } from '../../oracles/testing/hand-made.ts';
import { checkKept } from './kept-bytes.ts';

const unknown = (lengthBytes: number): ByteRun => ({ lengthBytes, source: { kind: 'unknown' } });
const spelled = (lengthBytes: number): ByteRun => ({
  lengthBytes,
  source: { kind: 'other', hex: '5e'.repeat(lengthBytes) },
});
const short = (lengthBytes: number): ByteRun => ({ lengthBytes, source: { kind: 'other', hex: '5e'.repeat(16) } });
const many = Array.from({ length: mostRunsOfBuffer }, (_, writer): ByteRun => ({
  lengthBytes: 16,
  source: { kind: 'writer', writer: writer % 2, offsetBytes: 0n },
}));

const read = (data: ByteRun[], tail: ByteRun[] = []): Observation =>
  observed({ results: [{ ret: 8192n, errno: 0, data, tail }] });
const sent = (data: ByteRun[], cutBytes?: number): Observation =>
  observed({
    exchanges: [
      {
        seq: 1,
        unique: 1n,
        opcode: 16,
        name: 'WRITE',
        nodeid: 1n,
        request: { data },
        ...(cutBytes !== undefined && { cutBytes }),
      } as Exchange,
    ],
  });
const change = (content: ByteRun[], offsetBytes = 0n) => ({ device: 0, offsetBytes, content });
const onDevice = (...changes: ReturnType<typeof change>[]): Observation => observed({ changes });
const places = (count: number) => Array.from({ length: count }, (_, index) => change([spelled(8)], BigInt(index * 16)));

test('should believe that bytes were not kept where there was no room for them', () => {
  const kept = spelled(mostSpelledBytes);
  for (const seen of [
    read([kept, unknown(4096)]),
    read([...many, unknown(64)]),
    read([kept], [unknown(100)]),
    read([spelled(100)]),
    sent([kept, unknown(10)]),
    sent([unknown(700)], 700),
    onDevice(change([kept, unknown(4096)])),
    onDevice(change([kept, unknown(4096), kept, unknown(1)])),
    onDevice(...places(mostChanges), change([unknown(1 << 20)], 1n << 19n)),
  ])
    checkKept(seen);
});

test('should not where there was', () => {
  for (const seen of [
    read([unknown(65536)]),
    read([spelled(100), unknown(4096)]),
    read([...many.slice(0, 100), unknown(64)]),
    read([spelled(4096)], [unknown(1), unknown(1)]),
    read([short(512)]),
    sent([unknown(10)]),
    sent([unknown(700)], 600),
    onDevice(change([unknown(4096)])),
    onDevice(change([spelled(4096), unknown(4096), unknown(4096)])),
    onDevice(...places(100), change([unknown(1 << 20)], 1n << 19n)),
  ])
    expect(() => {
      checkKept(seen);
    }).toThrow(GarbageError);
});
