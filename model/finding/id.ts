import { createHash } from 'node:crypto';

/**
 * The name of a finding: the same for one key in every run, on every machine and in every version that makes the same
 * keys.
 */
export const findingId = (key: string): string => createHash('sha256').update(key).digest('hex').slice(0, 8);
