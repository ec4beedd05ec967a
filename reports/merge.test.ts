import { expect, test } from '@playwright/test';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { RunSummary } from '../model/run-summary.ts';
import { buildMatrix } from './matrix.ts';
import { explainMerge, mergeRuns } from './merge.ts';
import { loadRun } from './run.ts';
import { judgeRun } from './verdict.ts';
import type { SampleOptions } from './testing/sample.ts';
import { sampleDirectory, scratch } from './testing/scratch.ts';

const deviates: SampleOptions['deviates'] = ({ rule, border }) =>
  rule === 'map/length-aligned' && border === 'violating';
const shard = (index: number, count: number, more: SampleOptions = {}): string =>
  sampleDirectory({
    deviates,
    shard: { index, count },
    summary: { argv: ['conformance', '--seed', '42', '--shard', `${index}/${count}`, '--out', `part${index}`] },
    ...more,
  });
const summaryOf = (directory: string): RunSummary =>
  JSON.parse(readFileSync(join(directory, 'summary.json'), 'utf8')) as RunSummary;

test('should make of three shards what one machine leaves with the same seed', async () => {
  const whole = sampleDirectory({ deviates });
  const out = join(scratch(), 'merged');
  // In any order.
  const merged = await mergeRuns([shard(3, 3), shard(1, 3), shard(2, 3)], out);
  expect(merged.kind).toBe('merged');
  expect(readFileSync(join(out, 'cases.jsonl'), 'utf8')).toBe(readFileSync(join(whole, 'cases.jsonl'), 'utf8'));
  const { elapsedMs: _a, vms: _b, ...left } = summaryOf(out);
  const { elapsedMs: _c, vms: _d, ...right } = summaryOf(whole);
  expect(left).toEqual(right);
  expect(summaryOf(out).vms.booted).toBe(6);
  expect(readFileSync(join(out, 'console.log'), 'utf8').match(/^--- shard [123]$/gm)).toEqual([
    '--- shard 1',
    '--- shard 2',
    '--- shard 3',
  ]);
});

test('should not let a missing or broken shard look like a whole run', async () => {
  const out = join(scratch(), 'merged');
  await mergeRuns([shard(1, 3), shard(3, 3)], out);
  expect(summaryOf(out)).toMatchObject({ complete: false, endedBy: 'no results of shard 2 of 3' });
  // How many cases the missing one was to have is not known: all that are there are not all that were planned.
  expect(summaryOf(out).planned).toBeUndefined();
  const loaded = await loadRun(out);
  if (loaded.kind !== 'run') throw new Error(JSON.stringify(loaded));
  expect(judgeRun(loaded.run, buildMatrix(loaded.run)).reasons).toContainEqual(
    expect.stringMatching(
      /^the run is incomplete: no results of shard 2 of 3; \d+ cases of the shards that are there; run each shard that is missing \(--shard\), and merge all of them again$/,
    ),
  );
  const broken = join(scratch(), 'merged');
  await mergeRuns(
    [
      shard(1, 2),
      shard(2, 2, {
        killedAfter: 7,
        summary: { argv: ['conformance', '--seed', '42', '--shard=2/2'], endedBy: 'interrupted' },
      }),
    ],
    broken,
  );
  expect(summaryOf(broken)).toMatchObject({ complete: false, endedBy: 'shard 2: interrupted' });
});

