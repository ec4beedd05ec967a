/**
 * The conformance plan as tests, one per rule and path. Which kernel: IOMAPFUZZ_KERNEL (a bzImage) or IOMAPFUZZ_KDIR,
 * else the reference kernel of IOMAPFUZZ_FLAVOUR. Which cases: IOMAPFUZZ_SEED, IOMAPFUZZ_RUNS (per cell),
 * IOMAPFUZZ_UAPI (r1, r2, r3).
 */
import { expect, test } from '@playwright/test';
import { revisions, type RevisionId } from '../uapi/revision.ts';
import { planRuns, runConformance } from '../harness/run/conformance.ts';
import { conformancePlan, type PlanCell } from '../plan/plan.ts';
import { KernelUnderTest } from './testing/kernel-under-test.ts';

const environment = process.env;
const revision = (environment['IOMAPFUZZ_UAPI'] ?? 'r3') as RevisionId;
// playwright.config.ts sets it where the user did not.
const seed = Number(environment['IOMAPFUZZ_SEED']);
const runs = Number(environment['IOMAPFUZZ_RUNS'] ?? 2);

const kernel = new KernelUnderTest();
test.beforeAll(async () => {
  test.setTimeout(3_600_000);
  await kernel.prepare();
});

const plan = conformancePlan(revisions[revision]);
for (const [name, cells] of byRuleAndPath(plan)) {
  test(name, async () => {
    test.info().annotations.push({ type: 'seed', description: String(seed) });
    const problems: string[] = [];
    let conforming = 0;
    for await (const { verdict, cell, hash, note } of runConformance(
      kernel,
      planRuns(cells, { seed, runs }),
      seed,
      () => kernel.facts,
    )) {
      if (verdict.kind === 'conforms') conforming += 1;
      else if (verdict.kind === 'deviates') {
        problems.push(
          `${cell ?? ''} ${hash.slice(0, 12)} (${note}):`,
          ...verdict.deviations.map(
            ({ rule, aspect, expected, seen }) => `  ${rule}, ${aspect}: expected ${expected}; seen ${seen}`,
          ),
        );
      } else problems.push(`${cell ?? ''} ${hash.slice(0, 12)} (${note}): ${verdict.kind}, ${verdict.reason}`);
    }
    expect(problems, `seed ${seed}`).toEqual([]);
    expect(conforming, 'cases that were judged').toBeGreaterThan(0);
  });
}

function byRuleAndPath(cells: readonly PlanCell[]): Map<string, PlanCell[]> {
  const groups = new Map<string, PlanCell[]>();
  for (const cell of cells.filter(({ impossible }) => impossible === undefined)) {
    const name = `${cell.rule} on ${cell.path}`;
    groups.set(name, [...(groups.get(name) ?? []), cell]);
  }
  return groups;
}
