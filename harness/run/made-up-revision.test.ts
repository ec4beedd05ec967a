/**
 * A revision that no file of the product names: it is judged, predicted, planned for and emitted by its facts alone. In
 * the product it would be one entry of the table in uapi/revision.ts.
 */
import { expect, test } from '@playwright/test';
import { CASE_SCHEMA, type Case } from '../../model/case.ts';
import type { Observation } from '../../model/observation.ts';
import { judge, rulesReached } from '../../oracles/judge.ts';
import { predict } from '../../oracles/predict.ts';
import { rulesOf } from '../../oracles/rules/describe.ts';
import { runIdeal } from '../../oracles/testing/ideal-kernel.ts';
import { casesOf, conformancePlan } from '../../plan/plan.ts';
import { emitC } from '../../reproducers/emit-c.ts';
import { revisions, type Revision, type RevisionId } from '../../uapi/revision.ts';

const { SID: _SID, ...configFlags } = revisions.r3.configFlags;
const r4: Revision = {
  ...revisions.r3,
  // The table has no such name.
  id: 'r4' as RevisionId,
  title: 'made up',
  initBit: 52,
  minor: 104,
  opcodes: { ...revisions.r3.opcodes, IOMAP_CONFIG: 4070 },
  notifications: { ...revisions.r3.notifications, IOMAP_UPSERT_MAPPINGS: 120 },
  // An answer to CONFIG that says SID is refused here.
  configFlags,
  lacksRules: new Set(['map/instruction-no-addr', 'config/time-granularity', 'devinval/offset-in-device']),
};

const options = { revision: r4 };
const configured = (flags: bigint): Case => ({
  schema: CASE_SCHEMA,
  revision: r4.id,
  debugIomap: false,
  geometry: { mount: 'ordinary', devices: [], files: [{ sizeBytes: 4096n, attrFlags: ['IOMAP', 'EXCLUSIVE'] }] },
  script: [{ on: 'IOMAP_CONFIG', reply: { kind: 'config', flags: [flags], timeGranNs: 0 } }],
  workload: [{ call: 'open', file: 0, flags: ['rdonly'] }],
});
const SID = 1n,
  TIME = 0x10n;
/** A mount that went well, and a file that was opened. */
const mounted = (initBit: number): Observation => ({
  mount: { errno: 0, minor: 104, flags: 1n << BigInt(initBit), devices: [] },
  inodes: [77n],
  steps: [{ ret: 0n, errno: 0 }],
  events: [],
  deviceChanges: [],
  transcript: [],
});

test('should plan for its rules, and say which it lacks', () => {
  const plan = conformancePlan(r4);
  expect(new Set(plan.map(({ id }) => id)).size).toBe(plan.length);
  const about = (rule: string) => plan.filter((cell) => cell.rule === rule);
  expect(about('map/instruction-no-flags').some(({ cases }) => cases)).toBe(true);
  expect(about('map/instruction-no-addr').filter(({ cases }) => cases)).toEqual([]);
  for (const rule of ['config/time-granularity', 'devinval/offset-in-device'])
    expect([...new Set(about(rule).map(({ impossible }) => impossible))], rule).toEqual([
      'revision r4 has no such rule',
    ]);
  expect(rulesOf(r4).map(({ id }) => id)).not.toContain('config/time-granularity');
  expect(rulesOf(revisions.r3).map(({ id }) => id)).toContain('config/time-granularity');
});

test('should judge what a kernel that follows it does in each cell of its plan, and reach each rule where it is violated', () => {
  const wrong = conformancePlan(r4).flatMap((cell): object[] =>
    casesOf(cell, { seed: 4, runs: 1 })
      .slice(0, 2)
      .flatMap(({ case: drawnCase, note }): object[] => {
        const seen = runIdeal(drawnCase, options);
        const verdict = judge(drawnCase, seen, options);
        const reached = rulesReached(drawnCase, seen, options);
        const right =
          verdict.kind === 'conforms' &&
          (cell.reaches === undefined ||
            (cell.border === 'violating' ? reached.join() === cell.reaches : !reached.includes(cell.reaches)));
        return right ? [] : [{ cell: cell.id, note, verdict, reached }];
      }),
  );
  expect(wrong).toEqual([]);
});

test('should predict by its facts: what is refused, and what is not', () => {
  const refusal = (flags: bigint, revision: Revision) =>
    predict(configured(flags), revision).refusals.map((all) => all.map(({ rule }) => rule));
  expect(refusal(SID, r4)).toEqual([['config/flags-known']]);
  expect(refusal(SID, revisions.r3)).toEqual([[]]);
  expect(refusal(TIME, r4)).toEqual([[]]);
  expect(refusal(TIME, revisions.r3)).toEqual([['config/time-granularity']]);
});

test('should judge a record by it, and know when another revision explains that better', () => {
  const plain = configured(0n);
  expect(judge(plain, mounted(52), options)).toEqual({ kind: 'conforms' });
  expect(judge(plain, mounted(43), options)).toMatchObject({
    kind: 'deviates',
    deviations: [{ rule: 'init/offers-iomap', expected: 'INIT offers bit 52' }],
    conformsAs: ['r1', 'r2', 'r3'],
  });
  // A granularity of 0 is taken: right here, and wrong in the revision before.
  expect(judge(configured(TIME), mounted(52), options)).toEqual({ kind: 'conforms' });
  expect(judge(configured(TIME), mounted(43), { revision: revisions.r3 })).toMatchObject({ kind: 'deviates' });
});

test('should emit C with its numbers', () => {
  // A case of the revision before, for a kernel with other numbers.
  const value: Case = { ...configured(TIME), revision: 'r3' };
  const program = emitC(value, { deviations: [], clauses: new Map() }, r4);
  expect(emitC(value, { deviations: [], clauses: new Map() })).not.toContain('OP_IOMAP_CONFIG = 4070');
  expect(program).toContain('fuse-iomap, r4 (made up)');
  expect(program).toMatch(/#define INIT_IOMAP\s+\(1U << 20\)/);
  expect(program).toMatch(/#define IOMAP_MINOR\s+104/);
  expect(program).toContain('OP_IOMAP_CONFIG = 4070');
});
