/** What a summary does not hold, because there was too much of it. */
import type { RunSummary } from '../model/run-summary.ts';
import { plural } from './text.ts';

export function omittedText({ incidents, notices }: NonNullable<RunSummary['omitted']>): string {
  const parts = [
    ...(incidents > 0 ? [plural(incidents, 'further finding')] : []),
    ...(notices > 0 ? [plural(notices, 'further notice')] : []),
  ];
  return `${parts.join(' and ')} of what the kernel did while no case ran ${incidents + notices === 1 ? 'was' : 'were'} not kept, because there were so many; console.log has what it said`;
}
