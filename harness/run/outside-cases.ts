/**
 * What the kernel said while no case ran, as incidents of the run. A bug is one wherever it is; a warning only when
 * FUSE or iomap have to do with it: a kernel may warn at boot for reasons of its own. The rest is shown as a notice.
 */
import type { OutsideCases } from '../../model/channel.ts';
import { concernsIomap } from '../../model/kernel-log/concern.ts';
import type { KernelEvent } from '../../model/observation.ts';
import type { GuestIncident } from './guest.ts';

/** Between which cases it was, as hashes; `recent`: those that ended before, one of which may have caused it. */
export interface OutsidePlace {
  where: OutsideCases;
  after?: string | undefined;
  before?: string | undefined;
  recent: readonly string[];
}

export function outsideCases(events: readonly KernelEvent[], place: OutsidePlace): GuestIncident[] {
  const when = whenOf(place);
  // A mount follows the unmount of what was before, so that nothing of that can be seen here.
  const candidates = place.where === 'before-cases' || place.where === 'mount' ? [] : place.recent;
  return events.flatMap((event): GuestIncident[] => {
    switch (event.kind) {
      case 'bug':
      case 'warning': {
        const log = event.text.split('\n');
        const deviates = event.kind === 'bug' || concernsIomap(event.text);
        return [{ reason: event.title, when, log, candidates, ...(!deviates && { notice: true }) }];
      }
      case 'assertion': {
        const reason = `Assertion failed: ${event.condition} in ${event.func}`;
        return [{ reason, when, log: [`${reason}, line ${event.line}`], candidates }];
      }
      case 'notice':
        return [{ reason: event.title, when, log: event.text.split('\n'), candidates, notice: true }];
      case 'channel-ended':
        return [
          {
            reason: `the kernel no longer checks its locks: ${event.title}`,
            when,
            log: event.text.split('\n'),
            candidates,
            notice: true,
          },
        ];
      // Reports of mappings that come late belong to no case, and prove nothing; what was lost here was nobody's.
      case 'bad-data':
      case 'bad-mapping-warn':
      case 'lost-events':
        return [];
    }
  });
}

const short = (hash: string): string => hash.slice(0, 12);

function whenOf({ where, after, before }: OutsidePlace): string {
  switch (where) {
    case 'before-cases':
      return 'at boot, before the first case';
    case 'mount':
      return before === undefined ? 'at a mount' : `at the mount for case ${short(before)}`;
    case 'unmount':
      return after === undefined ? 'at the last unmount' : `at the unmount after case ${short(after)}`;
    case 'between-cases':
      if (after === undefined) return before === undefined ? 'between two cases' : `before case ${short(before)}`;
      return before === undefined
        ? `after case ${short(after)}`
        : `between the cases ${short(after)} and ${short(before)}`;
  }
}
