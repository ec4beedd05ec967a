/** A comparison in which one run tried less than the other must not read as "nothing new". */
import { expect, test } from '@playwright/test';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunSummary } from '../model/run-summary.ts';
import { compareRuns, type Comparison } from './compare.ts';
import { comparisonLines } from './compare-text.ts';
import { loadRun, type Run } from './run.ts';
import type { SampleOptions } from './testing/sample.ts';
import { sampleDirectory, sampleRun } from './testing/scratch.ts';

const broken: SampleOptions['deviates'] = ({ id }) => id === 'map/length-aligned@read seek-data violating';

/** A sample as a campaign leaves it: its cases belong to no cell. */
async function campaign(options: SampleOptions & { argv?: string[] }): Promise<Run> {
  const { argv = ['fuzz', '--runs', '1000'], ...sample } = options;
  const directory = sampleDirectory({ casesPerCell: 1, ...sample });
  const [summaryFile, casesFile] = ['summary.json', 'cases.jsonl'].map((name) => join(directory, name)) as [
    string,
    string,
  ];
  const summary = JSON.parse(readFileSync(summaryFile, 'utf8')) as RunSummary;
  writeFileSync(summaryFile, JSON.stringify({ ...summary, kind: 'fuzz', argv, cells: [] }));
  writeFileSync(casesFile, readFileSync(casesFile, 'utf8').replace(/"cell":"[^"]*",/g, ''));
  const loaded = await loadRun(directory);
  if (loaded.kind !== 'run') throw new Error(JSON.stringify(loaded));
  return loaded.run;
}

const gapKinds = ({ gaps }: Comparison): string[] => gaps.map(({ side, kind }) => `${side} ${kind}`);

test('should give no verdict when the last campaign tried fewer cases, and one when it tried as many or more', async () => {
  const [large, small] = [await campaign({ casesPerCell: 2 }), await campaign({ casesPerCell: 1 })];
  const less = compareRuns([large, small]);
  expect([less.exitCode, gapKinds(less)]).toEqual([3, ['after fewer-cases']]);
  expect(comparisonLines(less).slice(0, 2)).toEqual([
    'NO VERDICT (the new run did not try all that the earlier one tried): no findings in either run',
    `the last run judged fewer cases (${small.cases.length}, the earlier run ${large.cases.length}): what it does not show may be there, undrawn`,
  ]);
  const more = compareRuns([small, large]);
  expect([more.exitCode, gapKinds(more)]).toEqual([0, ['before fewer-cases']]);
  expect(compareRuns([small, await campaign({ casesPerCell: 1 })])).toMatchObject({ exitCode: 0, gaps: [] });
});

test('should not call gone what a smaller campaign does not show', async () => {
  const before = await campaign({ casesPerCell: 2, deviates: broken });
  const smaller = compareRuns([before, await campaign({ casesPerCell: 1, seed: 2 })]);
  expect(smaller).toMatchObject({ exitCode: 3, gone: [], notTried: [{ key: 'map/length-aligned | accepted' }] });
  expect(comparisonLines(smaller).join('\n')).toMatch(/^not tried again: [0-9a-f]{8} map\/length-aligned/m);
  expect(compareRuns([before, await campaign({ casesPerCell: 2, seed: 2 })])).toMatchObject({
    exitCode: 0,
    gone: [{ key: 'map/length-aligned | accepted' }],
    notTried: [],
  });
});

test('should take about as many cases for as many where the time was limited, and not where the number was', async () => {
  const timed = ['fuzz', '--time', '10m'];
  const [all, most, half] = [{ casesPerCell: 11 }, { casesPerCell: 10 }, { casesPerCell: 6 }];
  expect(
    compareRuns([await campaign({ ...all, argv: timed }), await campaign({ ...most, argv: timed })]),
  ).toMatchObject({ exitCode: 0 });
  expect(
    compareRuns([await campaign({ ...all, argv: timed }), await campaign({ ...half, argv: timed })]),
  ).toMatchObject({ exitCode: 3 });
});

test('should say that campaigns of two seeds drew other cases, and of two plans nothing of the kind', async () => {
  const seeds = compareRuns([await campaign({ seed: 1 }), await campaign({ seed: 2 })]);
  expect([seeds.exitCode, gapKinds(seeds), comparisonLines(seeds)[1]]).toEqual([
    0,
    ['after other-cases'],
    expect.stringMatching(/drew other cases \(seed 1 before, 2 now\).* give --seed 1/),
  ]);
  expect(compareRuns([await sampleRun({ seed: 1 }), await sampleRun({ seed: 2 })]).gaps).toEqual([]);
});

test('should give no verdict when nothing was drawn that a rule must refuse where the earlier campaign did', async () => {
  const covered = { 'map/length-nonzero@read fiemap': 4, 'map/length-nonzero@read seek-data': 2 };
  const whole = await campaign({ summary: { covered } });
  const part = await campaign({ summary: { covered: { 'map/length-nonzero@read fiemap': 9 } } });
  const less = compareRuns([whole, part]);
  expect([less.exitCode, less.gaps[0]!.text]).toEqual([
    3,
    'the last run drew nothing that a rule must refuse in 1 place where the other did: map/length-nonzero@read seek-data',
  ]);
  expect(compareRuns([part, whole]).exitCode).toBe(0);
  // Another seed draws in other places.
  const other = compareRuns([
    whole,
    await campaign({ seed: 2, summary: { covered: { 'map/length-nonzero@read fiemap': 9 } } }),
  ]);
  expect([other.exitCode, gapKinds(other)]).toEqual([0, ['after places', 'after other-cases']]);
});

test('should say which run ended early, and give no verdict against results that are not whole', async () => {
  const [whole, part] = [
    await sampleRun({ casesPerCell: 1 }),
    await sampleRun({ casesPerCell: 1, killedAfter: 40, summary: { endedBy: 'interrupted by SIGINT', planned: 162 } }),
  ];
  const against = compareRuns([part, whole]);
  expect([against.exitCode, gapKinds(against)]).toEqual([3, ['before ended-early', 'before fewer-cases']]);
  expect(comparisonLines(against)[0]).toMatch(/^NO VERDICT \(the earlier run is incomplete or lost cases\)/);
  expect(against.gaps[0]!.text).toBe(
    'the earlier run ended early (interrupted by SIGINT) after 40 of 162 planned cases: what is new may have been there before',
  );
  expect(compareRuns([whole, part])).toMatchObject({
    exitCode: 3,
    gaps: [
      { side: 'after', kind: 'ended-early' },
      { side: 'after', kind: 'fewer-cases' },
    ],
  });
  expect(compareRuns([whole, whole])).toMatchObject({ exitCode: 0, gaps: [] });
  expect(compareRuns([await sampleRun({ notRun: () => 'no fuse-iomap' }), whole])).toMatchObject({ exitCode: 3 });
});

test('should call it a regression when only the side of a border that violates is not run any more, and not when it is unspecified', async () => {
  const violating = ({ path, border }: { path: string; border?: string }): boolean =>
    path === 'fiemap' && border === 'violating';
  const silent = compareRuns([
    await sampleRun({ seed: 1 }),
    await sampleRun({ seed: 2, notRun: (cell) => (violating(cell) ? 'no FIEMAP' : undefined) }),
  ]);
  expect(silent.exitCode).toBe(1);
  expect(silent.newlyNotRun).toContainEqual({
    cell: 'map/length-aligned@read fiemap (violating side)',
    before: 'conforms',
    after: 'not-run',
    reason: 'no FIEMAP',
  });
  expect(comparisonLines(silent).join('\n')).toMatch(
    /^newly not run: \d+ cells now not run \(no FIEMAP\): .* \(violating side\)/m,
  );
  expect(
    compareRuns([
      await sampleRun({ seed: 1 }),
      await sampleRun({ seed: 2, unspecified: ({ id }) => id === 'map/type-known@read fiemap violating' }),
    ]).newlyNotRun,
  ).toEqual([]);
});

test('should list what neither run judged, and say of a new finding that the earlier run did not try it', async () => {
  const notRun = ({ path }: { path: string }): string | undefined => (path === 'fiemap' ? 'no FIEMAP' : undefined);
  const [before, after] = [await sampleRun({ seed: 1, notRun }), await sampleRun({ seed: 2, notRun })];
  const both = compareRuns([before, after]);
  expect(both.exitCode).toBe(0);
  expect(comparisonLines(both).join('\n')).toMatch(/^judged in neither run: \d+ cells not run \(no FIEMAP\): /m);
  const untried = compareRuns([
    before,
    await sampleRun({ seed: 2, deviates: ({ id }) => id === 'map/type-known@read fiemap violating' }),
  ]);
  expect(untried).toMatchObject({ exitCode: 1, new: [{ note: 'what shows it was not tried in the earlier run' }] });
  const tried = compareRuns([before, await sampleRun({ seed: 2, deviates: broken })]);
  expect(tried.new[0]!.note).toBeUndefined();
});
