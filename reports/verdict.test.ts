import { expect, test } from '@playwright/test';
import type { RunSummary } from '../model/run-summary.ts';
import { buildMatrix, matrixCells } from './matrix.ts';
import { reportInput } from './reporter.ts';
import { reporters } from './reporters.ts';
import { sampleRun } from './testing/scratch.ts';
import type { SampleOptions } from './testing/sample.ts';
import { judgeRun } from './verdict.ts';

async function verdictOf(options: SampleOptions) {
  const run = await sampleRun({ casesPerCell: 1, ...options });
  return judgeRun(run, buildMatrix(run));
}

test('should pass a complete run in which every judged case conforms, and name what was not run', async () => {
  expect(await verdictOf({})).toMatchObject({ kind: 'conforms', exitCode: 0, reasons: [] });
  const partly = await verdictOf({
    notRun: ({ rule }) => (rule === 'map/retry-needs-cache' ? 'no mapping cache' : undefined),
  });
  expect(partly).toMatchObject({ kind: 'conforms', exitCode: 0, reasons: ['20 cases not run: no mapping cache'] });
});

test('should not pass a run in which nothing was judged', async () => {
  expect(await verdictOf({ notRun: () => 'this kernel has no fuse-iomap' })).toMatchObject({
    kind: 'nothing-ran',
    exitCode: 4,
  });
  expect(await verdictOf({ unspecified: () => true })).toMatchObject({ kind: 'nothing-ran', exitCode: 4 });
});

test('should say that the revision is the likely cause when all that deviates conforms by another, and not when a part does', async () => {
  const deviates: SampleOptions['deviates'] = ({ id }) =>
    /^map\/(type-known|flags-known)@read direct-read violating/.test(id);
  const { kind, reasons } = await verdictOf({ deviates, conformsAs: () => ['r2'] });
  expect(kind).toBe('deviates');
  expect(reasons[0]).toBe(
    'the revision is the likely cause: each of the 2 cases that deviate from r3 conforms by r2; try --uapi r2',
  );
  const partly = await verdictOf({ deviates, conformsAs: ({ rule }) => (rule === 'map/type-known' ? ['r2'] : []) });
  expect(partly.reasons.join()).not.toContain('revision');
});

test('should fail for one deviation among conforming cases, even when the run is incomplete or lost cases', async () => {
  const deviates: SampleOptions['deviates'] = ({ id }) => id === 'map/type-known@read direct-read violating';
  expect(await verdictOf({ deviates })).toMatchObject({ kind: 'deviates', exitCode: 1 });
  expect(await verdictOf({ deviates, killedAfter: 5 })).toMatchObject({
    kind: 'deviates',
    exitCode: 1,
    headline: expect.stringContaining('incomplete'),
  });
  expect(await verdictOf({ deviates, lost: ({ rule }) => rule === 'begin/error' })).toMatchObject({
    kind: 'deviates',
    exitCode: 1,
  });
});

test('should not pass a run that lost a case or did not end', async () => {
  const lost = await verdictOf({ lost: ({ id }) => id === 'map/type-known@read direct-read violating' });
  expect(lost).toMatchObject({
    kind: 'infrastructure',
    exitCode: 3,
    reasons: [expect.stringContaining('the VM hung')],
  });
  expect(await verdictOf({ killedAfter: 50 })).toMatchObject({ kind: 'incomplete', exitCode: 3 });
});

test('should show a cell whose legal side was not run as partly run, and one where both were as conforming', async () => {
  const run = await sampleRun({
    casesPerCell: 1,
    notRun: ({ id }) => (id === 'map/type-known@read fiemap legal' ? 'no FIEMAP' : undefined),
  });
  const cells = new Map(matrixCells(buildMatrix(run)).map(({ row, cell }) => [`${row.label} ${cell.path}`, cell]));
  expect(cells.get('map/type-known@read fiemap')).toMatchObject({
    status: 'conforms',
    partial: true,
    reasons: ['no FIEMAP'],
  });
  expect(cells.get('map/type-known@read seek-data')).toMatchObject({ status: 'conforms', partial: false });
  expect(cells.get('begin/device-writable seek-data')).toMatchObject({ status: 'impossible' });
});

test('should not show a cell without cases as conforming', async () => {
  const run = await sampleRun({ killedAfter: 3 });
  const cells = matrixCells(buildMatrix(run)).map(({ cell }) => cell.status);
  expect(cells.filter((status) => status === 'conforms').length).toBe(2);
  expect(cells.filter((status) => status === 'not-run').length).toBeGreaterThan(100);
});

