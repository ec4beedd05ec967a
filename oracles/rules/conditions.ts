/** The texts that kernels of the series print as conditions of refusals. */
import { revisionIds, revisions } from '../../uapi/revision.ts';
import { rulesOf } from './describe.ts';

const known: ReadonlySet<string> = new Set(
  revisionIds.flatMap((id) => rulesOf(revisions[id])).flatMap(({ conditions = [] }) => conditions),
);

/** Whether some rule of some revision is reported by this text. */
export const isKnownCondition = (text: string): boolean => known.has(text);

/** Of a device that is not known; a kernel that looks at more of the device in the same place says these. */
const DEVICE = ['ret == NULL', 'IS_ERR(fb)'] as const;
/** Rules without a text of their own, and the texts of other rules by which a kernel may mean them: no other does. */
const meant: Readonly<Record<string, readonly string[]>> = {
  'begin/atomic-on-storage': [],
  'begin/atomic-flagged': [],
  'begin/device-readable': DEVICE,
  'begin/device-writable': DEVICE,
  'upsert/ino-matches': [],
  'inval/ino-matches': [],
  'upsert/within-device': DEVICE,
};

/**
 * Whether a report with this text is not one of `rule`, which has no text of its own: another rule has it, and it
 * cannot mean this one.
 */
export const isTextOfAnother = (rule: string, text: string): boolean =>
  isKnownCondition(text) && meant[rule]?.includes(text) === false;
