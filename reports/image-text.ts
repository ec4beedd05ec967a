/**
 * Which image was tested, in words: an old image of a tree that has changed since is the commonest way to test the
 * wrong kernel.
 */
import { plainLine } from '../model/plain-text.ts';
import type { Environment } from '../model/run-summary.ts';

type Image = Pick<Environment, 'kernelImageDate' | 'kernelCommit'>;

/**
 * `image of 2026-11-30 04:12 UTC, commit v7.3-rc2-14-g0123456789ab-dirty`; empty: results of a version that did not
 * note it.
 */
export function imageText({ kernelImageDate, kernelCommit }: Image): string {
  return plainLine(
    [
      ...(kernelImageDate === undefined ? [] : [`image of ${kernelImageDate.slice(0, 16).replace('T', ' ')} UTC`]),
      ...(kernelCommit === undefined ? [] : [`commit ${kernelCommit}`]),
    ].join(', '),
  );
}
