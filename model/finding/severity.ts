/** What is worst first: reports begin with it, and it is made small before the rest. */
import type { Deviation } from '../verdict.ts';

const SEVERITIES = ['crash', 'bytes', 'warning', 'behaviour', 'text'] as const;
export type Severity = (typeof SEVERITIES)[number];

export function severityOf({ rule, aspect, facts }: Deviation): Severity {
  if (rule === 'kernel/endless-requests') return 'crash';
  switch (aspect) {
    case 'kernel-log':
      return rule === 'kernel/warning' || rule === 'kernel/assertion' ? 'warning' : 'crash';
    case 'device-bytes':
    case 'bytes-read':
      return 'bytes';
    case 'trace-event':
    case 'warn':
      return 'text';
    case 'request':
      return facts?.differs === 'data' ? 'bytes' : 'behaviour';
    default:
      return 'behaviour';
  }
}

/** Compares for sorting: the worst first. */
export const bySeverity = (a: { severity: Severity }, b: { severity: Severity }): number =>
  SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity);
