/**
 * A kernel that refuses what is right: the report that nothing asks for is the cause, and what did not come afterwards
 * is none.
 */
import { expect, test } from '@playwright/test';
import { causesOf } from '../model/finding/cause.ts';
import type { Case, Step } from '../model/case.ts';
import type { Observation, StepResult } from '../model/observation.ts';
import type { Deviation } from '../model/verdict.ts';
import { attrOut } from '../uapi/fuse-structs.ts';
import { revisions } from '../uapi/revision.ts';
import { judge } from './judge.ts';
import { channelsOf } from './judges/channels.ts';
import { judgeOutcome } from './judges/outcome.ts';
import { judgeRefusals } from './judges/refusal.ts';
import type { Expectation, ExpectedRefusal } from './kernel/expectation.ts';
import {
  beginExchange,
  device,
  endExchange,
  failed,
  ioendExchange,
  madeCase,
  mapped,
  observed,
  other,
  overwrite,
  poison,
  wire,
} from './testing/hand-made.ts';

const DIRECT = 0x10,
  WRITE = 1,
  FAULT = 8,
  WRITEBACK = 0x8000_0000,
  EUCLEAN = 117,
  WANT_IOMAP_END = 0x80;
const map = mapped(0n, 16384n, 65536n, 1, WANT_IOMAP_END);
const rest = overwrite(0n, 16384n);
const report = (condition: string): Partial<Observation> => ({
  events: [{ kind: 'bad-data', func: 'fuse_iomap_check_mapping', condition, line: 1 }],
});
const flags = report('!fuse_iomap_check_flags(map->flags)');

function deviations(
  testCase: Case,
  exchanges: Parameters<typeof observed>[0]['exchanges'],
  results: StepResult[],
  more: Partial<Observation> = {},
): Deviation[] {
  const verdict = judge(testCase, { ...observed({ exchanges: exchanges!, results }), ...more });
  return verdict.kind === 'deviates' ? verdict.deviations : [];
}
const setattr = {
  name: 'SETATTR',
  file: 0,
  request: { valid: 0x430 },
  reply: { error: 0, payload: new Uint8Array(attrOut.size) },
  writeErrno: 0,
};
const causes = (found: Deviation[]): string[] => causesOf(found).map(({ key }) => key);

test('a direct read that is refused should be one finding, the report; without a report, the errno', () => {
  const testCase = madeCase([{ call: 'pread', fd: 0, offset: 0n, lengthBytes: 4096 }]);
  const asked = beginExchange(DIRECT, 0n, 4096n, map, rest);
  const right = [{ ret: 4096n, errno: 0, data: [device(0, 65536n, 4096)], tail: [] }];
  const refused = [{ ...failed(EUCLEAN), data: [], tail: [poison(4096)] }];
  expect(deviations(testCase, [asked, endExchange(DIRECT, 0n, 4096n, 4096n, map)], right)).toEqual([]);
  expect(causes(deviations(testCase, [asked], refused, flags))).toEqual([
    'refused | !fuse_iomap_check_flags(map->flags)',
  ]);
  expect(causes(deviations(testCase, [asked], refused))).toEqual([expect.stringMatching(/ \| fails \| EUCLEAN$/)]);
  // That it succeeds without END is a fault of another kind.
  expect(causes(deviations(testCase, [asked], right))).toEqual(['IOMAP_END | direct read | missing | request/end']);
});

test('a fault that is refused should say why, and one that is not should say what is wrong then', () => {
  const step: Step = { call: 'mmapWrite', fd: 0, offset: 0n, lengthBytes: 4096, writer: 0, msync: true };
  const testCase = madeCase([step], { workload: [{ call: 'open', file: 0, flags: ['rdwr'] }, step] });
  const target = mapped(0n, 16384n, 65536n);
  const asked = [
    beginExchange(0, 0n, 4096n, target, rest),
    beginExchange(WRITE | FAULT, 0n, 4096n, target, rest),
    setattr,
  ];
  expect(causes(deviations(testCase, [...asked, other('FSYNC')], [{ ret: 0n, errno: 0 }], flags))).toEqual([
    'refused | !fuse_iomap_check_flags(map->flags)',
  ]);
  // The fault is served here; what the kernel asks for where is out of step for another reason.
  expect(causes(deviations(testCase, [...asked, other('FSYNC')], [{ ret: 4096n, errno: 0 }], flags))).toEqual([
    'IOMAP_BEGIN | writeback | missing | request/writeback',
  ]);
});

