/** A finding of something that the kernel did and that no case of the run shows. */
import { identityOf } from '../model/finding/id.ts';
import { incidentDeviation } from '../model/incident.ts';
import { inPlaces, type Sighting } from '../model/finding/set.ts';
import { severityOf } from '../model/finding/severity.ts';
import { caseSize } from '../model/finding/size.ts';
import type { CaseRecord } from '../model/results.ts';
import type { Incident } from '../model/run-summary.ts';
import type { Finding } from './finding.ts';

/**
 * Its example names the cases one of which did it, or is the case that showed it where that is none of the run's own.
 */
export function incidentFinding({ reason, when, log, candidates = [], shownBy }: Incident, seed: number): Finding {
  const deviation = incidentDeviation({ reason });
  const { rule } = deviation;
  const deviations = [deviation];
  // As that of a case that shows it: what the kernel says does not depend on what runs beside it.
  const { id, key } = identityOf(deviation);
  const note = shownBy || candidates.length === 0 ? when : `${when}; ${candidatesText(candidates)}`;
  const example: CaseRecord = {
    n: 0,
    hash: candidates[0] ?? 'none',
    note,
    seed,
    verdict: { kind: 'deviates', deviations },
    consoleTail: log,
    ...(shownBy && { case: shownBy.case }),
  };
  const size = caseSize(example.case);
  const place: Sighting<CaseRecord> = {
    rule,
    path: 'the run as a whole',
    cases: [],
    n: 0,
    example,
    size,
    deviation,
    follows: [],
  };
  const found = inPlaces({ id, key, title: '', severity: severityOf(deviation), places: [place] }, [place]);
  return {
    ...found,
    rule,
    paths: [place.path],
    cases: [],
    example,
    deviations,
    ofRun: true,
    ...(shownBy && {
      reliability: shownBy.reliability,
      file: shownBy.file,
      notMinimised: 'it was seen while another finding was made small',
    }),
  };
}

const MOST_NAMED = 8;

function candidatesText(candidates: readonly string[]): string {
  const names = candidates
    .slice(0, MOST_NAMED)
    .map((hash) => hash.slice(0, 12))
    .join(', ');
  return `${candidates.length === 1 ? 'the case' : 'the cases'}: ${names}${candidates.length > MOST_NAMED ? ' ...' : ''}`;
}

/** `times`: at how many moments it was seen. */
export function incidentSeen({ finding, times }: { finding: Finding; times: number }): Finding {
  if (times === 1) return finding;
  const { example } = finding;
  return {
    ...finding,
    example: { ...example, note: `${example.note}; and at ${times - 1} more ${times === 2 ? 'moment' : 'moments'}` },
  };
}

/** A finding that cases show, and that was seen outside of them. */
export const seenOutside = (finding: Finding, incident: Finding): Finding => ({
  ...finding,
  example: { ...finding.example, note: `${finding.example.note}; it was also seen ${incident.example.note}` },
});
