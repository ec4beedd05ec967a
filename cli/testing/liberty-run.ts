/** Runs of the program with a liberty, from outside: exit code, and what its summary says about the liberty. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../files/repository-root.ts';
import type { LibertyUse } from '../../model/liberties.ts';
import type { Counts } from '../../model/run-summary.ts';

export interface LibertyRun {
  code: number | null;
  stdout: string;
  stderr: string;
  counts: Counts;
  uses: LibertyUse[];
}

/** `command`: conformance or fuzz, with its options but --liberty and --out. */
export function runWithLiberty(names: readonly string[], out: string, ...command: string[]): LibertyRun {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      join(repositoryRoot(), 'dist/iomapfuzz.mjs'),
      ...command,
      ...names.flatMap((name) => ['--liberty', name]),
      '--out',
      out,
    ],
    { encoding: 'utf8', maxBuffer: 64 << 20 },
  );
  const { counts, liberties = [] } = JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8')) as {
    counts: Counts;
    liberties?: LibertyUse[];
  };
  return { code: status, stdout, stderr, counts, uses: liberties };
}
