/**
 * A history of five nights, as `nightly` would have left it: clean; a finding opens; no VM; incomplete; another kernel
 * closes one finding and opens another.
 */
import { join } from 'node:path';
import { digestRun } from '../nights/digest.ts';
import { readHistory, writeNight, type Night, type Stage } from '../nights/night.ts';
import { loadRun, type Run } from '../run.ts';
import { writeSample, type SampleOptions } from './sample.ts';
import { scratch } from './scratch.ts';

export const nightNames = ['2026-11-17-1', '2026-11-18-1', '2026-11-19-1', '2026-11-20-1', '2026-11-21-1'] as const;
export const firstFinding = 'map/type-known@read fiemap violating';
export const secondFinding = 'map/length-aligned@read seek-data violating';

const newKernel = { kernelRelease: '7.4.0-rc1', kernelImageHash: 'b4e2'.repeat(16) };
const samples: (SampleOptions | 'no-vm')[] = [
  { seed: 1 },
  { seed: 2, deviates: ({ id }) => id === firstFinding },
  'no-vm',
  // Killed before the cell of the finding was judged again: it stays open.
  { seed: 4, killedAfter: 3 },
  { seed: 5, deviates: ({ id }) => id === secondFinding, environment: newKernel },
];

/** Writes the first `count` nights. */
export async function sampleHistory(count = samples.length): Promise<string> {
  const history = join(scratch(), 'history');
  const before: { name: string; run: Run }[] = [];
  for (const [index, sample] of samples.slice(0, count).entries()) {
    const name = nightNames[index]!;
    const stage: Stage = { kind: 'conformance', status: 'waiting' };
    const night: Night = {
      format: 1,
      name,
      startedAt: `${name.slice(0, 10)}T01:00:00.000Z`,
      endedAt: `${name.slice(0, 10)}T02:00:00.000Z`,
      toolVersion: '0.1.0',
      target: ['--kernel', 'bzImage'],
      seed: index + 1,
      budgetMs: 7_200_000,
      pid: 1,
      stages: [stage],
    };
    if (sample === 'no-vm') {
      night.noVm = 'qemu-system-x86_64 is missing; install qemu-system-x86';
      Object.assign(stage, { status: 'failed', reason: 'not run: there is no VM' });
    } else {
      const directory = join(history, name, 'conformance');
      writeSample(directory, { casesPerCell: 1, ...sample });
      const loaded = await loadRun(directory);
      if (loaded.kind !== 'run') throw new Error(`the sample can't be read: ${JSON.stringify(loaded)}`);
      stage.status = loaded.run.summary.complete ? 'complete' : 'cut-off';
      stage.elapsedMs = loaded.run.summary.elapsedMs;
      stage.digest = digestRun('conformance', loaded.run, before.slice(-3), readHistory(history).nights);
      before.push({ name, run: loaded.run });
    }
    writeNight(history, night);
  }
  return history;
}
