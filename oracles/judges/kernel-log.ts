/** Judges the kernel's health: assertions, warnings nobody predicted, bugs. Lost records make absence unprovable. */
import type { Case } from '../../model/case.ts';
import type { KernelEvent, Observation } from '../../model/observation.ts';
import type { Unjudged } from '../../model/verdict.ts';
import type { Deviation } from '../deviation.ts';
import type { Expectation } from '../kernel/expectation.ts';
import type { ClauseId } from '../rules/rule-id.ts';

export function judgeKernelLog(_of: Case, seen: Observation, expectation: Expectation): Deviation[] {
  const told = new Set<string>();
  return seen.events.flatMap((event): Deviation[] => {
    switch (event.kind) {
      case 'assertion':
        return [
          deviation(
            'kernel/assertion',
            'no failed assertion',
            `${event.condition} in ${event.func}, line ${event.line}`,
          ),
        ];
      case 'warning':
      case 'bug': {
        // A watchdog says the same again and again, and a WARN in a loop, too.
        if (told.has(event.title)) return [];
        told.add(event.title);
        if (event.kind === 'bug') return [deviation('kernel/bug', 'a healthy kernel', event.title)];
        // By the title alone: the stack of any other warning may pass through the same functions.
        return expectation.tolerated.some(({ pattern }) => pattern.test(event.title))
          ? []
          : [deviation('kernel/warning', 'no warning', event.title)];
      }
      default:
        return [];
    }
  });
}

const knownKinds: Readonly<Record<KernelEvent['kind'], true>> = {
  'bad-data': true,
  'bad-mapping-warn': true,
  assertion: true,
  warning: true,
  bug: true,
  notice: true,
  'channel-ended': true,
  'lost-events': true,
};

/**
 * Kinds of events that this version does not know, each once: they may say anything of the kernel, a crash included.
 */
export const unknownEventKinds = ({ events }: Observation): string[] =>
  [...new Set(events.map(({ kind }): string => kind))].filter((kind) => !Object.hasOwn(knownKinds, kind));

/** Why a case with such events cannot be said to conform. */
export const unknownEventsText = (kinds: readonly string[]): string =>
  `the kernel reported ${kinds.map((kind) => `'${kind}'`).join(', ')}, ${kinds.length === 1 ? 'a kind of event' : 'kinds of events'} that this version of iomapfuzz does not know; judge it with the one that wrote it, or a newer one`;

const deviation = (rule: ClauseId, expected: string, seen: string): Deviation => ({
  rule,
  aspect: 'kernel-log',
  expected,
  seen,
});

/** Of what the kernel's log says nothing: records that were lost, and checkers that stopped. */
export function unjudgedKernelLog(seen: Observation): Unjudged[] {
  const unknown = unknownEventKinds(seen);
  const reason = unknownEventsText(unknown);
  return [
    ...(unknown.length === 0
      ? []
      : (['trace-event', 'warn', 'kernel-log'] as const).map((aspect) => ({ aspect, reason }))),
    ...unjudgedRecords(seen),
  ];
}

function unjudgedRecords(seen: Observation): Unjudged[] {
  return seen.events.flatMap((event): Unjudged[] => {
    switch (event.kind) {
      case 'lost-events': {
        const reason = `${event.count} records of the ${event.source} were lost`;
        return event.source === 'trace'
          ? [{ aspect: 'trace-event', reason }]
          : [
              { aspect: 'warn', reason },
              { aspect: 'kernel-log', reason },
            ];
      }
      case 'channel-ended':
        return [
          {
            aspect: 'kernel-log',
            reason: `the kernel no longer checks its locks${event.earlier ? ', since before this case' : ''}: ${event.title}`,
          },
        ];
      default:
        return [];
    }
  });
}