test('writeback that is refused should say why, when the kernel tells the server so', () => {
  const testCase = madeCase([], {
    workload: [
      { call: 'open', file: 0, flags: ['rdwr'] },
      { call: 'pwrite', fd: 0, offset: 0n, lengthBytes: 4096, writer: 0 },
      { call: 'fsync', fd: 0 },
    ],
  });
  const target = mapped(0n, 16384n, 65536n);
  const exchanges = [
    beginExchange(WRITE, 0n, 4096n, target, rest),
    beginExchange(WRITEBACK, 0n, 4096n, target, rest),
    { ...ioendExchange(0, 0n, 0n, -EUCLEAN), step: 2 },
    setattr,
    other('FSYNC'),
  ];
  expect(causes(deviations(testCase, exchanges, [{ ret: 4096n, errno: 0 }, failed(EUCLEAN)], flags))).toContain(
    'refused | !fuse_iomap_check_flags(map->flags)',
  );
  const wrong = wire(2, 0n, 16384n, { addr: 65536n, dev: 1, flags: 0x200 });
  const refusal = [exchanges[0]!, beginExchange(WRITEBACK, 0n, 4096n, wrong, rest), ...exchanges.slice(2)];
  expect(deviations(testCase, refusal, [{ ret: 4096n, errno: 0 }, failed(EUCLEAN)], flags)).toEqual([]);
});

test('a report more than there are refusals should be wrong, and none where the rules say no more and any may follow', () => {
  const testCase = madeCase([]);
  const line: ExpectedRefusal = { rule: 'upsert/not-retry', errno: EUCLEAN, viaBadData: true, step: 1 };
  const said = (condition: string) => ({ kind: 'bad-data' as const, func: 'any', condition, line: 1 });
  const seen = { ...observed({}), events: [said('map->length == 0'), said('map->flags != 0')] };
  const expectation = (more: Partial<Expectation>): Expectation => ({
    requests: [],
    unjudgedRequests: [],
    mount: { errno: 0, rule: 'mount' },
    devices: [],
    steps: [],
    refusals: [line],
    contents: [],
    tolerated: [],
    ...more,
  });
  const channels = channelsOf(revisions.r3, undefined);
  expect(judgeRefusals(testCase, seen, expectation({}), channels)).toMatchObject([
    { rule: 'refusal/none', aspect: 'trace-event' },
  ]);
  expect(judgeRefusals(testCase, seen, expectation({ unspecified: 'nothing is said' }), channels)).toEqual([]);
});

test('what had to be refused and was done in full should be told where the kernel asks on', () => {
  const step: Step = { call: 'pwrite', fd: 0, offset: 0n, lengthBytes: 4096, writer: 0 };
  const refusal: ExpectedRefusal = { rule: 'begin/device-writable', errno: 13, viaBadData: false, step: 1 };
  const expectation: Expectation = {
    requests: [
      {
        rule: 'request/none',
        aspect: 'request',
        expected: 'no further request',
        seen: 'IOMAP_BEGIN',
        step: 1,
        facts: { request: 'IOMAP_BEGIN', differs: 'extra' },
      },
    ],
    unjudgedRequests: [],
    mount: { errno: 0, rule: 'mount' },
    devices: [],
    steps: [{ kind: 'succeeds', rule: 'open' }],
    refusals: [refusal],
    contents: [],
    tolerated: [],
    desynchronised: true,
  };
  const told = (ret: bigint) => judgeOutcome(madeCase([step]), observed({ results: [{ ret, errno: 0 }] }), expectation);
  expect(told(4096n)).toMatchObject([
    { rule: 'begin/device-writable', aspect: 'errno', facts: { errno: { seen: 'success' } } },
  ]);
  expect(told(512n)).toEqual([]);
});

test('a write that is refused should be one finding, the report, although all that comes behind it is predicted otherwise', () => {
  const testCase = madeCase([], {
    workload: [
      { call: 'open', file: 0, flags: ['rdwr'] },
      { call: 'pwrite', fd: 0, offset: 0n, lengthBytes: 4096, writer: 0 },
    ],
  });
  const asked = beginExchange(WRITE, 0n, 4096n, mapped(0n, 16384n, 65536n), rest);
  expect(causes(deviations(testCase, [asked], [failed(EUCLEAN)], flags))).toEqual([
    'refused | !fuse_iomap_check_flags(map->flags)',
  ]);
  expect(causes(deviations(testCase, [asked], [failed(EUCLEAN)]))).toEqual([
    expect.stringMatching(/ \| fails \| EUCLEAN$/),
  ]);
});
