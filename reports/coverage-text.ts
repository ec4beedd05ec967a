/** Kernel code coverage in a line. */
import type { CoverageSummary } from '../model/run-summary.ts';
import { plural } from './text.ts';

export function coverageText({
  unavailable,
  files,
  noLines,
  places,
  keptCases,
  cutCases = 0,
}: CoverageSummary): string {
  if (unavailable !== undefined) return `kernel code coverage not available: ${unavailable}`;
  const cut =
    cutCases === 0
      ? ''
      : `; ${plural(cutCases, 'case')} reached more than there was room for, so that what counts as not reached may have been`;
  const kept = `${plural(keptCases, 'case')} that reached something first ${keptCases === 1 ? 'is' : 'are'} in coverage/${cut}`;
  if (!files) return `kernel code reached: ${places} places (no lines: ${noLines ?? 'unknown'}); ${kept}`;
  const lines = files.reduce((sum, file) => sum + file.lines, 0);
  const reached = files.reduce((sum, file) => sum + file.reached, 0);
  return `kernel code reached: ${reached} of ${lines} lines of fs/fuse and fs/iomap (${places} places); ${kept}`;
}
