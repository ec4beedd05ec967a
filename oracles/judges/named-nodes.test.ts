import { expect, test } from '@playwright/test';
import type { Case, Step } from '../../model/case.ts';
import type { Exchange } from '../../model/observation.ts';
import { openOut } from '../../uapi/fuse-structs.ts';
import { madeCase, observed, other, type Made } from '../testing/hand-made.ts';
import { judgeNamedNodes } from './named-nodes.ts';

const ENOSYS = 38;
/** Files 0 and 1 of the case whose serial number is 0 have these nodes. */
const NODES = [0x1000n, 0x1001n] as const;
const opens: Step[] = [0, 1].map((file): Step => ({ call: 'open', file, flags: ['rdwr'] }));

interface Asked {
  name: string;
  request?: Record<string, unknown>;
  nodeid?: bigint;
  file?: number;
  reply?: Made['reply'];
}

/** All requests come in step 2. */
function wrongFields(step: Step, requests: Asked[], more: Partial<Case> = {}): string[] {
  const testCase = madeCase([], { workload: [...opens, step], ...more });
  const { transcript, ...observation } = observed({
    exchanges: requests.map(({ name, request = {}, reply }): Made => {
      const { file: _file, ...exchange } = other(name);
      return { ...exchange, request, step: 2, ...(reply && { reply }) };
    }),
  });
  const exchanges = transcript.map((exchange, index): Exchange => {
    const { nodeid = NODES[0], file } = requests[index]!;
    return { ...exchange, nodeid, ...(file !== undefined && { file }) };
  });
  return judgeNamedNodes(testCase, { ...observation, transcript: exchanges }).flatMap(
    ({ facts }) => facts?.fields?.map((field) => field.name) ?? [],
  );
}

const given = (fh: bigint, file: 0 | 1): Asked => ({
  name: 'OPEN',
  file,
  nodeid: NODES[file],
  reply: { error: 0, payload: openOut.encode({ fh }) },
});
const copy: Step = { call: 'copyFileRange', from: 0, fromOffset: 0n, fd: 1, offset: 0n, lengthBytes: 4096 };
const fsync: Step = { call: 'fsync', fd: 0 };

for (const name of ['COPY_FILE_RANGE', 'COPY_FILE_RANGE_64']) {
  test(`${name} should name the node of the file that is written, whether it was opened by OPEN or not`, () => {
    const run = (nodeidOut: bigint, ...before: Asked[]): string[] =>
      wrongFields(copy, [...before, { name, file: 0, request: { fhIn: 0n, fhOut: 0n, nodeidOut } }]);
    expect(run(NODES[1])).toEqual([]);
    expect(run(NODES[0])).toEqual(['nodeid_out']);
    expect(run(0n)).toEqual(['nodeid_out']);
    const lookedAt: Asked = { name: 'GETATTR', file: 1, nodeid: NODES[1] };
    expect(run(NODES[1], lookedAt)).toEqual([]);
    expect(run(NODES[0], lookedAt)).toEqual(['nodeid_out']);
  });
  test(`${name} should name the open file of each of both nodes`, () => {
    const run = (fhIn: bigint, fhOut: bigint): string[] =>
      wrongFields(copy, [given(7n, 0), given(8n, 1), { name, file: 0, request: { fhIn, fhOut, nodeidOut: NODES[1] } }]);
    expect(run(7n, 8n)).toEqual([]);
    expect(run(8n, 7n)).toEqual(['fh_in', 'fh_out']);
    expect(run(7n, 7n)).toEqual(['fh_out']);
    expect(run(7n, 0n)).toEqual(['fh_out']);
  });
}

test('a copy to an entry that the case made up is not judged by the number of its file', () => {
  const script: Case['script'] = [{ on: 'LOOKUP', reply: { kind: 'raw', payload: '' } }];
  const request: Asked = { name: 'COPY_FILE_RANGE', file: 0, request: { nodeidOut: 77n } };
  expect(wrongFields(copy, [request], { script })).toEqual([]);
  expect(wrongFields(copy, [request])).toEqual(['nodeid_out']);
});

