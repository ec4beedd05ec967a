/** What names a finding: the same wherever and whenever it is found. */
import { createHash } from 'node:crypto';
import type { Deviation } from '../verdict.ts';
import { keyOf } from './key.ts';

interface Name {
  /** Stands for the key: the same in every run, on every machine and in every version that makes the same keys. */
  id: string;
  key: string;
}

export interface Identity extends Name {
  /** Findings that this one may be a part of, the likeliest first. */
  general: readonly Name[];
}

const named = (parts: readonly string[]): Name => {
  const key = parts.join(' | ');
  return { id: createHash('sha256').update(key).digest('hex').slice(0, 8), key };
};

/** Of the finding that a deviation is, when it follows from no other one. */
export function identityOf(deviation: Deviation): Identity {
  const { parts, general = [] } = keyOf(deviation);
  return { ...named(parts), general: general.map(named) };
}
