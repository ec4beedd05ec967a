import { expect, test } from '@playwright/test';
import { decodeCase, type Case } from '../../model/case.ts';
import type { Notification } from '../../model/notification.ts';
import type { Observation } from '../../model/observation.ts';
import { judge } from '../judge.ts';

const seek = decodeCase({
  schema: 1,
  revision: 'r3',
  geometry: { mount: 'ordinary', devices: [], files: [{ sizeBytes: '4096', attrFlags: ['IOMAP', 'EXCLUSIVE'] }] },
  script: [],
  workload: [
    { call: 'open', file: 0, flags: ['rdonly'] },
    { call: 'seekData', fd: 0, offset: '0' },
  ],
  debugIomap: false,
});
const seen: Observation = {
  mount: { errno: 0, devices: [] },
  steps: [],
  transcript: [],
  events: [],
  deviceChanges: [],
  inodes: [],
};

test('should name the request that a kernel makes without end, and judge nothing that follows from it', () => {
  const verdict = judge(seek, { ...seen, endless: { opcode: 54, same: true, step: 1 } });
  expect(verdict.kind).toBe('deviates');
  const deviations = verdict.kind === 'deviates' ? verdict.deviations : [];
  expect(deviations.map(({ rule, step }) => [rule, step])).toEqual([['kernel/endless-requests', 1]]);
  expect(deviations[0]!.seen).toMatch(/^the same .* over and over/);
});

test('should not find requests without end where there were only many', () => {
  const verdict = judge(seek, seen);
  expect(verdict.kind === 'deviates' ? verdict.deviations.map(({ rule }) => rule) : []).not.toContain(
    'kernel/endless-requests',
  );
});

test('should not blame a kernel whose server changes mappings with each answer, and blame it where one answer changed none', () => {
  const asked = (seq: number, changes: boolean): Observation['transcript'][number] => ({
    seq,
    unique: BigInt(seq),
    opcode: 54,
    name: 'IOMAP_BEGIN',
    nodeid: 2n,
    file: 0,
    request: {},
    writeErrno: 0,
    step: 1,
    ...(changes && { notified: { line: 0, errnos: [0] } }),
  });
  const inval = (file: number): Notification => ({
    kind: 'inval',
    node: { file },
    read: { offset: 0n, length: 4096n },
    write: { offset: 0n, length: 4096n },
  });
  const about = (before: Notification): Case => ({
    ...seek,
    script: [{ on: 'IOMAP_BEGIN', before: [before], reply: { kind: 'empty' } }],
  });
  const verdictOf = (...changes: boolean[]): string => verdictIn(about(inval(0)), ...changes);
  const verdictIn = (testCase: Case, ...changes: boolean[]): string =>
    judge(testCase, {
      ...seen,
      transcript: changes.map((one, seq) => asked(seq, one)),
      endless: { opcode: 54, same: true, step: 1 },
    }).kind;
  expect(verdictOf(true, true, true)).toBe('unspecified');
  expect(verdictOf(true, false, true)).toBe('deviates');
  expect(verdictOf(false, false)).toBe('deviates');
  // Another file's mappings are no reason to ask for this one's.
  expect(verdictIn(about(inval(1)), true, true)).toBe('deviates');
});
