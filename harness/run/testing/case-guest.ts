/** One guest for the cases of a test file, without what campaigns do around them: no retries, no judgement. */
import { expect, test } from '@playwright/test';
import { agentFiles } from '../../../vm/guest-files.ts';
import { noProgress } from '../../../vm/kernel/progress.ts';
import { selectKernel } from '../../../vm/kernel/select.ts';
import { Vm } from '../../../vm/vm.ts';
import type { Case } from '../../../model/case.ts';
import type { Observation } from '../../../model/observation.ts';
import { unpackObservation } from '../unpack.ts';
import { revisionWith } from '../../../uapi/numbers.ts';

export interface CaseGuest {
  /** Observations in the order of the cases; a case that failed gives its reason. */
  run(...cases: Case[]): Promise<(Observation | string)[]>;
  /** What was seen of a case that must not fail. */
  one(value: Case): Promise<Observation>;
}

/** To be called where a file declares its tests: the guest is there before the first and ends after the last. */
export function caseGuest(): CaseGuest {
  let vm: Vm;
  let id = 0;
  test.beforeAll(async () => {
    const kernel = await selectKernel(
      process.env['IOMAPFUZZ_KERNEL'] === undefined ? {} : { kernel: process.env['IOMAPFUZZ_KERNEL'] },
      noProgress,
    );
    vm = await Vm.boot({ kernel, files: agentFiles(), memoryMib: 512, bootTimeoutMs: 120_000 });
  });
  test.afterAll(async () => {
    await vm.close();
  });

  async function run(...cases: Case[]): Promise<(Observation | string)[]> {
    const { numbers } = vm.facts;
    vm.send({
      kind: 'run-cases',
      id: ++id,
      cases: cases.map((value, index) => ({ index, case: value })),
      ...(numbers && { numbers }),
    });
    const results: (Observation | string)[] = [];
    for (;;) {
      const message = await vm.receive(120_000);
      if (message.kind === 'case-done')
        results[message.index] = unpackObservation(
          message.observation,
          revisionWith(cases[message.index]!.revision, numbers),
        );
      else if (message.kind === 'case-failed') results[message.index] = message.reason;
      else if (message.kind === 'error') throw new Error(message.reason);
      else if (message.kind === 'cases-done') return results;
    }
  }
  async function one(value: Case): Promise<Observation> {
    const [result] = await run(value);
    expect(typeof result).toBe('object');
    return result as Observation;
  }
  return { run, one };
}
