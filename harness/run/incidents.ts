/** What the kernel did that no case of the run shows, as its summary keeps it. */
import { writeInFolder } from '../../files/inside.ts';
import { encodeCase, type Case } from '../../model/case.ts';
import { caseHash } from '../../model/hash.ts';
import { MOST_INCIDENTS, type RunSummary } from '../../model/run-summary.ts';
import { formatCase } from './case-file.ts';
import type { GuestIncident } from './guest.ts';

/**
 * Takes note in `summary` of an incident that is new; of those that are too many it keeps the number. `directory`: of
 * the results.
 */
export function noteIncident(summary: RunSummary, directory: string, incident: GuestIncident): void {
  if (incident.notice) noteNotice(summary, incident);
  else noteFinding(summary, directory, incident);
}

const omitted = (summary: RunSummary): NonNullable<RunSummary['omitted']> =>
  (summary.omitted ??= { incidents: 0, notices: 0 });

function noteNotice(summary: RunSummary, { reason, when }: GuestIncident): void {
  const text = `the kernel's log, ${when}: ${reason} (not judged; console.log has it)`;
  if (summary.notices.includes(text)) return;
  if (summary.notices.length < MOST_INCIDENTS) summary.notices.push(text);
  else omitted(summary).notices += 1;
}

function noteFinding(
  summary: RunSummary,
  directory: string,
  { reason, when, log, candidates, shownBy }: GuestIncident,
): void {
  summary.incidents ??= [];
  // Each guest boots the same kernel, and says the same.
  if (summary.incidents.some((known) => known.reason === reason && known.when === when)) return;
  if (summary.incidents.length >= MOST_INCIDENTS) {
    omitted(summary).incidents += 1;
    return;
  }
  const shown = shownBy && { ...shownBy, case: encodeCase(shownBy.case), file: saveCase(directory, shownBy.case) };
  summary.incidents.push({
    reason,
    when,
    log: log.join('\n'),
    ...(candidates.length > 0 && { candidates: [...candidates] }),
    ...(shown && { shownBy: shown }),
  });
}

/** Returns its path, relative to the directory. */
function saveCase(directory: string, testCase: Case): string {
  const name = `${caseHash(testCase).slice(0, 12)}.case.json`;
  writeInFolder(directory, 'findings', name, formatCase(testCase));
  return `findings/${name}`;
}
