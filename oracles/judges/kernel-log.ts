/** Judges the kernel's health: assertions, warnings nobody predicted, bugs. Lost records make absence unprovable. */
import type { Case } from '../../harness/model/case.ts';
import type { Observation } from '../../harness/model/observation.ts';
import type { Deviation } from '../../harness/model/verdict.ts';
import type { Expectation } from '../kernel/expectation.ts';

export function judgeKernelLog(_of: Case, seen: Observation, expectation: Expectation): Deviation[] {
  return seen.events.flatMap((event): Deviation[] => {
    switch (event.kind) {
      case 'assertion':
        return [{ rule: 'kernel/assertion', aspect: 'kernel-log', expected: 'no failed assertion', seen: `${event.condition} in ${event.func}, line ${event.line}` }];
      case 'warning': {
        const tolerated = expectation.tolerated.some(({ pattern }) => pattern.test(event.title) || pattern.test(event.text));
        return tolerated ? [] : [{ rule: 'kernel/warning', aspect: 'kernel-log', expected: 'no warning', seen: event.title }];
      }
      case 'bug':
        return [{ rule: 'kernel/bug', aspect: 'kernel-log', expected: 'a healthy kernel', seen: event.title }];
      default:
        return [];
    }
  });
}
