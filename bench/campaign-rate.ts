/** How fast simple cases go through everything: made by the generators, run in the guest, judged. */
import fc from 'fast-check';
import { fuzzCase } from '../generators/fuzz-case.ts';
import type { PlannedCase } from '../generators/reply-case.ts';
import { campaignPaths, defaultDevices, type Path } from '../generators/setting.ts';
import { mix } from '../generators/seed.ts';
import { assess } from '../oracles/judge.ts';
import type { Case } from '../model/case.ts';
import type { KernelFacts } from '../model/channel.ts';
import type { Verdict } from '../model/verdict.ts';
import { revisionWith } from '../uapi/numbers.ts';
import type { Revision } from '../uapi/revision.ts';
import { benchRevision } from './simple-cases.ts';
import { execute, type GuestSource } from '../harness/run/execute.ts';

const seed = 1;
const chunkCases = 1024;
/** One reply, one syscall: the paths of which that can be said. */
const simplePaths: readonly Path[] = campaignPaths.filter((path) =>
  ['direct-read', 'direct-write', 'fiemap', 'seek-data', 'seek-hole'].includes(path),
);
const arbitrariesOf = (revision: Revision): readonly fc.Arbitrary<PlannedCase>[] =>
  simplePaths.map((path) =>
    fuzzCase({
      revision,
      path,
      geometry: { blockSize: 4096n, devices: defaultDevices, mount: 'ordinary', debugIomap: false },
      // Half of them wrong in one field.
      wrongFields: [1, 1, 0],
      maxBefore: 0,
      moreOps: [1, 0, 0],
    }),
  );

function generatedCase(arbitraries: readonly fc.Arbitrary<PlannedCase>[], index: number): Case {
  const [{ case: value }] = fc.sample(arbitraries[index % arbitraries.length]!, {
    seed: mix(seed, index),
    numRuns: 1,
  }) as [PlannedCase];
  return value;
}

export interface CampaignRun {
  cases: number;
  elapsedMs: number;
  /** Of this process's main thread, for all cases together. */
  generatingMs: number;
  judgingMs: number;
  verdicts: Partial<Record<Verdict['kind'] | 'not observed', number>>;
}

/** For `seconds`, or to the end of the chunk that is under way then. */
export async function runCampaign(
  source: GuestSource,
  facts: KernelFacts,
  seconds: number,
  onProgress: (cases: number) => void,
): Promise<CampaignRun> {
  const arbitraries = arbitrariesOf(revisionWith(benchRevision, facts.numbers));
  let next = 0;
  const run: CampaignRun = { cases: 0, elapsedMs: 0, generatingMs: 0, judgingMs: 0, verdicts: {} };
  const draw = (): Case => {
    const startMs = performance.now();
    const value = generatedCase(arbitraries, next++);
    run.generatingMs += performance.now() - startMs;
    return value;
  };
  let chunk = Array.from({ length: chunkCases }, draw);
  run.generatingMs = 0;
  const startMs = performance.now();
  while (performance.now() - startMs < seconds * 1000) {
    const following: Case[] = [];
    for await (const { index, outcome } of execute(source, chunk)) {
      const judgeMs = performance.now();
      const kind =
        outcome.kind === 'observed'
          ? assess(chunk[index]!, outcome.observation, { facts }).verdict.kind
          : 'not observed';
      run.judgingMs += performance.now() - judgeMs;
      run.verdicts[kind] = (run.verdicts[kind] ?? 0) + 1;
      run.cases += 1;
      following.push(draw());
    }
    chunk = following;
    onProgress(run.cases);
  }
  run.elapsedMs = performance.now() - startMs;
  return run;
}
