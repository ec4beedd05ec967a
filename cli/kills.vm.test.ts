/**
 * Runs end at any moment, and by any hand: the program's, QEMU's, the agent's. IOMAPFUZZ_KILLS says how many
 * (`iomapfuzz test kills`: 100), IOMAPFUZZ_SEED which, IOMAPFUZZ_KILLS_FROM the first.
 */
import { expect, test } from '@playwright/test';
import fc from 'fast-check';
import { mkdirSync } from 'node:fs';
import { testKernel } from '../vm/testing/spec.ts';
import { commandNames, KillableProgram, victims, type Kill } from './testing/kills.ts';

const count = Number(process.env['IOMAPFUZZ_KILLS'] ?? '0');
const from = Number(process.env['IOMAPFUZZ_KILLS_FROM'] ?? '0');

test(`${String(count)} kills at random moments should cost no case that had finished, and pass nothing`, async ({}, info) => {
  test.skip(count === 0, 'only when named: `iomapfuzz test kills`');
  test.setTimeout(600_000 + count * 120_000);
  mkdirSync(info.outputDir, { recursive: true });
  const program = new KillableProgram(info.outputPath('program'), (await testKernel()).path);
  const durationsMs = new Map<string, number>();
  for (const command of commandNames) {
    const startMs = performance.now();
    expect(await program.run(`undisturbed-${command}`, { command, seed: 1, afterMs: 0 })).toMatchObject({
      end: '0',
      faults: [],
      cases: { complete: true, reportExit: 0 },
    });
    durationsMs.set(command, performance.now() - startMs);
  }
  const kill = fc.record({
    command: fc.constantFrom(...commandNames),
    seed: fc.nat(1_000_000),
    part: fc.noBias(fc.nat(999_999)).map((millionth) => millionth / 1e6),
  });
  const drawn = fc
    .sample(kill, { numRuns: from + count, seed: Number(process.env['IOMAPFUZZ_SEED'] ?? '1') })
    .slice(from);
  const faults: string[] = [];
  for (const [index, { command, seed, part }] of drawn.entries()) {
    // Each in turn: a few kills have all of them.
    const victim = victims[(from + index) % victims.length]!;
    const one: Kill = {
      command,
      seed,
      victim,
      afterMs: part * durationsMs.get(command)! * (victim === 'the agent, SIGKILL' ? 0.4 : 1),
    };
    const after = await program.run(`kill-${String(from + index)}`, one);
    const { cases } = after;
    // Of a signal or of QEMU's end: the moment was drawn from the time of an undisturbed run, which this one may have
    // undercut.
    const late = after.endedAfterMs === undefined && victim !== 'the agent, SIGKILL' ? ', which came too late' : '';
    const kept =
      cases === undefined
        ? 'no results yet'
        : `${String(cases.whole)} cases${cases.planned === undefined ? '' : ` of ${String(cases.planned)}`}${cases.complete ? ', complete' : ''}${cases.brokenOff ? ', last line breaks off' : ''}, report ${String(cases.reportExit)}`;
    console.log(
      `kill ${String(from + index)}: ${command} (${String(Math.round(one.afterMs))} ms), ${victim}${late}: end ${after.end}, ${kept}${after.faults.length === 0 ? '' : `; FAULT: ${after.faults.join('; ')}`}`,
    );
    faults.push(...after.faults.map((fault) => `kill ${String(from + index)} (${command}, ${victim}): ${fault}`));
  }
  expect(faults).toEqual([]);
});
