import { expect, test } from '@playwright/test';
import { appendFileSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { explainProblem } from './errors.ts';
import { loadRun } from './run.ts';
import { sampleDirectory, scratch } from './testing/scratch.ts';
import { judgeRun } from './verdict.ts';
import { buildMatrix } from './matrix.ts';

const editSummary = (directory: string, edit: (summary: Record<string, unknown>) => void): void => {
  const path = join(directory, 'summary.json');
  const summary = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  edit(summary);
  writeFileSync(path, JSON.stringify(summary));
};

test('should read every case of a complete run and count them itself', async () => {
  const loaded = await loadRun(sampleDirectory({ casesPerCell: 1 }));
  expect(loaded.kind).toBe('run');
  if (loaded.kind !== 'run') return;
  expect(loaded.run.cases.length).toBe(loaded.run.counts.conforms);
  expect(loaded.run.cases.map(({ n }) => n)).toEqual([...loaded.run.cases.keys()]);
  expect(loaded.run.damage).toEqual([]);
});

test('should name a directory that does not exist, one that is something else, and a file', async () => {
  const folder = scratch();
  expect(await loadRun(join(folder, 'nowhere'))).toMatchObject({ kind: 'absent' });
  expect(await loadRun(folder)).toMatchObject({ kind: 'not-results' });
  writeFileSync(join(folder, 'file'), '');
  expect(await loadRun(join(folder, 'file'))).toMatchObject({ kind: 'not-results' });
});

test('should believe no record of a case that conforms although the kernel went down in one of its tries', async () => {
  const directory = sampleDirectory({ casesPerCell: 1 });
  const path = join(directory, 'cases.jsonl');
  const [first, ...rest] = readFileSync(path, 'utf8').split('\n');
  const record = JSON.parse(first!) as Record<string, unknown>;
  const crashed = { ...record, tries: 2, crashes: [{ reason: 'the kernel panicked', console: '' }] };
  writeFileSync(path, [JSON.stringify(crashed), ...rest].join('\n'));
  expect(await loadRun(directory)).toMatchObject({
    kind: 'corrupt',
    line: 1,
    detail: expect.stringMatching(/went down .* verdict is conforms/),
  });
});

test('should refuse a newer format before it looks at anything else', async () => {
  const directory = sampleDirectory({ casesPerCell: 1 });
  editSummary(directory, (summary) => {
    summary['format'] = 2;
    delete summary['cells'];
  });
  const problem = await loadRun(directory);
  expect(problem).toMatchObject({ kind: 'newer-format', found: 2, known: 1 });
  if (problem.kind !== 'run') expect(explainProblem(problem)).toContain('use the version of iomapfuzz that wrote it');
});

test('should say which field of summary.json is wrong', async () => {
  const directory = sampleDirectory({ casesPerCell: 1 });
  editSummary(directory, (summary) => {
    (summary['counts'] as Record<string, unknown>)['lost'] = -1;
  });
  expect(await loadRun(directory)).toMatchObject({ kind: 'corrupt', detail: expect.stringContaining('counts.lost') });
  writeFileSync(join(directory, 'summary.json'), '{"format": 1,');
  expect(await loadRun(directory)).toMatchObject({ kind: 'corrupt' });
});

test('should keep what stands before a last line that breaks off, and refuse a damaged line in the middle', async () => {
  const directory = sampleDirectory({ casesPerCell: 1 });
  const path = join(directory, 'cases.jsonl');
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  truncateSync(path, readFileSync(path).length - 20);
  const loaded = await loadRun(directory);
  expect(loaded).toMatchObject({
    kind: 'run',
    run: {
      damage: [
        expect.stringContaining(`line ${lines.length}`),
        expect.stringContaining('cases.jsonl holds'),
        expect.stringContaining('1 cell of the plan has no case'),
      ],
    },
  });
  if (loaded.kind === 'run') expect(loaded.run.cases.length).toBe(lines.length - 1);

  writeFileSync(path, [...lines.slice(0, 4), lines[4]!.slice(0, 30), ...lines.slice(5)].join('\n'));
  expect(await loadRun(directory)).toMatchObject({ kind: 'corrupt', line: 5 });
});

test('should take a whole last record that only lacks its newline', async () => {
  const directory = sampleDirectory({ casesPerCell: 1 });
  const path = join(directory, 'cases.jsonl');
  truncateSync(path, readFileSync(path).length - 1);
  expect(await loadRun(directory)).toMatchObject({ kind: 'run', run: { damage: [] } });
});

test('should refuse two cases at one position and a cell that the plan does not have', async () => {
  const directory = sampleDirectory({ casesPerCell: 1 });
  const path = join(directory, 'cases.jsonl');
  const [first] = readFileSync(path, 'utf8').split('\n');
  appendFileSync(path, `${first}\n`);
  expect(await loadRun(directory)).toMatchObject({ kind: 'corrupt', detail: expect.stringContaining('position 0') });
  writeFileSync(path, `${first!.replace('"cell":"map/', '"cell":"nap/')}\n`);
  expect(await loadRun(directory)).toMatchObject({ kind: 'corrupt', detail: expect.stringContaining('nap/') });
});

test('should report a run that was killed before its first case as no verdict', async () => {
  const directory = sampleDirectory({ killedAfter: 0 });
  rmSync(join(directory, 'cases.jsonl'));
  const loaded = await loadRun(directory);
  expect(loaded.kind).toBe('run');
  if (loaded.kind === 'run') expect(judgeRun(loaded.run, buildMatrix(loaded.run))).toMatchObject({ exitCode: 3 });
});

test('should read 100,000 cases', async () => {
  const directory = join(scratch(), 'run');
  mkdirSync(directory);
  const cell = { id: 'map/a seek-data', rule: 'map/a', path: 'seek-data' };
  const count = 100_000;
  writeFileSync(
    join(directory, 'cases.jsonl'),
    Array.from(
      { length: count },
      (_, n) =>
        `${JSON.stringify({ n, cell: cell.id, hash: `h${n}`, note: `length ${n}`, seed: 1, verdict: { kind: 'conforms' } })}\n`,
    ).join(''),
  );
  writeFileSync(
    join(directory, 'summary.json'),
    JSON.stringify({
      format: 1,
      kind: 'conformance',
      toolVersion: '0',
      argv: [],
      revision: 'r3',
      seed: 1,
      startedAt: '2026-01-01T00:00:00Z',
      elapsedMs: 1,
      complete: true,
      planned: count,
      cells: [cell],
      counts: { conforms: count, deviates: 0, unspecified: 0, 'not-run': 0, lost: 0 },
      notices: [],
      vms: { booted: 1, lost: 0, bootMs: [] },
    }),
  );
  const loaded = await loadRun(directory);
  expect(loaded).toMatchObject({ kind: 'run', run: { counts: { conforms: count } } });
});

test('should take cases without a summary for a run that was killed, not for something else', async () => {
  const folder = scratch();
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'cases.jsonl'), '');
  const problem = await loadRun(folder);
  expect(problem).toMatchObject({ kind: 'no-summary' });
  if (problem.kind !== 'run') expect(explainProblem(problem)).toMatch(/^NO VERDICT: .* was killed before/);
});
