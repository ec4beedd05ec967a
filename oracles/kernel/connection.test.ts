import { expect, test } from '@playwright/test';
import type { Case, Reply, ScriptLine, Step } from '../../model/case.ts';
import type { Exchange, Observation, SentReply } from '../../model/observation.ts';
import { openOut } from '../../uapi/fuse-structs.ts';
import { beginOut } from '../../uapi/iomap.ts';
import { judge } from '../judge.ts';
import {
  beginExchange,
  failed,
  INO,
  madeCase,
  observed,
  opened,
  other,
  overwrite,
  wire,
  deviates,
} from '../testing/hand-made.ts';

const REPORT = 4;
const EIO = 5,
  EINVAL = 22,
  ENOENT = 2,
  ECONNABORTED = 103,
  ENOTCONN = 107;
const seek: Step = { call: 'seekData', fd: 0, offset: 0n };
const scripted = (on: ScriptLine['on'], reply: Reply): Partial<Case> => ({ script: [{ on, reply }] });
type Made = Omit<Exchange, 'seq' | 'unique' | 'opcode' | 'nodeid'>;
const hole = wire(0, 0n, 16384n);
const begin = beginExchange(REPORT, 0n, 16384n, hole, overwrite(0n, 16384n));

test.describe('an answer of the wrong form', () => {
  const testCase = madeCase([seek]);
  const seen = (reply: SentReply, writeErrno: number, errno: number) =>
    judge(testCase, observed({ exchanges: [{ ...begin, reply, writeErrno }], results: [failed(errno)] }));
  const good = Buffer.from(beginOut.encode({ read: hole, write: overwrite(0n, 16384n) }));
  const forms: readonly [string, SentReply, number][] = [
    ['a positive error', { error: 5, payload: Buffer.alloc(0) }, EINVAL],
    ['an error beyond -511', { error: -512, payload: Buffer.alloc(0) }, EINVAL],
    ['an error with a payload', { error: -28, payload: good }, EINVAL],
    ['a length that lies', { error: 0, payload: good, lengthBytes: 16 }, EINVAL],
    ["nobody's unique", { error: 0, payload: good, unique: 1n << 62n }, ENOENT],
    ['no unique', { error: 0, payload: good, unique: 0n }, EINVAL],
    ['half a header', { error: 0, payload: Buffer.alloc(0), sentBytes: 8 }, EINVAL],
    ['a payload that is short', { error: 0, payload: good.subarray(1) }, EINVAL],
    ['a payload that is long', { error: 0, payload: Buffer.concat([good, Buffer.alloc(1)]) }, EINVAL],
    ['no payload', { error: 0, payload: Buffer.alloc(0) }, EINVAL],
  ];
  for (const [name, reply, writeErrno] of forms) {
    test(`is refused by write(), and EIO for the caller: ${name}`, () => {
      expect(seen(reply, writeErrno, EIO)).toEqual({ kind: 'conforms' });
      expect(deviates(seen(reply, 0, EIO))).toEqual(['answer/written result']);
      expect(deviates(seen(reply, writeErrno === EINVAL ? ENOENT : EINVAL, EIO))).toEqual(['answer/written result']);
      expect(deviates(seen(reply, writeErrno, 28))).toHaveLength(1);
    });
  }
  test('must not be refused when it is in order', () => {
    expect(
      deviates(judge(testCase, observed({ exchanges: [{ ...begin, writeErrno: EINVAL }], results: [failed(6)] }))),
    ).toEqual(['answer/written result']);
    expect(deviates(seen({ error: -511, payload: Buffer.alloc(0) }, 0, 511))).toEqual(['conforms']);
  });
});

