/**
 * Requests that come at another place than the rules say: what is missing is told from what is too many and from what
 * has a wrong field.
 */
import { expect, test } from '@playwright/test';
import { causesOf } from '../model/finding/cause.ts';
import type { Step } from '../model/case.ts';
import type { StepResult } from '../model/observation.ts';
import { judge } from './judge.ts';
import {
  beginExchange,
  device,
  endExchange,
  madeCase,
  mapped,
  observed,
  other,
  overwrite,
  poison,
} from './testing/hand-made.ts';

const DIRECT = 0x10,
  WANT_IOMAP_END = 0x80;
type Made = ReturnType<typeof beginExchange>;

/** 4 KiB of device 0 at a time. */
const piece = (pos: bigint) => mapped(pos, 4096n, 65536n + pos, 1, WANT_IOMAP_END);
const begin = (pos: bigint, count: bigint, step = 1): Made => ({
  ...beginExchange(DIRECT, pos, count, piece(pos), overwrite(pos, 4096n)),
  step,
});
const end = (pos: bigint, count: bigint, step = 1): Made => ({
  ...endExchange(DIRECT, pos, count, 4096n, piece(pos)),
  step,
});
const read = (offset: bigint, lengthBytes: number): Step => ({ call: 'pread', fd: 0, offset, lengthBytes });
const got = (offset: bigint, lengthBytes: number, asked = lengthBytes): StepResult => ({
  ret: BigInt(lengthBytes),
  errno: 0,
  data: [device(0, 65536n + offset, lengthBytes)],
  tail: asked > lengthBytes ? [poison(asked - lengthBytes)] : [],
});

function causes(steps: Step[], exchanges: Made[], results: StepResult[]): string[] {
  const verdict = judge(madeCase(steps), observed({ exchanges, results }));
  return verdict.kind === 'deviates' ? causesOf(verdict.deviations).map(({ key }) => key) : [];
}

test('what a later step asks for should be no answer to what is missing in this one', () => {
  const steps = [read(0n, 8192), read(8192n, 4096)];
  const later = [begin(8192n, 4096n, 2), end(8192n, 4096n, 2)];
  const results = [got(0n, 8192), got(8192n, 4096)];
  const first = [begin(0n, 8192n), end(0n, 4096n)];
  expect(causes(steps, [...first, begin(4096n, 4096n), end(4096n, 4096n), ...later], results)).toEqual([]);
  expect(causes(steps, [...first, ...later], results)).toEqual(['IOMAP_BEGIN | direct read | missing | request/begin']);
  // In the same step it is the one that was due, for another range.
  expect(causes(steps, [...first, begin(8192n, 4096n), end(8192n, 4096n), ...later], results)).toEqual([
    'IOMAP_BEGIN | range | direct read',
  ]);
});

test('a request should be too many where the one that is due comes behind it, and take its place where another comes', () => {
  const steps = [read(0n, 4096)];
  const results = [got(0n, 4096)];
  expect(causes(steps, [begin(0n, 4096n), end(0n, 4096n)], results)).toEqual([]);
  // END before the BEGIN that is due.
  expect(causes(steps, [end(0n, 4096n), begin(0n, 4096n), end(0n, 4096n)], results)).toEqual([
    'IOMAP_END | direct read | extra',
  ]);
  expect(causes(steps, [end(0n, 4096n), begin(8192n, 4096n), end(8192n, 4096n)], results)).toEqual([
    'IOMAP_BEGIN | direct read | missing | request/begin',
  ]);
});

test('a request that names no node of the case should not be taken for that of its file', () => {
  const steps = [read(0n, 4096)];
  const results = [got(0n, 4096)];
  const lost = ({ file: _file, ...made }: Made): Made => made;
  expect(causes(steps, [lost(begin(0n, 4096n)), lost(end(0n, 4096n))], results)).toEqual([
    'IOMAP_BEGIN | direct read | missing | request/begin',
  ]);
  expect(causes(steps, [begin(0n, 4096n), lost(end(0n, 4096n))], results)).toEqual([
    expect.stringMatching(/^IOMAP_END \| direct read \| (missing|extra)/),
  ]);
  expect(causes([{ call: 'fsync', fd: 0 }], [{ ...lost(other('FSYNC')), step: 1 }], [{ ret: 0n, errno: 0 }])).toEqual([
    'FSYNC |  | missing | request/fsync',
  ]);
  expect(causes([{ call: 'fsync', fd: 0 }], [{ ...other('FSYNC'), step: 1 }], [{ ret: 0n, errno: 0 }])).toEqual([]);
});
