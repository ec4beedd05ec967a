/** Content address of a case: what the experiment is, not where it came from. */
import { createHash } from 'node:crypto';
import { encodeCase, type Case } from './case.ts';

/** JSON with sorted keys and without undefined members, so that equal values have equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${members.map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

/** sha256 over the canonical JSON of the case without its provenance, hexadecimal. */
export function caseHash(value: Case): string {
  const { provenance: _provenance, ...experiment } = encodeCase(value);
  return createHash('sha256').update(canonicalJson(experiment)).digest('hex');
}