test('should call a case that conforms and deviates in one run flaky', async () => {
  const run = await sampleRun({ casesPerCell: 1 });
  expect(judgeRun({ ...run, flaky: ['abc'] }, buildMatrix(run)).reasons).toEqual([expect.stringContaining('flaky')]);
});

test('should not pass a run that has fewer cases than were planned, nor one of which that is not known', async () => {
  const unknownPlan = { planned: undefined } as unknown as Partial<RunSummary>;
  const whole = await verdictOf({});
  expect(whole).toMatchObject({ kind: 'conforms', exitCode: 0 });
  expect(await verdictOf({ summary: { planned: 100_000 } })).toMatchObject({
    kind: 'infrastructure',
    exitCode: 3,
    headline: expect.stringContaining('100000 cases were planned') as unknown,
  });
  const old = await verdictOf({ summary: unknownPlan });
  expect(old).toMatchObject({
    kind: 'incomplete',
    exitCode: 3,
    headline: expect.stringContaining('not known') as unknown,
  });
  expect(
    await verdictOf({ summary: unknownPlan, deviates: ({ rule }) => rule === 'map/length-nonzero' }),
  ).toMatchObject({ kind: 'deviates', exitCode: 1 });
});

test('should fail for what the kernel did while no case was running, and show its log', async () => {
  const incident = {
    reason: 'the kernel panicked: between',
    when: 'while no case was running',
    log: 'BUG: between\nKernel panic',
  };
  const run = await sampleRun({ casesPerCell: 1, summary: { incidents: [incident] } });
  expect(judgeRun(run, buildMatrix(run))).toMatchObject({
    kind: 'deviates',
    exitCode: 1,
    headline: expect.stringMatching(/1 finding in 1 rule; none of \d+ judged cases shows it$/) as unknown,
  });
  expect(run.findings).toMatchObject([{ rule: 'kernel/healthy', example: { consoleTail: incident.log } }]);
  for (const reporter of reporters) {
    const text = await reporter.render(reportInput(run, new Map()));
    expect(text, reporter.format).toContain('the kernel panicked: between');
  }
});

test('should say in every format when the kernel did what no case shows, and how much of that was not kept', async () => {
  const log = 'BUG: between\nKernel panic';
  const incidents = [
    { reason: 'the kernel panicked: between', when: 'while no case was running', log },
    { reason: 'the kernel panicked: between', when: 'at the last unmount', log },
    { reason: 'WARNING: fs/super.c:759 at generic_shutdown_super', when: 'at boot, before the first case', log },
  ];
  const run = await sampleRun({ casesPerCell: 1, summary: { incidents, omitted: { incidents: 3, notices: 1 } } });
  for (const reporter of reporters) {
    const text = (await reporter.render(reportInput(run, new Map()))).replace(/\s+/g, ' ');
    expect(text, reporter.format).toContain('at boot, before the first case');
    expect(text, reporter.format).toContain('while no case was running; and at 1 more moment');
    expect(text, reporter.format).toContain('3 further findings and 1 further notice');
    expect(text, reporter.format).not.toMatch(/\b0 cases\)|on several|case none/);
  }
  const whole = await sampleRun({ casesPerCell: 1, summary: { incidents } });
  for (const reporter of reporters)
    expect(await reporter.render(reportInput(whole, new Map())), reporter.format).not.toContain('further notice');
});

test('should tell of a kernel that went down in a smaller form of a case with that case, and not beside the finding that it is', async () => {
  const { case: value } = (await sampleRun({ casesPerCell: 1, deviates: ({ rule }) => rule === 'map/length-aligned' }))
    .findings[0]!.example;
  const shownBy = {
    case: value!,
    file: 'findings/0123456789ab.case.json',
    reliability: { shown: 1, of: 2 },
    finding: '01234567',
  };
  const incident = {
    reason: 'the kernel panicked: smaller (1 of 2 tries)',
    when: 'in a smaller form of a case of finding 12345678',
    log: 'Kernel panic',
    candidates: ['0123456789abcdef'],
    shownBy,
  };
  const run = await sampleRun({ casesPerCell: 1, summary: { incidents: [incident] } });
  expect(judgeRun(run, buildMatrix(run))).toMatchObject({ kind: 'deviates', exitCode: 1 });
  for (const reporter of reporters) {
    const text = await reporter.render(reportInput(run, new Map()));
    expect(text, reporter.format).toMatch(/flaky/);
    // KTAP has no commands.
    if (reporter.format !== 'ktap') expect(text, reporter.format).toContain('findings/0123456789ab.case.json');
  }
});
