import { expect, test } from '@playwright/test';
import { logBytes, recordsOf } from '../../../model/exchange-record.ts';
import { LogWriter, takeLog } from './exchange-log.ts';
import { WORD, words as wordCount } from './shared.ts';

const log = new SharedArrayBuffer(logBytes);
const view = Buffer.from(log);
const request = (bytes: number): Buffer => Buffer.alloc(bytes, 1);

function writer(): { words: Int32Array; log: LogWriter } {
  const words = new Int32Array(new SharedArrayBuffer(wordCount * 4));
  return { words, log: new LogWriter(words, log) };
}

test('should keep the beginning of what is too much, without gaps, and say where it ends', () => {
  const { words, log: out } = writer();
  const large = 64 << 10;
  const room = Math.floor(logBytes / (large + 16));
  for (let n = 0; n < room + 2; n += 1) out.append(request(large), large, undefined, 0);
  // A short one would find room.
  out.append(request(40), 40, undefined, 0);
  expect(words[WORD.lost]).toBe(3);
  expect(words[WORD.lostAt]).toBe(room);
  expect([...recordsOf(takeLog(words, view))].map(({ seq }) => seq)).toEqual(
    Array.from({ length: room }, (_, seq) => seq),
  );
});

test('should begin anew when the log was taken', () => {
  const { words, log: out } = writer();
  for (let n = 0; n < 200; n += 1) out.append(request(64 << 10), 64 << 10, undefined, 0);
  expect(words[WORD.lost]).toBeGreaterThan(0);
  takeLog(words, view);
  out.append(request(40), 40, undefined, 0);
  expect(words[WORD.lost]).toBe(0);
  expect([...recordsOf(takeLog(words, view))].map(({ seq }) => seq)).toEqual([200]);
});
