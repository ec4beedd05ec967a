import { expect, test } from '@playwright/test';
import type { Observation } from '../../model/observation.ts';
import type { Verdict } from '../../model/verdict.ts';
import { createOut, openOut } from '../../uapi/fuse-structs.ts';
import { judge } from '../judge.ts';
import {
  beginExchange,
  device,
  endExchange,
  madeCase,
  mapped,
  observed,
  other,
  overwrite,
  type Made,
} from '../testing/hand-made.ts';

const deviates = (verdict: Verdict): string[] =>
  verdict.kind === 'deviates' ? verdict.deviations.map(({ rule }) => rule) : [verdict.kind];

const testCase = madeCase([{ call: 'pread', fd: 0, offset: 4096n, lengthBytes: 4096 }]);
const WANT_END = 0x80;
const begin = (flags = 0): Made =>
  beginExchange(0x10, 4096n, 4096n, mapped(0n, 8192n, 65536n, 1, flags), overwrite(0n, 8192n));
const results = [{ ret: 4096n, errno: 0, data: [device(0, 69632n, 4096)], tail: [] }];
const seen = (exchanges: Made[]): Observation => observed({ exchanges, results });

const right = {
  flags: 0x7fn,
  maxbytes: (1n << 63n) - 1n,
  cacheMaxbytes: 262_144,
  zero: 0,
  padding: new Uint8Array(40),
};
const config = (request: Record<string, unknown> = {}): Made => ({
  name: 'IOMAP_CONFIG',
  request: { ...right, ...request },
  reply: { error: 0, payload: new Uint8Array() },
});
const { file: _file, ...init } = other('INIT');
const lookup = other('LOOKUP');

/** CONFIG is about no node. */
function withConfig(exchanges: Made[], nodeid = 0n): string[] {
  const observation = seen(exchanges);
  for (const exchange of observation.transcript) if (exchange.name === 'IOMAP_CONFIG') exchange.nodeid = nodeid;
  return deviates(judge(testCase, observation));
}

test('should take CONFIG as the protocol has it, and no other', () => {
  expect(withConfig([init, config(), lookup, begin()])).toEqual(['conforms']);
  for (const wrong of [{ flags: 0n }, { flags: 0xffn }, { maxbytes: 4096n }, { cacheMaxbytes: 1 }]) {
    expect(withConfig([init, config(wrong), lookup, begin()]), Object.keys(wrong)[0]).toEqual(['request/config']);
  }
  expect(withConfig([init, config(), lookup, begin()], 1n)).toEqual(['request/config']);
});

test('should want CONFIG once, before all that waits for it; a FORGET waits for nothing', () => {
  expect(withConfig([init, other('FORGET'), config(), lookup, begin()])).toEqual(['conforms']);
  expect(withConfig([init, lookup, config(), begin()])).toEqual(['request/config']);
  expect(withConfig([init, config(), lookup, config(), begin()])).toEqual(['request/config']);
  expect(withConfig([init, lookup, begin()])).toEqual(['request/config']);
  // Of a mount that cases share neither is kept.
  expect(withConfig([lookup, begin()])).toEqual(['conforms']);
});

test('should take no second INIT, and no answer to a notification that asks for none', () => {
  expect(withConfig([init, config(), lookup, begin(), init])).toEqual(['request/none']);
  expect(deviates(judge(testCase, seen([begin(), other('NOTIFY_REPLY')])))).toEqual(['request/none']);
});

test('should want the handle that OPEN was answered with, where a request names an open file', () => {
  const open: Made = { ...other('OPEN'), reply: { error: 0, payload: openOut.encode({ fh: 7n }) } };
  const with1 = (name: string, fh: bigint): string[] =>
    deviates(judge(testCase, seen([open, begin(), { ...other(name), request: { fh } }])));
  for (const name of ['FLUSH', 'RELEASE']) {
    expect(with1(name, 7n), name).toEqual(['conforms']);
    expect(with1(name, 12_345n), name).toEqual(['request/ordinary']);
  }
  // CREATE opens a file, too.
  const create: Made = {
    ...other('CREATE'),
    reply: { error: 0, payload: createOut.encode({ entry: { nodeid: 9n } as never, open: { fh: 1n } as never }) },
  };
  const creates = madeCase([...testCase.workload.slice(1), { call: 'ordinary', syscall: 'create', file: 0 }]);
  const closes = (fh: bigint): string[] =>
    deviates(
      judge(creates, {
        ...seen([begin(), create, { ...other('FLUSH'), request: { fh } }]),
        steps: [...seen([]).steps, { ret: 0n, errno: 0 }],
      }),
    );
  expect(closes(1n)).toEqual(['conforms']);
  expect(closes(2n)).toEqual(['request/ordinary']);
});

test("should take the flags that END may have besides the server's, and no others", () => {
  const ended = (flags: number): string[] =>
    deviates(
      judge(
        testCase,
        seen([begin(WANT_END), endExchange(0x10, 4096n, 4096n, 4096n, mapped(0n, 8192n, 65536n, 1, flags))]),
      ),
    );
  for (const own of [0, 0x100, 0x200, 0x300]) expect(ended(WANT_END | own), String(own)).toEqual(['conforms']);
  for (const unknown of [0x400, 0x8000]) expect(ended(WANT_END | unknown), String(unknown)).toEqual(['request/end']);
  expect(ended(0)).toEqual(['request/end']);
});

test('should judge nothing by a field that a record lacks, and say so', () => {
  const without = (field: string): Verdict => {
    const observation = seen([begin()]);
    observation.transcript[0]!.step = 1;
    observation.transcript[0]!.request = Object.fromEntries(
      Object.entries(observation.transcript[0]!.request).filter(([name]) => name !== field),
    );
    return judge(testCase, observation);
  };
  for (const field of ['opflags', 'attrIno'])
    expect(without(field)).toMatchObject({
      kind: 'conforms',
      unjudged: [{ aspect: 'request', reason: expect.stringMatching(/^the record of IOMAP_BEGIN lacks/) as unknown }],
    });
  // Without a range nobody knows what was answered, nor what is to be read.
  for (const field of ['pos', 'count']) {
    const verdict = without(field);
    expect(verdict).toEqual({
      kind: 'not-run',
      reason: `nothing of it was judged, because the record of IOMAP_BEGIN lacks ${field}, from step 1 on`,
    });
  }
  const wrong = seen([begin()]);
  wrong.transcript[0]!.request['count'] = 8192n;
  expect(deviates(judge(testCase, wrong))).toContain('request/begin');
});

test('should take the answer to a RETRIEVE', () => {
  const retrieves = madeCase([
    ...testCase.workload.slice(1),
    { call: 'notify', notification: { kind: 'retrieve', node: { file: 0 }, offset: 0n, lengthBytes: 1 } },
  ]);
  const observation = { ...seen([begin(), other('NOTIFY_REPLY')]) };
  expect(
    deviates(judge(retrieves, { ...observation, steps: [...observation.steps, { ret: 0n, errno: 0 }] })),
  ).not.toContain('request/none');
});
