import { expect, test } from '@playwright/test';
import { compareRuns } from './compare.ts';
import { comparisonLines } from './compare-text.ts';
import type { SampleOptions } from './testing/sample.ts';
import { sampleRun } from './testing/scratch.ts';
import type { Run } from './run.ts';

const brokenLength: SampleOptions['deviates'] = ({ id }) => id === 'map/length-aligned@read seek-data violating';
const brokenType: SampleOptions['deviates'] = ({ id }) => id === 'map/type-known@read fiemap violating';
const otherKernel = { kernelRelease: '7.3.1', kernelImageHash: 'b'.repeat(64) };

const compare = async (...all: SampleOptions[]) =>
  compareRuns(await Promise.all(all.map((options) => sampleRun({ casesPerCell: 1, ...options }))));

test('should call a deviation that was not there before a regression, with the difference of the kernels', async () => {
  const comparison = await compare(
    { seed: 1 },
    {
      seed: 2,
      deviates: brokenLength,
      environment: {
        ...otherKernel,
        kernelConfig: [
          'CONFIG_FUSE_FS=y',
          'CONFIG_FUSE_IOMAP=y',
          '# CONFIG_FUSE_IOMAP_DEBUG is not set',
          'CONFIG_KASAN=n',
        ],
      },
    },
  );
  expect(comparison).toMatchObject({
    exitCode: 1,
    new: [{ key: 'map/length-aligned | accepted' }],
    gone: [],
    changed: [],
    flaky: [],
  });
  expect(comparison.kernel).toContainEqual({ field: 'kernel release', before: '7.3.0-iomapfuzz', after: '7.3.1' });
  expect(comparison.kernel).toContainEqual({ field: 'CONFIG_FUSE_IOMAP_DEBUG', before: 'y', after: 'not set' });
  expect(comparison.kernel.map(({ field }) => field)).not.toContain('CONFIG_KASAN');
  expect(comparison.circumstances).toContainEqual({ field: 'seed', before: '1', after: '2' });
  expect(comparisonLines(comparison)[0]).toMatch(/^REGRESSION: 1 new/);
});

test('should say before anything else that the tool or the revision is another, and not where both are the same', async () => {
  const lines = comparisonLines(
    await compare(
      { seed: 1, summary: { toolVersion: '0.1.0+aa' } },
      { seed: 1, deviates: brokenLength, summary: { toolVersion: '0.1.0+bb', revision: 'r2' } },
    ),
  );
  expect(lines[1]).toMatch(/^different versions of iomapfuzz \(0\.1\.0\+aa before, 0\.1\.0\+bb now\)/);
  expect(lines[2]).toMatch(/^judged by different revisions of the rules \(r3 before, r2 now\)/);
  expect(
    comparisonLines(await compare({ seed: 1 }, { seed: 2, deviates: brokenLength, environment: otherKernel }))[1],
  ).toMatch(/^new: /);
});

test('should find no regression in the same deviation with other drawn values', async () => {
  const comparison = await compare(
    { seed: 1, deviates: brokenLength },
    { seed: 2, deviates: brokenLength, environment: otherKernel },
  );
  expect(comparison).toMatchObject({
    exitCode: 0,
    new: [],
    changed: [],
    same: [{ key: 'map/length-aligned | accepted' }],
  });
});

test('should call a deviation gone only when its cell was judged again', async () => {
  const fixed = await compare({ seed: 1, deviates: brokenLength }, { seed: 2, environment: otherKernel });
  expect(fixed).toMatchObject({ exitCode: 0, gone: [{ key: 'map/length-aligned | accepted' }] });
  const silent = await compare(
    { seed: 1, deviates: brokenLength },
    { seed: 2, environment: otherKernel, notRun: ({ path }) => (path === 'seek-data' ? 'no seek' : undefined) },
  );
  expect(silent.gone).toEqual([]);
  expect(silent.exitCode).toBe(1);
  expect(silent.newlyNotRun).toContainEqual({
    cell: 'map/length-aligned@read seek-data',
    before: 'deviates',
    after: 'not-run',
    reason: 'no seek',
  });
});

