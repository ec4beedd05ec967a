/** The texts that kernels of the series print as conditions of refusals. */
import { revisions, type RevisionId } from '../../uapi/revision.ts';
import { rulesOf } from './describe.ts';

const known: ReadonlySet<string> = new Set(
  (Object.keys(revisions) as RevisionId[]).flatMap((revision) => rulesOf(revision)).flatMap(({ conditions = [] }) => conditions));

/** Whether some rule of some revision is reported by this text. */
export const isKnownCondition = (text: string): boolean => known.has(text);