test.describe('open', () => {
  const open = (on: 'LOOKUP' | 'OPEN', reply: Reply, sent: SentReply, result: object, writeErrno = 0) =>
    judge(madeCase([], scripted(on, reply)), {
      ...observed({ exchanges: [{ ...other(on), reply: sent, writeErrno }] }),
      steps: [result as never],
    });
  const raw = (payload: Buffer): [Reply, SentReply] => [
    { kind: 'raw', payload: payload.toString('hex') },
    { error: 0, payload },
  ];

  test('fails with EIO where LOOKUP or OPEN was answered by too little', () => {
    for (const on of ['LOOKUP', 'OPEN'] as const) {
      const [reply, sent] = raw(Buffer.alloc(8));
      expect(open(on, reply, sent, failed(EIO), EINVAL)).toEqual({ kind: 'conforms' });
      expect(deviates(open(on, reply, sent, opened, EINVAL))).toEqual(['answer/result errno']);
    }
  });
  test('fails with what the server answered', () => {
    expect(open('LOOKUP', { kind: 'error', errno: 13 }, { error: -13, payload: Buffer.alloc(0) }, failed(13))).toEqual({
      kind: 'conforms',
    });
    expect(
      deviates(open('LOOKUP', { kind: 'error', errno: 13 }, { error: -13, payload: Buffer.alloc(0) }, failed(EIO))),
    ).toEqual(['answer/result errno']);
  });
  test('refuses the flags PASSTHROUGH, STREAM and NONSEEKABLE, and no others', () => {
    for (const openFlags of [0x80, 0x10, 4, 0x85]) {
      const [reply, sent] = raw(openOut.encode({ openFlags }));
      expect(open('OPEN', reply, sent, failed(EINVAL)), String(openFlags)).toEqual({ kind: 'conforms' });
      expect(deviates(open('OPEN', reply, sent, opened))).toEqual(['open/flags errno']);
    }
    for (const openFlags of [0, 1, 2, 0x20, 0x40]) {
      const [reply, sent] = raw(openOut.encode({ openFlags }));
      expect(open('OPEN', reply, sent, opened), String(openFlags)).toEqual({ kind: 'conforms' });
      expect(deviates(open('OPEN', reply, sent, failed(EINVAL)))).toEqual(['open errno']);
    }
  });
});

for (const how of ['die', 'kill', 'abort'] as const) {
  test.describe(`a connection that ends by ${how}`, () => {
    const { reply: _reply, writeErrno: _written, ...asked } = begin;
    const gone: Made = { ...asked, ended: how };
    const of = (...steps: Step[]) => madeCase([seek, ...steps], scripted('IOMAP_BEGIN', { kind: how }));
    const seen = (steps: Step[], results: Observation['steps'], more: Made[] = []) =>
      judge(of(...steps), observed({ exchanges: [gone, ...more], results }));

    test('fails what is in flight with ECONNABORTED', () => {
      expect(seen([], [failed(ECONNABORTED)])).toEqual({ kind: 'conforms' });
      for (const errno of [EIO, ENOTCONN, 4])
        expect(deviates(seen([], [failed(errno)]))).toEqual(['begin/error errno']);
    });
    test('fails what comes later with ENOTCONN, without a request', () => {
      expect(seen([seek], [failed(ECONNABORTED), failed(ENOTCONN)])).toEqual({ kind: 'conforms' });
      // A request between the end of a dying server's last request and that of the connection is in flight.
      const early = seen([seek], [failed(ECONNABORTED), failed(ECONNABORTED)]);
      expect(deviates(early)).toEqual(how === 'abort' ? ['begin/error errno'] : ['conforms']);
      expect(deviates(seen([seek], [failed(ECONNABORTED), failed(EIO)]))).toEqual(['begin/error errno']);
      expect(
        deviates(
          seen(
            [seek],
            [failed(ECONNABORTED), failed(ENOTCONN)],
            [{ ...begin, request: { opflags: REPORT, reserved: 0, attrIno: INO, pos: 0n, count: 16384n } }],
          ),
        ),
      ).toEqual(['request/none request']);
    });
    test('leaves a mount that can be removed', () => {
      const removed = (unmountErrno: number) =>
        judge(of(), { ...observed({ exchanges: [gone], results: [failed(ECONNABORTED)] }), unmountErrno });
      expect(removed(0)).toEqual({ kind: 'conforms' });
      expect(deviates(removed(16))).toEqual(['unmount errno']);
    });
  });
}
