/** What the oracles say of a case: deviations from a rule or behaviour that is in their tables. */
import type { Deviation as RecordedDeviation } from '../model/verdict.ts';
import type { ClauseId } from './rules/rule-id.ts';

/** Records of other versions may name rules that these tables do not have; judges cannot. */
export interface Deviation extends RecordedDeviation {
  rule: ClauseId;
}