test('should call what the same rule shows in another way changed, and what shows on another path as well', async () => {
  const violating =
    (path: RegExp): NonNullable<SampleOptions['deviates']> =>
    ({ rule, path: of, border }) =>
      rule === 'map/length-aligned' && border === 'violating' && path.test(of);
  const wider = await compare(
    { seed: 1, deviates: violating(/^seek-data$/) },
    { seed: 2, deviates: violating(/^seek/), environment: otherKernel },
  );
  expect(wider).toMatchObject({
    exitCode: 0,
    new: [],
    gone: [],
    changed: [
      {
        key: 'map/length-aligned | accepted',
        before: expect.stringMatching(/seek-data\)$/),
        after: expect.stringContaining('seek-hole'),
      },
    ],
  });
  // Another seed asks one kernel other questions.
  expect(
    await compare({ seed: 1, deviates: violating(/^seek-data$/) }, { seed: 2, deviates: violating(/^seek/) }),
  ).toMatchObject({ changed: [], same: [{}] });
  const [before, after] = [
    await sampleRun({ casesPerCell: 1, seed: 1, deviates: brokenLength }),
    await sampleRun({ casesPerCell: 1, seed: 2, deviates: brokenLength, environment: otherKernel }),
  ];
  Object.assign(after.findings[0]!, {
    id: '01234567',
    key: 'map/length-aligned | errno | EIO',
    title: 'map/length-aligned: fails with EIO',
  });
  expect(compareRuns([before, after])).toMatchObject({
    new: [],
    gone: [],
    changed: [
      { id: '01234567', before: expect.stringContaining('succeeds'), after: expect.stringContaining('fails with EIO') },
    ],
  });
});

test('should say of new findings on the same kernel image that the kernel did not change, and call them a regression on another', async () => {
  const same = await compare({ seed: 1 }, { seed: 2, deviates: brokenLength });
  expect([same.exitCode, ...comparisonLines(same).slice(0, 2)]).toEqual([
    1,
    'NEW FINDINGS: 1 new',
    expect.stringMatching(/^the kernel image is the same in both runs/),
  ]);
  const other = await compare({ seed: 1 }, { seed: 2, deviates: brokenLength, environment: otherKernel });
  expect(comparisonLines(other).slice(0, 2)).toEqual(['REGRESSION: 1 new', expect.stringMatching(/^new: /)]);
});

test('should call what comes and goes with the same kernel, tool and seed flaky, and with another kernel new', async () => {
  expect(await compare({}, { deviates: brokenType })).toMatchObject({
    flaky: [{ key: 'map/type-known | accepted' }],
    new: [],
  });
  expect(await compare({}, { deviates: brokenType, environment: otherKernel })).toMatchObject({
    flaky: [],
    new: [{ key: 'map/type-known | accepted' }],
  });
});

test('should use the whole history to find what is flaky', async () => {
  const comparison = await compare({ deviates: brokenType }, {}, { deviates: brokenType, environment: otherKernel });
  expect(comparison).toMatchObject({ flaky: [{ key: 'map/type-known | accepted' }], new: [], exitCode: 0 });
});

test('should not pass when the new run lost cases, broke off or judged nothing', async () => {
  expect(await compare({}, { lost: ({ path }) => path === 'fiemap' })).toMatchObject({ exitCode: 3 });
  expect(await compare({}, { killedAfter: 40 })).toMatchObject({ exitCode: 3 });
  expect(await compare({}, { notRun: () => 'no fuse-iomap' })).toMatchObject({ exitCode: 4 });
  expect(await compare({}, {})).toMatchObject({ exitCode: 0 });
});

