/** Directories for tests, removed when the test's process ends. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadRun, type Run } from '../run.ts';
import { writeSample, type SampleOptions } from './sample.ts';

const made: string[] = [];
process.on('exit', () => {
  for (const directory of made) rmSync(directory, { recursive: true, force: true });
});

export function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'iomapfuzz-reports-'));
  made.push(directory);
  return directory;
}

/** Writes a sample into a new directory. */
export function sampleDirectory(options: SampleOptions = {}): string {
  const directory = join(scratch(), 'run');
  writeSample(directory, options);
  return directory;
}

/** A sample as reports see it. */
export async function sampleRun(options: SampleOptions = {}): Promise<Run> {
  const loaded = await loadRun(sampleDirectory(options));
  if (loaded.kind !== 'run') throw new Error(`the sample can't be read: ${JSON.stringify(loaded)}`);
  return loaded.run;
}
