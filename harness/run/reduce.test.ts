import { expect, test } from '@playwright/test';
import { runIdeal } from '../../oracles/testing/ideal-kernel.ts';
import type { Case } from '../../model/case.ts';
import type { KernelFacts } from '../../model/channel.ts';
import { parseCase, formatCase } from './case-file.ts';
import {
  begin,
  geometry,
  hole,
  makeCase,
  mapped,
  mappings,
  openDirect,
  sampleCases,
} from '../../reproducers/testing/samples.ts';
import type { Executed, Outcome } from './execute.ts';
import { reduce, redundant, shown, smaller } from './reduce.ts';

const facts: KernelFacts = {
  release: '',
  version: '',
  commandLine: '',
  fuse: true,
  enableIomap: true,
  debugIomap: true,
  badDataEvent: true,
  tainted: 0,
};

/** A kernel that follows the rules. */
async function* ideal(cases: readonly Case[]): AsyncGenerator<Executed> {
  for (const [index, testCase] of cases.entries()) {
    let outcome: Outcome;
    try {
      outcome = { kind: 'observed', observation: runIdeal(testCase) };
    } catch (error) {
      outcome = { kind: 'failed', reason: String(error) };
    }
    yield await Promise.resolve({ index, outcome });
  }
}
const keeping =
  (keep: string) =>
  (smaller: Case, outcome: Outcome): boolean =>
    shown(smaller, outcome, facts) === keep;
const shownBy = (testCase: Case): string =>
  shown(testCase, { kind: 'observed', observation: runIdeal(testCase) }, facts)!;

const refusal = makeCase(
  [
    openDirect,
    { call: 'pread', fd: 0, offset: 0n, lengthBytes: 4096 },
    { call: 'open', file: 0, flags: ['rdonly'] },
    { call: 'pread', fd: 0, offset: 4096n, lengthBytes: 4096 },
    { call: 'close', fd: 1 },
  ],
  [
    begin(mappings(mapped({ length: 4096n })), { times: 1 }),
    begin(mappings(mapped({ offset: 4096n, length: 0n }), hole()), { times: 1 }),
    begin(mappings(hole())),
  ],
  {
    geometry: geometry({
      mount: 'syncInit',
      devices: [
        { sizeBytes: 1 << 20, access: 'rw' },
        { sizeBytes: 1 << 20, access: 'rw' },
      ],
    }),
  },
);

test('should leave of a refused case what the refusal needs', async () => {
  const keep = shownBy(refusal);
  expect(keep).toBe('refused: map/length-nonzero@read 117');
  const { case: reduced } = await reduce(ideal, refusal, keeping(keep));
  expect(shownBy(reduced)).toBe(keep);
  expect(reduced.script).toHaveLength(1);
  expect(reduced.workload.map(({ call }) => call)).toEqual(['open', 'pread']);
  expect(reduced.geometry.devices).toHaveLength(1);
  expect(reduced.geometry.mount).toBe('ordinary');
});

test('should leave of a served case every reply that was served', async () => {
  const served = makeCase(
    [openDirect, { call: 'pread', fd: 0, offset: 0n, lengthBytes: 8192 }, { call: 'close', fd: 0 }],
    [
      begin(mappings(mapped({ length: 4096n })), { times: 1 }),
      begin(mappings(hole()), { times: 1 }),
      begin(mappings(hole())),
    ],
  );
  const { case: reduced } = await reduce(ideal, served, keeping(shownBy(served)));
  expect(reduced.script).toHaveLength(2);
  expect(reduced.workload.map(({ call }) => call)).toEqual(['open', 'pread']);
});

test('should make only valid cases, each smaller than the whole', () => {
  for (const [name, value] of Object.entries(sampleCases)) {
    for (const candidate of smaller(value)) {
      expect(parseCase(formatCase(candidate)).kind, name).toBe('case');
      expect(formatCase(candidate).length, name).toBeLessThanOrEqual(formatCase(value).length + 'ordinary'.length);
    }
  }
});

test('should take an open away with everything that uses its fd, and number the others anew', () => {
  const gone = smaller(refusal).find(({ workload }) => workload.length === 2);
  expect(gone?.workload).toEqual([
    { call: 'open', file: 0, flags: ['rdonly'] },
    { call: 'close', fd: 0 },
  ]);
});

test('should drop only cases whose every point others show, the largest first', () => {
  const at = (hash: string, sizeBytes: number, ...shows: string[]) => ({ hash, sizeBytes, shows });
  expect(redundant([at('a', 10, 'x'), at('b', 20, 'x'), at('c', 30, 'x', 'y')])).toEqual(['b', 'a']);
  expect(redundant([at('a', 10, 'x', 'z'), at('b', 20, 'x'), at('c', 30, 'y')])).toEqual(['b']);
  expect(redundant([at('a', 10, 'x'), at('b', 20, 'x'), at('c', 30, 'x')])).toEqual(['c', 'b']);
  expect(redundant([at('a', 10), at('b', 20)])).toEqual([]);
});
