/** Judges the kernel's health: assertions, warnings nobody predicted, bugs. Lost records make absence unprovable. */
import type { Case } from '../../harness/model/case.ts';
import type { Observation } from '../../harness/model/observation.ts';
import type { Deviation, Unjudged } from '../../harness/model/verdict.ts';
import type { Expectation } from '../kernel/expectation.ts';

export function judgeKernelLog(_of: Case, seen: Observation, expectation: Expectation): Deviation[] {
  const told = new Set<string>();
  return seen.events.flatMap((event): Deviation[] => {
    switch (event.kind) {
      case 'assertion':
        return [deviation('kernel/assertion', 'no failed assertion', `${event.condition} in ${event.func}, line ${event.line}`)];
      case 'warning': case 'bug': {
        // A watchdog says the same again and again, and a WARN in a loop, too.
        if (told.has(event.title)) return [];
        told.add(event.title);
        if (event.kind === 'bug') return [deviation('kernel/bug', 'a healthy kernel', event.title)];
        // By the title alone: the stack of any other warning may pass through the same functions.
        return expectation.tolerated.some(({ pattern }) => pattern.test(event.title)) ? [] : [deviation('kernel/warning', 'no warning', event.title)];
      }
      default:
        return [];
    }
  });
}

const deviation = (rule: string, expected: string, seen: string): Deviation => ({ rule, aspect: 'kernel-log', expected, seen });

/** Of what the kernel's log says nothing: records that were lost, and checkers that stopped. */
export function unjudgedKernelLog(seen: Observation): Unjudged[] {
  return seen.events.flatMap((event): Unjudged[] => {
    switch (event.kind) {
      case 'lost-events': {
        const reason = `${event.count} records of the ${event.source} were lost`;
        return event.source === 'trace' ? [{ aspect: 'trace-event', reason }] : [{ aspect: 'warn', reason }, { aspect: 'kernel-log', reason }];
      }
      case 'channel-ended':
        return [{ aspect: 'kernel-log', reason: `the kernel no longer checks its locks${event.earlier ? ', since before this case' : ''}: ${event.title}` }];
      default:
        return [];
    }
  });
}
