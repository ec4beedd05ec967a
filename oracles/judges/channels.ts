/** Which of the kernel's reporting channels can be judged on the kernel at hand. */
import type { KernelFacts } from '../../model/channel.ts';
import type { Revision } from '../../uapi/revision.ts';
import type { Unjudged } from '../../model/verdict.ts';

export interface Channels {
  traceEvent: { judged: boolean };
  /** `always`: the WARN does not depend on debug_iomap. */
  warn: { judged: boolean; always: boolean };
  unjudged: Unjudged[];
}

/** What the facts that matter here are when nothing else is known: a kernel that has all that its revision has. */
export type ReportingFacts = Pick<KernelFacts, 'badDataEvent' | 'debugIomap' | 'config' | 'numbers'>;

/** Whether a reason of `unjudged` is one of those that `channelsOf` gives for a kernel. */
export const saysThatChannelLacks = (reason: string): boolean =>
  /^(this kernel has no (trace event|parameter|log) |whether this kernel warns is unknown)/.test(reason);

export function channelsOf(revision: Revision, facts: ReportingFacts | undefined): Channels {
  const unjudged: Unjudged[] = [];
  const traceEvent = { judged: revision.badDataEvent && (facts?.badDataEvent ?? true) };
  if (!traceEvent.judged) {
    unjudged.push({
      aspect: 'trace-event',
      reason: revision.badDataEvent
        ? 'this kernel has no trace event fuse_iomap_bad_data'
        : `revision ${revision.id} has no trace event`,
    });
  }
  // r1 has no switch: the WARN is compiled in or not (CONFIG_FUSE_IOMAP_DEBUG).
  const compiledIn = facts?.config === undefined ? undefined : /^CONFIG_FUSE_IOMAP_DEBUG=y$/m.test(facts.config);
  const always = !revision.badDataEvent && compiledIn === true;
  const hasSwitch = revision.badDataEvent && (facts === undefined || facts.debugIomap !== undefined);
  // Without a log nothing can be seen of a WARN, nor of anything else that the kernel says.
  const hasLog = facts?.config === undefined || !/^# CONFIG_PRINTK is not set$/m.test(facts.config);
  const warn = { judged: hasLog && (hasSwitch || (!revision.badDataEvent && compiledIn !== undefined)), always };
  if (!hasLog) {
    const reason = 'this kernel has no log (CONFIG_PRINTK is not set)';
    unjudged.push({ aspect: 'warn', reason }, { aspect: 'kernel-log', reason });
  } else if (!warn.judged) {
    unjudged.push({
      aspect: 'warn',
      reason: revision.badDataEvent
        ? 'this kernel has no parameter debug_iomap'
        : 'whether this kernel warns is unknown: it has no /proc/config.gz',
    });
  }
  return { traceEvent, warn, unjudged };
}
