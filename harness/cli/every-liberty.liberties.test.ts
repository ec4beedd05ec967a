/**
 * Every liberty of the reference kernel with the whole plan and a short campaign: nothing deviates, and the kernel did take it. For nights, half an
 * hour long; IOMAPFUZZ_SEED draws other cases, IOMAPFUZZ_LIBERTIES=NAME,NAME runs only these.
 */
import { expect, test } from '@playwright/test';
import { libertiesOfSeries } from '../../vm/kernel/liberties.ts';
import { runWithLiberty, type LibertyRun } from './testing/liberty-run.ts';

// playwright.config.ts sets it where the user did not.
const seed = process.env['IOMAPFUZZ_SEED']!;
const only = process.env['IOMAPFUZZ_LIBERTIES']?.split(',');

/** Kept in one worker: what each liberty came to, for the table at the end. */
const rows: string[] = [];

for (const { name, clause } of libertiesOfSeries().filter((one) => only?.includes(one.name) ?? true)) {
  test(`should report nothing of a kernel that takes the liberty ${name} (${clause})`, ({}, info) => {
    const plan = runWithLiberty([name], info.outputPath('plan'), 'conformance', '--seed', seed, '--runs', '1');
    const campaign = runWithLiberty([name], info.outputPath('campaign'), 'fuzz', '--seed', seed, '--runs', '2000');
    const taken = plan.uses[0]!.used + campaign.uses[0]!.used;
    rows.push(`${name.padEnd(28)} ${shown(plan)}   ${shown(campaign)}   ${taken === 0 ? 'NOT REACHED' : 'ok'}`);
    expect.soft(plan.code, plan.stdout + plan.stderr).toBe(0);
    expect.soft(campaign.code, campaign.stdout + campaign.stderr).toBe(0);
    expect(taken, `${name} was taken, so that the run says something about it`).toBeGreaterThan(0);
  });
}

const shown = ({ counts: { conforms, deviates }, uses }: LibertyRun): string =>
  `${String(conforms + deviates).padStart(6)} ${String(deviates).padStart(9)} ${String(uses[0]!.used).padStart(8)}`;

test.afterAll(() => {
  console.log(['', `${''.padEnd(28)}   plan  deviating    taken   campaign  deviating    taken`, ...rows, ''].join('\n'));
});
