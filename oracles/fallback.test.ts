/**
 * Direct writes that fall back to the page cache, because BEGIN was answered with ENOSYS: when what they wrote gets to
 * the device.
 */
import { expect, test } from '@playwright/test';
import type { Exchange, Observation } from '../model/observation.ts';
import { judge } from './judge.ts';
import {
  beginExchange,
  ioendExchange,
  madeCase,
  mapped,
  observed,
  other,
  overwrite,
  writer,
} from './testing/hand-made.ts';

const ENOSYS = 38,
  DIRECT_WRITE = 0x11,
  WRITE = 1,
  WRITEBACK = 0x8000_0000;
const testCase = madeCase([
  { call: 'pwrite', fd: 0, offset: 0n, lengthBytes: 4096, writer: 0 },
  { call: 'fsync', fd: 0 },
]);
const map = mapped(0n, 16384n, 0x20000n);
type Made = Omit<Exchange, 'seq' | 'unique' | 'opcode' | 'nodeid'>;
const at = (step: number, parts: Made): Made => ({ ...parts, step });
const lacked = at(1, {
  ...beginExchange(DIRECT_WRITE, 0n, 4096n, map, overwrite(0n, 16384n)),
  reply: { error: -ENOSYS, payload: new Uint8Array() },
});
const buffered = at(1, beginExchange(WRITE, 0n, 4096n, map, overwrite(0n, 16384n)));
const back = (step: number): Made => at(step, beginExchange(WRITEBACK, 0n, 4096n, map, overwrite(0n, 16384n)));
const synced = [at(2, { ...other('SETATTR'), request: { valid: 0x430, padding: 0 } }), at(2, other('FSYNC'))];
const arrived: Observation['deviceChanges'] = [{ device: 0, offsetBytes: 0x20000n, content: [writer(0n, 4096)] }];
const kindOf = (exchanges: Made[], changes = arrived): string =>
  judge(
    testCase,
    observed({
      exchanges,
      results: [
        { ret: 4096n, errno: 0 },
        { ret: 0n, errno: 0 },
      ],
      changes,
    }),
  ).kind;

test('should be right when it is written back at once, or by the next fsync', () => {
  expect(kindOf([lacked, buffered, back(1), ...synced])).toBe('conforms');
  expect(kindOf([lacked, buffered, back(2), ...synced])).toBe('conforms');
  expect(kindOf([lacked, at(1, ioendExchange(8, 0n, 0n, -ENOSYS)), buffered, back(2), ...synced])).toBe('conforms');
});

test('should be wrong when it never gets there, or went there past the page cache', () => {
  expect(kindOf([lacked, buffered, ...synced], [])).toBe('deviates');
  expect(kindOf([lacked, buffered, back(2), ...synced], [])).toBe('deviates');
  expect(kindOf([lacked, ...synced])).toBe('deviates');
});
