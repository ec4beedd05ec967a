/** Numbers of a kernel's header beside those of a revision's table, in words. */
import { headerNumbers, HEADER_INIT_FLAG } from '../uapi/header-names.ts';
import { differences, numbersOf, type Difference, type Numbers } from '../uapi/numbers.ts';
import { revisions, type Revision } from '../uapi/revision.ts';
import type { RunSummary } from '../model/run-summary.ts';
import type { Run } from './run.ts';

/** Flags and ioctls read best in hexadecimal. */
const number = ({ what }: Difference, value: number): string =>
  what === 'ioctls' || (what !== 'initBit' && what !== 'minor' && headerNumbers[what].kind === 'flag')
    ? `0x${value.toString(16)}`
    : String(value);

function nameOf({ what, name }: Difference): string {
  if (what === 'initBit') return `the bit of ${HEADER_INIT_FLAG}`;
  return what === 'minor' ? 'the minor version' : `${headerNumbers[what].prefix}${name ?? ''}`;
}

/** `as in the table of revision r3`, or each number that is another. */
export function differencesText(numbers: Numbers, revision: Revision): string {
  const all = differences(revision, numbers);
  return all.length === 0
    ? `as in the table of revision ${revision.id}`
    : `${all
        .map((one) => `${nameOf(one)} is ${number(one, one.kernel)} (not ${number(one, one.table)})`)
        .join(', ')}; else as in the table of revision ${revision.id}`;
}

type Told = Pick<RunSummary, 'revision' | 'uapiHeader'>;

export const numbersIn = ({ summary }: Pick<Run, 'summary'>): Numbers | undefined => summary.uapiHeader?.numbers;

/** By which numbers the kernel was spoken to. */
export const numbersText = ({ revision, uapiHeader }: Told): string =>
  differencesText(uapiHeader?.numbers ?? numbersOf(revisions[revision]), revisions[revision]);

/** The header and what is another number in it than in the table */
export const headerText = (summary: Told): string =>
  summary.uapiHeader ? `${summary.uapiHeader.path}: ${numbersText(summary)}` : numbersText(summary);
