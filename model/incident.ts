/** What the kernel did outside of cases, as a deviation. */
import { causeOfHang } from './hang.ts';
import type { Incident } from './run-summary.ts';
import type { Deviation } from './verdict.ts';

/** The rule that a case would contradict by it. */
function ruleOf(reason: string): string {
  if (reason.startsWith('WARNING')) return 'kernel/warning';
  if (reason.startsWith('Assertion failed')) return 'kernel/assertion';
  return causeOfHang(reason) === undefined ? 'kernel/healthy' : 'kernel/hang';
}

export const incidentDeviation = ({ reason }: Pick<Incident, 'reason'>): Deviation => ({
  rule: ruleOf(reason),
  aspect: 'kernel-log',
  expected: 'the kernel stays healthy, whatever a server answers',
  seen: reason,
});
