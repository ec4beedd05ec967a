/**
 * Results that somebody changed, or that lost a part, must pass no job: only the run itself can say that it is whole.
 */
import { expect, test } from '@playwright/test';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CaseRecord } from '../model/results.ts';
import type { RunSummary } from '../model/run-summary.ts';
import { buildMatrix } from './matrix.ts';
import { mergeRuns } from './merge.ts';
import { loadRun } from './run.ts';
import { sampleDirectory, scratch } from './testing/scratch.ts';
import type { SampleOptions } from './testing/sample.ts';
import { judgeRun } from './verdict.ts';

interface Stored {
  summary: RunSummary;
  cases: CaseRecord[];
}

function read(directory: string): Stored {
  return {
    summary: JSON.parse(readFileSync(join(directory, 'summary.json'), 'utf8')) as RunSummary,
    cases: readFileSync(join(directory, 'cases.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as CaseRecord),
  };
}

/** Results as a run leaves them, changed by hand. */
function changed(options: SampleOptions, change: (stored: Stored) => void): string {
  const directory = sampleDirectory({ casesPerCell: 2, ...options });
  const stored = read(directory);
  change(stored);
  writeFileSync(join(directory, 'summary.json'), JSON.stringify(stored.summary));
  writeFileSync(join(directory, 'cases.jsonl'), stored.cases.map((record) => `${JSON.stringify(record)}\n`).join(''));
  return directory;
}

/** Makes the numbers of the summary those of the cases: whoever changes one file can change the other. */
function recount({ summary, cases }: Stored): void {
  summary.planned = cases.length;
  summary.counts.conforms = cases.length;
}

async function verdictOf(directory: string) {
  const loaded = await loadRun(directory);
  if (loaded.kind !== 'run') return loaded;
  return judgeRun(loaded.run, buildMatrix(loaded.run));
}

const shard = (index: number) => ({
  shard: { index, count: 2 },
  summary: { argv: ['conformance', '--seed', '42', '--shard', `${index}/2`] },
});

/** By what is wrong; the text is the one that a reader gets. */
const changes: Record<string, { change: (stored: Stored) => void; says: string }> = {
  'cells without a case, and numbers that fit': {
    change: (stored) => {
      stored.cases = stored.cases.slice(0, 100);
      recount(stored);
    },
    says: 'have no case',
  },
  'a case that is missing in the middle, and numbers that fit': {
    change: (stored) => {
      stored.cases.splice(10, 1);
      recount(stored);
    },
    says: 'others before it do not',
  },
  'cases that name no cell': {
    change: ({ cases }) => {
      for (const record of cases) delete record.cell;
    },
    says: 'no cell of the plan',
  },
  'a kernel that nobody knows': {
    change: ({ summary }) => {
      delete summary.environment;
    },
    says: 'on which kernel',
  },
  'a kernel without a release': {
    change: ({ summary }) => {
      summary.environment!.kernelRelease = '';
    },
    says: 'on which kernel (kernelRelease empty)',
  },
  'a kernel without a version and an image': {
    change: ({ summary }) => {
      Object.assign(summary.environment!, { kernelVersion: ' ', kernelImageHash: '' });
    },
    says: 'on which kernel (kernelVersion, kernelImageHash empty)',
  },
  'an early end of a complete run': {
    change: ({ summary }) => {
      summary.endedBy = 'no VM answered';
    },
    says: 'ended early (no VM answered)',
  },
  'incidents that were counted and not kept': {
    change: ({ summary }) => {
      summary.omitted = { incidents: 3, notices: 0 };
    },
    says: '3 incidents came after',
  },
};

test('should pass what a run left, and shards of it that are merged', async () => {
  expect(
    await verdictOf(
      changed({}, () => {
        /* as it is */
      }),
    ),
  ).toMatchObject({ kind: 'conforms', exitCode: 0 });
  const out = join(scratch(), 'merged');
  expect(await mergeRuns([sampleDirectory(shard(1)), sampleDirectory(shard(2))], out)).toMatchObject({
    kind: 'merged',
  });
  expect(await verdictOf(out)).toMatchObject({ kind: 'conforms', exitCode: 0 });
  // One of them alone has not each cell, and says so.
  expect(await verdictOf(sampleDirectory({ ...shard(1), casesPerCell: 1 }))).toMatchObject({
    kind: 'conforms',
    reasons: expect.arrayContaining([expect.stringContaining('only shard 1 of 2')]),
  });
});

for (const [name, { change, says }] of Object.entries(changes)) {
  test(`should not pass ${name}`, async () => {
    const verdict = await verdictOf(changed({}, change));
    expect(verdict).toMatchObject({
      kind: 'infrastructure',
      exitCode: 3,
      reasons: expect.arrayContaining([expect.stringContaining(says)]),
    });
    // What is seen stays seen.
    const deviating = await verdictOf(changed({ deviates: ({ rule }) => rule === 'map/length-nonzero' }, change));
    expect(deviating).toMatchObject({
      kind: 'deviates',
      exitCode: 1,
      reasons: expect.arrayContaining([expect.stringContaining(says)]),
    });
  });
}

test('should not pass what was judged by rules that this version does not know', async () => {
  expect(
    await verdictOf(
      changed({}, ({ summary }) => {
        Object.assign(summary, { revision: 'r9' });
      }),
    ),
  ).toMatchObject({ kind: 'corrupt', detail: expect.stringContaining('revision') });
});

test('should not merge an emptied shard, or one with the cases of another, into a pass', async () => {
  const merged = async (...parts: string[]) => {
    const out = join(scratch(), 'merged');
    expect(await mergeRuns(parts, out)).toMatchObject({ kind: 'merged' });
    return verdictOf(out);
  };
  const whole = sampleDirectory(shard(1));
  const empty = changed(shard(2), (stored) => {
    stored.cases = [];
    recount(stored);
  });
  expect(await merged(whole, empty)).toMatchObject({ exitCode: 3 });
  // As many cases as were planned, each at a position of the other shard that is free.
  const mixed = changed(shard(2), ({ cases }) => {
    for (const record of cases) record.n += 1001;
  });
  expect(await merged(whole, mixed)).toMatchObject({
    exitCode: 3,
    reasons: expect.arrayContaining([expect.stringContaining('another shard')]),
  });
});

test('should not merge shards of runs with different numbers of cases for each cell', async () => {
  const other = changed(shard(2), ({ summary }) => {
    summary.runsPerCell = 3;
  });
  expect(await mergeRuns([sampleDirectory(shard(1)), other], join(scratch(), 'merged'))).toMatchObject({
    kind: 'different-runs',
    field: 'the number of cases per cell',
  });
});
