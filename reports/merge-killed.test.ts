/** What a merge leaves behind: results, or nothing that is in anybody's way. */
import { expect, test } from '@playwright/test';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { mergeRuns } from './merge.ts';
import { sampleDirectory } from './testing/scratch.ts';

test('should remove what a merge into the same directory left that was killed, and nothing of one that runs', async () => {
  const run = sampleDirectory({ casesPerCell: 1 });
  const out = join(dirname(run), 'merged');
  // Process ids end at 4194304.
  const [dead, alive, other] = ['.merged.99999999.merging', `.merged.${String(process.ppid)}.merging`, '.merged.notes'];
  for (const name of [dead, alive, other]) {
    mkdirSync(join(dirname(out), name!));
    writeFileSync(join(dirname(out), name!, 'cases.jsonl'), 'half');
  }
  expect(await mergeRuns([run], out)).toMatchObject({ kind: 'merged' });
  expect(readdirSync(dirname(out)).filter((name) => name.startsWith('.merged'))).toEqual([alive, other].sort());
});

test('should leave a directory that the same people may read as that of a run', async () => {
  const run = sampleDirectory({ casesPerCell: 1 });
  const out = join(dirname(run), 'merged');
  await mergeRuns([run], out);
  expect(statSync(out).mode.toString(8)).toBe(statSync(run).mode.toString(8));
});