test('should refuse what are not shards of one run, and say what differs', async () => {
  const refuse = async (...directories: string[]): Promise<string> => {
    const out = join(scratch(), 'merged');
    const merged = await mergeRuns(directories, out);
    expect(existsSync(out)).toBe(false);
    expect(readdirSync(dirname(out))).toEqual([]);
    return merged.kind === 'merged' ? 'merged' : explainMerge(merged);
  };
  expect(await refuse(shard(1, 2), shard(2, 2, { seed: 43 }))).toContain('the seed differs (42 and 43)');
  expect(await refuse(shard(1, 2), shard(2, 3))).toContain('the shard count differs');
  expect(await refuse(shard(1, 2), shard(2, 2, { environment: { kernelImageHash: 'c' } }))).toContain(
    'the kernel image differs',
  );
  expect(
    await refuse(shard(1, 2), shard(2, 2, { summary: { argv: ['conformance', '--runs', '9', '--shard', '2/2'] } })),
  ).toContain('the command line differs');
  const [one, two] = [shard(1, 2), shard(2, 2)];
  expect(await refuse(one, one)).toBe(`${one} is given twice; give every shard once`);
  expect(await refuse(one, two, two)).toBe(`${two} is given twice; give every shard once`);
  expect(await refuse(one, shard(1, 2))).toContain('are both shard 1 of 2; give every shard once');
  const whole = sampleDirectory({ deviates });
  expect(await refuse(whole, whole)).toContain('is given twice');
  expect(await refuse(sampleDirectory({ deviates }), sampleDirectory({ deviates }))).toContain('position 0');
  expect(await refuse(join(scratch(), 'nowhere'))).toContain('does not exist');
});

test('should refuse shards of two kernels whatever tells them apart, and merge those of two machines', async () => {
  const merge = async (...environments: NonNullable<SampleOptions['environment']>[]): Promise<string> => {
    const merged = await mergeRuns(
      environments.map((environment, n) => shard(n + 1, environments.length, { environment })),
      join(scratch(), 'merged'),
    );
    return merged.kind === 'merged' ? 'merged' : explainMerge(merged);
  };
  expect(await merge({}, { kernelRelease: '6.6.1' })).toContain(
    'the kernel release differs ("7.3.0-iomapfuzz" and "6.6.1"); merge only',
  );
  expect(await merge({}, { kernelVersion: 'Linux version 9' })).toContain('the kernel version differs (');
  expect(
    await merge(
      { kernelConfig: ['CONFIG_FUSE_FS=y', 'CONFIG_HZ=250'] },
      { kernelConfig: ['CONFIG_FUSE_FS=y', 'CONFIG_HZ=100'] },
    ),
  ).toContain('the kernel configuration differs (CONFIG_HZ=250 and CONFIG_HZ=100)');
  expect(
    await merge({ kernelConfig: ['CONFIG_FUSE_FS=y', 'CONFIG_KASAN=y'] }, { kernelConfig: ['CONFIG_FUSE_FS=y'] }),
  ).toContain('differs (CONFIG_KASAN=y and nothing besides)');
  expect(await merge({}, { kernelConfig: [] })).toContain('and no options)');
  expect(await merge({}, { flavour: 'debug' })).toContain('the kernel flavour differs ("fast" and "debug")');
  expect(await merge({ kernelCommit: 'v7.3-rc2' }, {}, { kernelCommit: 'v7.3-rc3' })).toContain(
    'the kernel commit differs ("v7.3-rc2" and "v7.3-rc3")',
  );

  expect(
    await merge(
      {},
      {
        kernelImageDate: '2026-11-29T23:58:01.000Z',
        accelerator: 'kvm',
        acceleratorReason: '/dev/kvm works',
        machine: 'q35',
        qemuVersion: '9.1.0',
        memoryMiB: 2048,
        nodeVersion: 'v22.1.0',
        hostCpus: 64,
      },
    ),
  ).toBe('merged');
  // Only the machine that made the image knows its commit.
  expect(await merge({ kernelCommit: 'v7.3-rc2' }, {}, { kernelCommit: 'unknown: git is not installed' })).toBe(
    'merged',
  );
  const notBooted = { machine: 'not booted', accelerator: 'not booted' };
  expect(await merge({}, { ...notBooted, kernelVersion: '7.3.0-iomapfuzz (user@host) #1', kernelConfig: [] })).toBe(
    'merged',
  );
  expect(await merge({}, { ...notBooted, kernelImageHash: 'c' })).toContain('the kernel image differs');
});

