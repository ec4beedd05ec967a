/** Known deviations: they fail nothing while they count, and nothing hides behind them. */
import { expect, test } from '@playwright/test';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExpectedDeviation } from '../model/expectations.ts';
import type { CaseRecord } from '../model/results.ts';
import type { Deviation } from '../model/verdict.ts';
import { compareRuns } from './compare.ts';
import { buildMatrix, matrixCells } from './matrix.ts';
import { reportInput } from './reporter.ts';
import { reporters } from './reporters.ts';
import { loadRun, type Run } from './run.ts';
import { renderTerminal } from './terminal.ts';
import { sampleRuleTexts } from './testing/rules.ts';
import { writeSample, type SampleOptions } from './testing/sample.ts';
import { scratch } from './testing/scratch.ts';
import { judgeRun } from './verdict.ts';

const known: ExpectedDeviation = {
  rule: 'map/length-aligned',
  path: 'fiemap',
  kernel: '7.3*',
  reason: 'repair is on its way',
  link: 'https://example.org/1',
  expires: '2026-12-31',
};
const onFiemap: SampleOptions['deviates'] = ({ rule, path, border }) =>
  rule === 'map/length-aligned' && path === 'fiemap' && border === 'violating';
const everywhere: SampleOptions['deviates'] = ({ rule, border }) =>
  rule === 'map/length-aligned' && border === 'violating';

async function run(
  deviates: SampleOptions['deviates'],
  expectations: ExpectedDeviation[],
  summary: SampleOptions['summary'] = {},
): Promise<Run> {
  const directory = scratch();
  writeSample(directory, { ...(deviates && { deviates }), summary: { expectations, ...summary } });
  const loaded = await loadRun(directory);
  if (loaded.kind !== 'run') throw new Error(loaded.kind);
  return loaded.run;
}
const verdictOf = (oneRun: Run) => judgeRun(oneRun, buildMatrix(oneRun));

test('should pass a run whose deviations are all expected, and say which', async () => {
  const oneRun = await run(onFiemap, [known]);
  const verdict = verdictOf(oneRun);
  expect(verdict).toMatchObject({ kind: 'conforms', exitCode: 0 });
  expect(verdict.headline).toContain('the others deviate as expected');
  expect(verdict.reasons.join('\n')).toMatch(
    /expected until 2026-12-31: [0-9a-f]{8} map\/length-aligned: fiemap succeeds, must fail with EUCLEAN \(4 cases\)/,
  );
  expect(
    matrixCells(buildMatrix(oneRun))
      .filter(({ cell }) => cell.status === 'expected')
      .map(({ row, cell }) => `${row.label} ${cell.path}`),
  ).toEqual(['map/length-aligned@read fiemap', 'map/length-aligned@write fiemap']);
});

test('should fail a run with the same deviation on another path', async () => {
  const verdict = verdictOf(await run(everywhere, [known]));
  expect(verdict).toMatchObject({ kind: 'deviates', exitCode: 1 });
  expect(verdict.headline).toMatch(/^DEVIATES: 1 finding in 1 rule/);
});

test('should fail a run after the last day, and say why', async () => {
  const verdict = verdictOf(await run(onFiemap, [{ ...known, expires: '2026-11-20' }]));
  expect(verdict.exitCode).toBe(1);
  expect(verdict.reasons.join('\n')).toContain('ran out on 2026-11-20 and counts no more; it still deviates');
  expect(verdictOf(await run(onFiemap, [{ ...known, expires: '2026-11-21' }])).exitCode).toBe(0);
});

test('should tell of an expected deviation that does not happen any more, but only where something was judged', async () => {
  expect(verdictOf(await run(undefined, [known])).reasons.join('\n')).toContain(
    'an expected deviation did not happen: map/length-aligned on fiemap',
  );
  expect(verdictOf(await run(undefined, [{ ...known, path: 'mmap' }])).reasons.join('\n')).not.toContain(
    'did not happen',
  );
});

test('should apply another list than the one the run was started with, and only to kernels that it names', async () => {
  const { directory } = await run(onFiemap, []);
  for (const [kernel, exitCode] of [
    ['7.3*', 0],
    ['7.4*', 1],
  ] as const) {
    const again = await loadRun(directory, [{ ...known, kernel }]);
    expect(again.kind === 'run' && verdictOf(again.run).exitCode).toBe(exitCode);
  }
});

test('should say in every format that a deviation is expected', async () => {
  const input = reportInput(await run(onFiemap, [known]), sampleRuleTexts);
  for (const reporter of reporters) {
    const text = await reporter.render(input);
    expect(text, reporter.format).toContain('repair is on its way');
    expect(text, reporter.format).not.toMatch(/<failure|^not ok/m);
  }
  expect(
    renderTerminal(input.run, input.matrix, input.verdict, {
      widthColumns: 120,
      colour: false,
      rules: sampleRuleTexts,
    }),
  ).toContain('known 2/4');
});

test('should call an expected deviation neither new nor gone', async () => {
  const [clean, expected, expired] = [
    await run(undefined, [known]),
    await run(onFiemap, [known]),
    await run(onFiemap, [{ ...known, expires: '2026-11-20' }]),
  ];
  expect(compareRuns([clean, expected])).toMatchObject({
    new: [],
    expected: [{ rule: 'map/length-aligned' }],
    exitCode: 0,
  });
  expect(compareRuns([expired, expected])).toMatchObject({ gone: [], exitCode: 0 });
  expect(compareRuns([expected, expired])).toMatchObject({
    new: [{ note: expect.stringContaining('expected before') }],
    exitCode: 1,
  });
});

test('should expect no crash by its rule, and one by its id', async () => {
  const incidents = [
    { reason: 'the kernel panicked: between', when: 'while no case was running', log: 'BUG: between' },
  ];
  const healthy = { ...known, rule: 'kernel/healthy', path: undefined } as unknown as ExpectedDeviation;
  const byRule = await run(undefined, [healthy, { ...healthy, rule: '*' }], { incidents });
  expect(verdictOf(byRule)).toMatchObject({ kind: 'deviates', exitCode: 1 });
  const byId = await run(undefined, [{ ...healthy, id: byRule.findings[0]!.id }], { incidents });
  expect(verdictOf(byId)).toMatchObject({ kind: 'conforms', exitCode: 0 });
});

test('should fail a run in which a case shows, beside what is expected, that the kernel is not healthy', async () => {
  const directory = scratch();
  writeSample(directory, { deviates: onFiemap, summary: { expectations: [known] } });
  const path = join(directory, 'cases.jsonl');
  const records = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as CaseRecord);
  const deviating = records.find(({ verdict }) => verdict.kind === 'deviates')!.verdict as { deviations: Deviation[] };
  deviating.deviations.push({
    rule: 'kernel/bug',
    aspect: 'kernel-log',
    expected: 'no bug',
    seen: 'BUG: KASAN: slab-use-after-free in iomap_iter',
  });
  writeFileSync(path, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  const loaded = await loadRun(directory);
  if (loaded.kind !== 'run') throw new Error(loaded.kind);
  expect(verdictOf(loaded.run)).toMatchObject({ kind: 'deviates', exitCode: 1 });
  for (const reporter of reporters)
    expect(await reporter.render(reportInput(loaded.run, sampleRuleTexts)), reporter.format).toContain('KASAN');
  expect(compareRuns([await run(onFiemap, [known]), loaded.run])).toMatchObject({
    exitCode: 1,
    new: [{ rule: 'kernel/bug' }],
  });
});