test('should name what is newly not run once for each reason', async () => {
  const lines = comparisonLines(
    await compare({ seed: 1 }, { seed: 2, notRun: ({ path }) => (path === 'fiemap' ? 'no FIEMAP' : undefined) }),
  );
  expect(lines[0]).toBe('REGRESSION: 45 newly not run');
  expect(lines.filter((line) => line.startsWith('newly not run'))).toEqual([
    expect.stringMatching(
      /^newly not run: 45 cells now not run \(no FIEMAP\): map\/type-known@read fiemap, .* and 42 more$/,
    ),
  ]);
});

test('should not list every option when one of the configs is not known', async () => {
  const comparison = await compare({ seed: 1, environment: { kernelConfig: [] } }, { seed: 2 });
  expect(comparison.kernel).toEqual([{ field: 'kernel config', before: 'not known', after: '3 options that matter' }]);
});

test('should name the rules of many new findings before the findings', async () => {
  const broken = (rules: string[]): SampleOptions => ({
    seed: 2,
    environment: otherKernel,
    deviates: ({ rule, border }) => rules.includes(rule) && border === 'violating',
  });
  const [, rules, first] = comparisonLines(
    await compare({ seed: 1 }, broken(['map/length-aligned', 'map/type-known'])),
  );
  expect(rules).toMatch(/^new in 2 rules: map\/\S+, map\/\S+$/);
  expect(first).toMatch(/^new: [0-9a-f]{8} map\//);
  // One rule is named by its findings.
  expect(comparisonLines(await compare({ seed: 1 }, broken(['map/type-known'])))[1]).toMatch(
    /^new: [0-9a-f]{8} map\/type-known/,
  );
});

test('should call a finding new that does not show in every replay, unless it was seen before', async () => {
  const shaky = async (options: SampleOptions): Promise<Run> => {
    const run = await sampleRun({ casesPerCell: 1, deviates: brokenType, ...options });
    run.findings[0]!.reliability = { shown: 3, of: 5 };
    return run;
  };
  const clean = await sampleRun({ casesPerCell: 1, seed: 1 });
  const first = compareRuns([clean, await shaky({ seed: 2, environment: otherKernel })]);
  expect(first).toMatchObject({
    exitCode: 1,
    flaky: [],
    new: [{ key: 'map/type-known | accepted', note: 'shows in 3 of 5 replays: flaky' }],
  });
  expect(comparisonLines(first)[1]).toContain('3 of 5 replays');
  expect(
    compareRuns([await shaky({ seed: 1 }), clean, await shaky({ seed: 2, environment: otherKernel })]),
  ).toMatchObject({ exitCode: 0, new: [], flaky: [{ key: 'map/type-known | accepted' }] });
});

test('should call a crash new that was never seen before, also where the kernel is the same, and one that was seen flaky', async () => {
  const incidents = [
    { reason: 'the kernel panicked: between (1 of 2 tries)', when: 'while no case was running', log: 'BUG: between' },
  ];
  const crashed: SampleOptions = { summary: { incidents } };
  expect(await compare({}, crashed)).toMatchObject({ exitCode: 1, new: [{ rule: 'kernel/healthy' }], flaky: [] });
  expect(await compare(crashed, {}, crashed)).toMatchObject({
    exitCode: 0,
    new: [],
    flaky: [{ rule: 'kernel/healthy' }],
  });
});

test('should call wrong bytes new that were never seen before, also where kernel, tool and seed are the same', async () => {
  const bytes = async (): Promise<Run> => {
    const run = await sampleRun({ casesPerCell: 1, deviates: brokenType });
    run.findings[0]!.severity = 'bytes';
    return run;
  };
  const clean = await sampleRun({ casesPerCell: 1 });
  expect(compareRuns([clean, await bytes()])).toMatchObject({ exitCode: 1, new: [{}], flaky: [] });
  expect(compareRuns([await bytes(), clean, await bytes()])).toMatchObject({ exitCode: 0, new: [], flaky: [{}] });
});