test('should compare the kernels of all shards when the first did not come to know its own', async () => {
  const unknown = shard(1, 3);
  const { environment: _environment, ...summary } = summaryOf(unknown);
  writeFileSync(join(unknown, 'summary.json'), JSON.stringify({ ...summary, complete: false, endedBy: 'no VM' }));
  const merge = async (release: string): Promise<string> => {
    const merged = await mergeRuns(
      [unknown, shard(2, 3), shard(3, 3, { environment: { kernelRelease: release } })],
      join(scratch(), 'merged'),
    );
    return merged.kind === 'merged' ? 'merged' : explainMerge(merged);
  };
  expect(await merge('6.6.1')).toContain('the kernel release differs');
  expect(await merge('7.3.0-iomapfuzz')).toBe('merged');
});

test("should follow no link and wait for no pipe in somebody's results, and say what is in the way", async () => {
  const spoilt = (spoil: (directory: string) => void): string => {
    const directory = shard(1, 1);
    mkdirSync(join(directory, 'findings'));
    writeFileSync(join(directory, 'findings', 'a.case.json'), '{}');
    spoil(directory);
    return directory;
  };
  const says = async (spoil: (directory: string) => void): Promise<string> => {
    const out = join(scratch(), 'merged');
    const merged = await mergeRuns([spoilt(spoil)], out);
    expect(existsSync(out)).toBe(merged.kind === 'merged');
    return merged.kind === 'merged' ? 'merged' : explainMerge(merged);
  };
  const victim = join(scratch(), 'victim');
  writeFileSync(victim, 'precious');
  expect(
    await says(() => {
      /* as it is */
    }),
  ).toBe('merged');
  expect(
    await says((directory) => {
      symlinkSync(victim, join(directory, 'findings', 'b.case.json'));
    }),
  ).toMatch(/findings\/b\.case\.json can't be read: it is a symbolic link, and is not followed; remove it/);
  expect(
    await says((directory) => {
      execFileSync('mkfifo', [join(directory, 'findings', 'b.case.json')]);
    }),
  ).toMatch(/findings\/b\.case\.json can't be read: it is no regular file but a pipe/);
  expect(
    await says((directory) => {
      rmSync(join(directory, 'findings'), { recursive: true });
      symlinkSync(dirname(victim), join(directory, 'findings'));
    }),
  ).toMatch(/findings can't be read: it is a symbolic link/);
  expect(
    await says((directory) => {
      rmSync(join(directory, 'console.log'));
      symlinkSync(victim, join(directory, 'console.log'));
    }),
  ).toMatch(/console\.log can't be read: it is a symbolic link/);
});

test('should say when the machines differed in what can matter', async () => {
  const out = join(scratch(), 'merged');
  await mergeRuns([shard(1, 2), shard(2, 2, { environment: { accelerator: 'kvm' } })], out);
  expect(summaryOf(out).notices).toEqual(['the shards ran with different accelerator: tcg, kvm']);
});

test('should not touch a directory that holds something', async () => {
  const out = scratch();
  mkdirSync(join(out, 'mine'));
  writeFileSync(join(out, 'mine', 'file'), 'x');
  expect(await mergeRuns([shard(1, 1)], out)).toMatchObject({ kind: 'occupied' });
  expect(readdirSync(out)).toEqual(['mine']);
});

test('should keep what kernels did outside of cases once, and count what is too much', async () => {
  const incident = (shardIndex: number, number: number) => ({
    reason: `the kernel panicked: ${number === 0 ? 'at boot' : `${shardIndex} in ${number}`}`,
    when: 'at boot',
    log: '',
  });
  const withIncidents = (index: number): string =>
    shard(index, 2, {
      summary: {
        argv: ['conformance', '--seed', '42', '--shard', `${index}/2`],
        omitted: { incidents: 2, notices: 0 },
        incidents: Array.from({ length: 70 }, (_, number) => incident(index, number)),
      },
    });
  const out = join(scratch(), 'merged');
  await mergeRuns([withIncidents(1), withIncidents(2)], out);
  const { incidents, omitted } = summaryOf(out);
  // One of 140 is the same in both.
  expect([incidents?.length, omitted]).toEqual([100, { incidents: 43, notices: 0 }]);
});
