/** Kernel code coverage in a line. */
import type { CoverageSummary } from '../harness/model/results.ts';

export function coverageText({ unavailable, files, noLines, places, keptCases }: CoverageSummary): string {
  if (unavailable !== undefined) return `kernel code coverage not available: ${unavailable}`;
  const kept = `${keptCases} cases that reached something first are in coverage/`;
  if (!files) return `kernel code reached: ${places} places (no lines: ${noLines ?? 'unknown'}); ${kept}`;
  const lines = files.reduce((sum, file) => sum + file.lines, 0);
  const reached = files.reduce((sum, file) => sum + file.reached, 0);
  return `kernel code reached: ${reached} of ${lines} lines of fs/fuse and fs/iomap (${places} places); ${kept}`;
}
