/**
 * Every liberty of the reference kernel with the whole plan and a short campaign: nothing deviates, and the kernel did
 * take it. For nights, about an hour long; IOMAPFUZZ_SEED draws other cases, IOMAPFUZZ_LIBERTIES=NAME,NAME runs only
 * these.
 */
import { expect, test } from '@playwright/test';
import { libertiesOfSeries } from '../vm/kernel/liberties.ts';
import { runWithLiberty, type LibertyRun } from './testing/liberty-run.ts';

// playwright.config.ts sets it where the user did not.
const seed = process.env['IOMAPFUZZ_SEED']!;
const only = process.env['IOMAPFUZZ_LIBERTIES']?.split(',');

const columns = ['judged', 'deviate', 'reached', 'used'];

test.beforeAll(() => {
  const header = ['liberty', ...['plan', 'campaign'].flatMap((run) => columns.map((column) => `${run}: ${column}`))];
  console.log([row(header), row(header.map(() => '---'))].join('\n'));
});

for (const { name, clause } of libertiesOfSeries().filter((one) => only?.includes(one.name) ?? true)) {
  test(`should report nothing of a kernel that takes the liberty ${name} (${clause})`, ({}, info) => {
    const plan = runWithLiberty([name], info.outputPath('plan'), 'conformance', '--seed', seed, '--runs', '1');
    const campaign = runWithLiberty([name], info.outputPath('campaign'), 'fuzz', '--seed', seed, '--runs', '1000');
    console.log(row([`\`${name}\``, ...shown(plan), ...shown(campaign)]));
    expect.soft(plan.code, plan.stdout + plan.stderr).toBe(0);
    expect.soft(campaign.code, campaign.stdout + campaign.stderr).toBe(0);
    const taken = plan.uses[0]!.used + campaign.uses[0]!.used;
    expect(taken, `${name} was taken, so that the run says something about it`).toBeGreaterThan(0);
  });
}

/** Of a table in Markdown, printed as each run ends. */
const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

const shown = ({ counts: { conforms, deviates }, uses }: LibertyRun): string[] =>
  [conforms + deviates, deviates, uses[0]!.reached, uses[0]!.used].map(String);
