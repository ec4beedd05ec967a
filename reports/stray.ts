/** Parts of a stored verdict that belong to another kind of verdict: reading leaves them out, so they are looked for first. */
import type { Verdict } from '../model/verdict.ts';

/**
 * What a verdict as it came from JSON holds that belongs to another kind, for people; an empty list says nothing.
 * Undefined: nothing.
 */
export function strayIn(stored: object): string | undefined {
  const { kind } = stored as { kind?: Verdict['kind'] };
  const parts: Record<string, string> = {
    ...(kind !== 'deviates' && { deviations: 'deviations', conformsAs: 'revisions by which it would conform' }),
    ...(kind === 'conforms' && { reason: 'a reason why it was not judged' }),
  };
  return Object.entries(parts).find(([field]) => {
    const value = (stored as Record<string, unknown>)[field];
    return value !== undefined && !(Array.isArray(value) && value.length === 0);
  })?.[1];
}
