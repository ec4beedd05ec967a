/** Results whose parts contradict each other pass no job; what a run really leaves does. */
import { expect, test } from '@playwright/test';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { encodeCase } from '../model/case.ts';
import type { CaseRecord, FindingRecord } from '../model/results.ts';
import type { CellInfo, RunSummary } from '../model/run-summary.ts';
import type { Deviation, Unjudged } from '../model/verdict.ts';
import { compareRuns } from './compare.ts';
import { buildMatrix } from './matrix.ts';
import { mergeRuns } from './merge.ts';
import { reportInput } from './reporter.ts';
import { reporters } from './reporters.ts';
import { loadRun, type Run } from './run.ts';
import type { SampleOptions } from './testing/sample.ts';
import { sampleDirectory, sampleRun, scratch } from './testing/scratch.ts';
import { judgeRun } from './verdict.ts';

const broken = ({ id }: { id: string }): boolean => id === 'map/length-aligned@read seek-data violating';
const lost = ({ id }: { id: string }): boolean => id === 'map/type-known@read fiemap legal';

/** A record whose case is one of this version. */
type Stored = CaseRecord & { case?: ReturnType<typeof encodeCase> };

const recordsOf = (directory: string): Stored[] =>
  readFileSync(join(directory, 'cases.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Stored);
const summaryOf = (directory: string): RunSummary =>
  JSON.parse(readFileSync(join(directory, 'summary.json'), 'utf8')) as RunSummary;

/** Changes records and makes the numbers of the summary those of the records. */
function change(directory: string, records: CaseRecord[], summary: Partial<RunSummary> = {}): string {
  const counts = { conforms: 0, deviates: 0, unspecified: 0, 'not-run': 0, lost: 0 };
  for (const { verdict } of records) counts[verdict.kind] += 1;
  writeFileSync(join(directory, 'cases.jsonl'), records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  writeFileSync(
    join(directory, 'summary.json'),
    JSON.stringify({ ...summaryOf(directory), counts, planned: records.length, ...summary }),
  );
  return directory;
}

async function load(directory: string): Promise<Run> {
  const loaded = await loadRun(directory);
  if (loaded.kind !== 'run') throw new Error(JSON.stringify(loaded));
  return loaded.run;
}

const exitCode = (run: Run): number => judgeRun(run, buildMatrix(run)).exitCode;
const finding = (example: CaseRecord): FindingRecord => ({
  id: '01234567',
  rule: 'map/length-aligned',
  file: 'findings/x.case.json',
  example,
});
const deviation: Deviation = { rule: 'map/length-aligned', aspect: 'errno', expected: 'EUCLEAN', seen: 'success' };

/** Results with a line of findings.jsonl, made of the first record that a test chooses. */
function withFinding(
  options: SampleOptions,
  of: (record: CaseRecord) => boolean,
  verdict: CaseRecord['verdict'],
): string {
  const directory = sampleDirectory({ casesPerCell: 1, ...options });
  const record = recordsOf(directory).find(of)!;
  appendFileSync(join(directory, 'findings.jsonl'), `${JSON.stringify(finding({ ...record, verdict }))}\n`);
  return directory;
}

test('should not pass results that hold a finding of a case that conforms, in any format, merged or compared', async () => {
  const directory = withFinding({}, ({ n }) => n === 3, { kind: 'deviates', deviations: [deviation] });
  const run = await load(directory);
  expect(run.damage).toEqual([
    expect.stringMatching(
      /^findings\.jsonl \(findings\/x\.case\.json\) holds a deviation of case 3, and cases\.jsonl says of that case 'conforms'/,
    ),
  ]);
  expect(exitCode(run)).toBe(3);
  for (const { format, render } of reporters)
    expect(await render(reportInput(run, new Map())), format).toContain('says of that case');
  expect(compareRuns([await sampleRun({ casesPerCell: 1 }), run]).exitCode).toBe(3);
  const out = join(scratch(), 'merged');
  expect(await mergeRuns([directory], out)).toMatchObject({ kind: 'merged', summary: { complete: false } });
  expect(exitCode(await load(out))).toBe(3);
});

test('should take a finding of a case that deviates for what it is, and name one whose example does not', async () => {
  const right = await load(
    withFinding({ deviates: broken }, ({ verdict }) => verdict.kind === 'deviates', {
      kind: 'deviates',
      deviations: [deviation],
    }),
  );
  expect([right.damage, exitCode(right)]).toEqual([[], 1]);
  const wrong = await load(
    withFinding({ deviates: broken }, ({ verdict }) => verdict.kind === 'deviates', { kind: 'conforms' }),
  );
  expect(wrong.damage).toEqual([expect.stringContaining('holds a finding whose example does not deviate (conforms)')]);
  const nowhere = await load(withFinding({}, () => true, { kind: 'deviates', deviations: [deviation] }));
  expect(nowhere.damage).toHaveLength(1);
});

test('should not pass a record whose hash or revision is not that of its case, and pass where only the origin of the case is another', async () => {
  const with1 = (edit: (record: Stored) => void): string => {
    const directory = sampleDirectory({ casesPerCell: 1, deviates: broken });
    const records = recordsOf(directory);
    const record = records.find(({ case: value }) => value !== undefined)!;
    // It conforms now, and nothing else fails the run.
    record.verdict = { kind: 'conforms' };
    edit(record);
    return change(directory, records);
  };
  const same = await load(
    with1((record) => {
      record.case!.provenance = { origin: 'elsewhere' };
    }),
  );
  expect([same.damage, exitCode(same)]).toEqual([[], 0]);
  const otherHash = await load(
    with1((record) => {
      record.hash = 'a'.repeat(64);
    }),
  );
  expect([otherHash.damage, exitCode(otherHash)]).toEqual([
    [expect.stringMatching(/^case \d+ of cases\.jsonl has the hash a{16}, which is not that of its case/)],
    3,
  ]);
  const otherCase = await load(
    with1((record) => {
      record.case!.geometry.files[0]!.sizeBytes = '1';
    }),
  );
  expect(exitCode(otherCase)).toBe(3);
  const otherRevision = await load(
    with1((record) => {
      record.case!.revision = 'r2';
    }),
  );
  expect([otherRevision.damage[0], exitCode(otherRevision)]).toEqual([
    expect.stringContaining('is of revision "r2", and the run was judged by r3'),
    3,
  ]);
});

test('should not pass judged cases of a cell that no case can exercise, and pass such a cell without cases', async () => {
  const marking = async (chosen: (cell: CellInfo) => boolean, notRun?: SampleOptions['notRun']): Promise<Run> => {
    const directory = sampleDirectory({ casesPerCell: 1, ...(notRun && { notRun }) });
    const { cells } = summaryOf(directory);
    return load(
      change(directory, recordsOf(directory), {
        cells: cells.map((cell) => (chosen(cell) ? { ...cell, impossible: 'no reason' } : cell)),
      }),
    );
  };
  const possible = await marking(() => false);
  expect(possible.summary.cells.some(({ impossible }) => impossible !== undefined)).toBe(true);
  expect([possible.damage, exitCode(possible)]).toEqual([[], 0]);
  const judged = await marking(broken);
  expect([judged.damage, exitCode(judged)]).toEqual([
    [
      expect.stringMatching(
        /^case \d+ of cases\.jsonl was judged \(conforms\) in the cell map\/length-aligned@read seek-data violating, which the plan says no case can exercise \(no reason\): files/,
      ),
    ],
    3,
  ]);
  // Nothing was tried: there is no judgement to contradict.
  expect((await marking(broken, (cell) => (broken(cell) ? 'no such call' : undefined))).damage).toEqual([]);
});

test('should not pass a record that says "conforms" and holds deviations or a reason, and pass one with an empty list', async () => {
  const of = async (parts: object): Promise<Run> => {
    const directory = sampleDirectory({ casesPerCell: 1 });
    const records = recordsOf(directory);
    Object.assign(records[3]!.verdict, parts);
    return load(change(directory, records));
  };
  const deviating = await of({ deviations: [deviation] });
  expect([deviating.damage, exitCode(deviating)]).toEqual([
    [expect.stringMatching(/^case 3 of cases\.jsonl says 'conforms', and holds deviations: files were changed/)],
    3,
  ]);
  expect(exitCode(await of({ deviations: 'one' }))).toBe(3);
  expect(exitCode(await of({ conformsAs: ['r2'] }))).toBe(3);
  expect(exitCode(await of({ reason: 'the VM hung' }))).toBe(3);
  for (const parts of [{}, { deviations: [] }]) {
    const run = await of(parts);
    expect([run.damage, exitCode(run)]).toEqual([[], 0]);
  }
});

test("should not pass cases that stand in each other's cells, and pass those that say nothing of a cell of this plan", async () => {
  const of = async (edit: (records: Stored[]) => void): Promise<Run> => {
    const directory = sampleDirectory({ casesPerCell: 1, deviates: (cell) => cell.rule === 'map/length-aligned' });
    const records = recordsOf(directory).filter(({ case: value }) => value !== undefined);
    // They conform now, and nothing else fails the run.
    for (const record of records) record.verdict = { kind: 'conforms' };
    edit(records);
    const all = new Map(records.map((record) => [record.n, record]));
    return load(
      change(
        directory,
        recordsOf(directory).map((record) => all.get(record.n) ?? record),
      ),
    );
  };
  const right = await of(() => {
    /* as they are */
  });
  expect([right.damage, exitCode(right)]).toEqual([[], 0]);
  const exchanged = await of(([a, b]) => {
    [a!.cell, b!.cell] = [b!.cell!, a!.cell!];
  });
  expect([exchanged.damage, exitCode(exchanged)]).toEqual([
    [expect.stringContaining('and was drawn for'), expect.stringContaining('and was drawn for')],
    3,
  ]);
  const older = await of((records) => {
    for (const { case: value } of records) value!.provenance = { origin: 'conformance map/length-aligned' };
  });
  expect([older.damage, exitCode(older)]).toEqual([[], 0]);
});

test('should not pass a campaign with a gap in its positions, but one that began elsewhere, aimed, or was ended by its time', async () => {
  const campaign = async (
    argv: string[],
    keep: (n: number) => boolean,
    more: Partial<RunSummary> = {},
  ): Promise<number> => {
    const directory = sampleDirectory({ casesPerCell: 1 });
    const records = recordsOf(directory)
      .filter(({ n }) => keep(n))
      .map(({ cell: _cell, ...record }) => record);
    return exitCode(
      await load(change(directory, records, { kind: 'fuzz', argv: ['fuzz', ...argv], cells: [], ...more })),
    );
  };
  expect(await campaign(['--runs', '162'], () => true)).toBe(0);
  expect(await campaign(['--runs', '161'], (n) => n !== 7)).toBe(3);
  expect(await campaign(['--runs=161'], (n) => n !== 0)).toBe(3);
  expect(await campaign(['--runs', '152', '--start', '10'], (n) => n >= 10)).toBe(0);
  expect(await campaign(['--runs', '20', '--rule', 'map/*'], (n) => n % 7 === 3)).toBe(0);
  expect(await campaign(['--time', '10m'], (n) => n !== 7)).toBe(0);
  const shard = { shard: { index: 2, count: 3 } };
  expect(await campaign(['--runs', '162', '--shard', '2/3'], (n) => n % 3 === 1, shard)).toBe(0);
  expect(await campaign(['--runs', '162', '--shard', '2/3'], (n) => n % 3 === 1 && n !== 31, shard)).toBe(3);
});

test('should not pass a campaign that its time ended and that lacks a case of an earlier piece', async () => {
  const directory = sampleDirectory({ casesPerCell: 1 });
  const [first] = recordsOf(directory).map(({ cell: _cell, ...record }) => record);
  const of = (keep: (n: number) => boolean): string =>
    change(
      directory,
      Array.from({ length: 5000 }, (_, n) => ({ ...first!, n })).filter(({ n }) => keep(n)),
      { kind: 'fuzz', argv: ['fuzz'], cells: [] },
    );
  expect(exitCode(await load(of((n) => n !== 100)))).toBe(3);
  expect(exitCode(await load(of((n) => n !== 4000)))).toBe(0);
  // Each shard of a merged one had an end of its own.
  const merged = of((n) => n < 900 || n % 2 === 0);
  writeFileSync(join(merged, 'summary.json'), JSON.stringify({ ...summaryOf(merged), shards: 2 }));
  expect(exitCode(await load(merged))).toBe(0);
});

test('should count a record as not run that says "conforms" and names all aspects as not judged, and as conforming when one was judged', async () => {
  const aspects: Unjudged['aspect'][] = [
    'errno',
    'result',
    'trace-event',
    'warn',
    'bytes-read',
    'device-bytes',
    'request',
    'kernel-log',
    'size',
  ];
  const unjudged = (count: number): Unjudged[] =>
    aspects.slice(0, count).map((aspect) => ({ aspect, reason: 'the guest said nothing' }));
  const of = async (count: number, stated?: RunSummary['counts']): Promise<Run> => {
    const directory = sampleDirectory({ casesPerCell: 1 });
    const records = recordsOf(directory);
    for (const record of records) record.verdict = { kind: 'conforms', unjudged: unjudged(count) };
    return load(change(directory, records, stated && { counts: stated }));
  };
  const none = await of(9);
  expect([none.counts.conforms, exitCode(none)]).toEqual([0, 3]);
  expect(none.cases[0]).toMatchObject({
    kind: 'not-run',
    reason: 'nothing of it was judged, because the guest said nothing',
  });
  const some = await of(8);
  expect([some.counts['not-run'], exitCode(some)]).toEqual([0, 0]);
  // The numbers agree: nothing was judged, which is no pass either.
  const honest = await of(9, { conforms: 0, deviates: 0, unspecified: 0, 'not-run': none.cases.length, lost: 0 });
  expect(exitCode(honest)).toBe(4);
});

test('should not pass results with a line of findings that is none, or that lacks its case, and pass those with half a line of a run that was killed', async () => {
  const whole = JSON.stringify(
    finding(
      recordsOf(sampleDirectory({ casesPerCell: 1, deviates: broken })).find(
        ({ verdict }) => verdict.kind === 'deviates',
      )!,
    ),
  );
  const { example, ...rest } = JSON.parse(whole) as FindingRecord;
  const { case: _case, ...without } = example;
  const lacksCase = `${JSON.stringify({ ...rest, example: without })}\n`;
  const of = async (text: string, complete = true): Promise<Run> => {
    const directory = sampleDirectory({
      casesPerCell: 1,
      ...(text === lacksCase && { deviates: broken }),
      ...(!complete && { killedAfter: 100_000 }),
    });
    writeFileSync(join(directory, 'findings.jsonl'), text);
    return load(directory);
  };
  for (const bad of [
    'this is not json\n',
    '{"x":1}\n',
    `${JSON.stringify(rest)}\n`,
    lacksCase,
    `${whole.slice(0, 40)}\n`,
  ]) {
    const run = await of(bad);
    expect(run.damage, bad).toHaveLength(1);
    expect(run.damage[0], bad).toMatch(/^line 1 of findings\.jsonl is no finding \(|holds a finding without the case/);
    expect(exitCode(run)).toBe(bad === lacksCase ? 1 : 3);
    expect(compareRuns([await sampleRun({ casesPerCell: 1 }), run]).exitCode).not.toBe(0);
    const out = join(scratch(), 'merged');
    expect(await mergeRuns([run.directory], out)).toMatchObject({ kind: 'merged', summary: { complete: false } });
    // A run that was killed leaves no such line before its last.
    expect((await of(bad, false)).damage).toHaveLength(1);
  }
  expect((await of(whole.slice(0, 40))).damage).toEqual([
    expect.stringContaining('breaks off, and the run is complete'),
  ]);
  expect((await of(whole.slice(0, 40), false)).damage).toEqual([]);
  const directory = sampleDirectory({ casesPerCell: 1, deviates: broken });
  writeFileSync(join(directory, 'findings.jsonl'), `${whole}\n`);
  const run = await load(directory);
  expect([run.damage, exitCode(run)]).toEqual([[], 1]);
});

test('should name few contradictions of one kind and count the others', async () => {
  const directory = sampleDirectory({ casesPerCell: 2, lost });
  const records = recordsOf(directory);
  const other = { ...records.find((one) => one.case)!.case!, provenance: { origin: 'elsewhere' } };
  for (const record of records) Object.assign(record, { hash: 'f'.repeat(64), case: other });
  const { damage } = await load(change(directory, records));
  expect(damage).toHaveLength(4);
  expect(damage[3]).toBe(`${records.length - 3} more contradictions of that kind`);
});
