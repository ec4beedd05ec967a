import { expect, test } from '@playwright/test';
import { buildMatrix, matrixCells } from './matrix.ts';
import { sampleRun } from './testing/scratch.ts';
import type { SampleOptions } from './testing/sample.ts';
import { judgeRun } from './verdict.ts';

async function verdictOf(options: SampleOptions) {
  const run = await sampleRun({ casesPerCell: 1, ...options });
  return judgeRun(run, buildMatrix(run));
}

test('should pass a complete run in which every judged case conforms, and name what was not run', async () => {
  expect(await verdictOf({})).toMatchObject({ kind: 'conforms', exitCode: 0, reasons: [] });
  const partly = await verdictOf({ notRun: ({ rule }) => (rule === 'map/retry-needs-cache' ? 'no mapping cache' : undefined) });
  expect(partly).toMatchObject({ kind: 'conforms', exitCode: 0, reasons: ['20 cases not run: no mapping cache'] });
});

test('should not pass a run in which nothing was judged', async () => {
  expect(await verdictOf({ notRun: () => 'this kernel has no fuse-iomap' })).toMatchObject({ kind: 'nothing-ran', exitCode: 4 });
  expect(await verdictOf({ unspecified: () => true })).toMatchObject({ kind: 'nothing-ran', exitCode: 4 });
});

test('should say that the revision is the likely cause when all that deviates conforms by another, and not when a part does', async () => {
  const deviates: SampleOptions['deviates'] = ({ id }) => /^map\/(type-known|flags-known)@read direct-read violating/.test(id);
  const { kind, reasons } = await verdictOf({ deviates, conformsAs: () => ['r2'] });
  expect(kind).toBe('deviates');
  expect(reasons[0]).toBe('the revision is the likely cause: each of the 2 cases that deviate from r3 conforms by r2; try --uapi r2');
  const partly = await verdictOf({ deviates, conformsAs: ({ rule }) => (rule === 'map/type-known' ? ['r2'] : []) });
  expect(partly.reasons.join()).not.toContain('revision');
});

test('should fail for one deviation among conforming cases, even when the run is incomplete or lost cases', async () => {
  const deviates: SampleOptions['deviates'] = ({ id }) => id === 'map/type-known@read direct-read violating';
  expect(await verdictOf({ deviates })).toMatchObject({ kind: 'deviates', exitCode: 1 });
  expect(await verdictOf({ deviates, killedAfter: 5 })).toMatchObject({ kind: 'deviates', exitCode: 1, headline: expect.stringContaining('incomplete') });
  expect(await verdictOf({ deviates, lost: ({ rule }) => rule === 'begin/error' })).toMatchObject({ kind: 'deviates', exitCode: 1 });
});

test('should not pass a run that lost a case or did not end', async () => {
  const lost = await verdictOf({ lost: ({ id }) => id === 'map/type-known@read direct-read violating' });
  expect(lost).toMatchObject({ kind: 'infrastructure', exitCode: 3, reasons: [expect.stringContaining('the VM hung')] });
  expect(await verdictOf({ killedAfter: 50 })).toMatchObject({ kind: 'incomplete', exitCode: 3 });
});

test('should show a cell whose legal side was not run as partly run, and one where both were as conforming', async () => {
  const run = await sampleRun({ casesPerCell: 1, notRun: ({ id }) => (id === 'map/type-known@read fiemap legal' ? 'no FIEMAP' : undefined) });
  const cells = new Map(matrixCells(buildMatrix(run)).map(({ row, cell }) => [`${row.label} ${cell.path}`, cell]));
  expect(cells.get('map/type-known@read fiemap')).toMatchObject({ status: 'conforms', partial: true, reasons: ['no FIEMAP'] });
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