test.describe('the handle of an open file', () => {
  const run = (name: string, fh: bigint, more: Record<string, unknown> = {}, ...before: Asked[]): string[] =>
    wrongFields(fsync, [...before, { name, file: 0, request: { fh, ...more } }]);
  for (const name of ['FSYNC', 'FALLOCATE', 'LSEEK', 'FLUSH', 'RELEASE', 'POLL', 'IOCTL'])
    test(`should be one that the server gave for that node: ${name}`, () => {
      const both = [given(7n, 0), given(8n, 1)];
      expect(run(name, 7n, {}, ...both)).toEqual([]);
      for (const wrong of [8n, 0n, 9n]) expect(run(name, wrong, {}, ...both), String(wrong)).toEqual(['fh']);
    });
  test('should be 0 where the server gives none', () => {
    const refused: Asked = { name: 'OPEN', file: 0, reply: { error: -ENOSYS, payload: new Uint8Array() } };
    expect(run('FSYNC', 0n, {}, refused)).toEqual([]);
    expect(run('FSYNC', 0n)).toEqual([]);
    expect(run('FSYNC', 5n, {}, refused)).toEqual(['fh']);
    expect(run('FSYNC', 0n, {}, given(7n, 0), refused)).toEqual([]);
  });
  test('should be given before it is named', () => {
    expect(wrongFields(fsync, [{ name: 'FSYNC', request: { fh: 7n } }, given(7n, 0)])).toEqual(['fh']);
  });
  test('counts in SETATTR, GETATTR and STATX where they say so', () => {
    for (const [name, says] of [
      ['SETATTR', { valid: 0x468 }],
      ['GETATTR', { getattrFlags: 1 }],
      ['STATX', { getattrFlags: 1 }],
    ] as const) {
      expect(run(name, 7n, says, given(7n, 0)), name).toEqual([]);
      expect(run(name, 9n, says, given(7n, 0)), name).toEqual(['fh']);
      expect(run(name, 9n, {}, given(7n, 0)), name).toEqual([]);
    }
  });
  test('may be 0 for data that the page cache asks for, and not that of another node', () => {
    for (const name of ['READ', 'WRITE']) {
      expect(run(name, 0n, {}, given(7n, 0)), name).toEqual([]);
      expect(run(name, 7n, {}, given(7n, 0)), name).toEqual([]);
      expect(run(name, 8n, {}, given(7n, 0), given(8n, 1)), name).toEqual(['fh']);
    }
  });
  test('of a directory should be that of OPENDIR', () => {
    const opendir: Asked = { name: 'OPENDIR', nodeid: 1n, reply: { error: 0, payload: openOut.encode({ fh: 3n }) } };
    const refused: Asked = { name: 'OPEN', file: 0, reply: { error: -ENOSYS, payload: new Uint8Array() } };
    for (const name of ['READDIR', 'FSYNCDIR', 'RELEASEDIR']) {
      const of = (fh: bigint): string[] =>
        wrongFields(fsync, [opendir, refused, { name, nodeid: 1n, request: { fh } }]);
      expect(of(3n), name).toEqual([]);
      expect(of(0n), name).toEqual(['fh']);
    }
  });
});

test('LINK should name the node of its file, and RENAME the directory of both names', () => {
  const run = (syscall: 'link' | 'rename' | 'renameNoreplace', name: string, field: string, value: bigint): string[] =>
    wrongFields({ call: 'ordinary', syscall, file: 1 }, [
      { name: 'LOOKUP', nodeid: 1n },
      { name: 'GETATTR', file: 1, nodeid: NODES[1] },
      { name, nodeid: 1n, request: { [field]: value } },
    ]);
  expect(run('link', 'LINK', 'oldnodeid', NODES[1])).toEqual([]);
  expect(run('link', 'LINK', 'oldnodeid', NODES[0])).toEqual(['oldnodeid']);
  for (const [syscall, name] of [
    ['rename', 'RENAME'],
    ['renameNoreplace', 'RENAME2'],
  ] as const) {
    expect(run(syscall, name, 'newdir', 1n)).toEqual([]);
    expect(run(syscall, name, 'newdir', NODES[0])).toEqual(['newdir']);
  }
});
