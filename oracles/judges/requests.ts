/** Judges requests wherever they stand: what must hold of each, whatever the syscall. Their place and content is judged by the model. */
import type { Case } from '../../harness/model/case.ts';
import type { Observation } from '../../harness/model/observation.ts';
import type { Deviation } from '../../harness/model/verdict.ts';
import type { Expectation } from '../kernel/expectation.ts';

/** Fields that are zero in every request; byte arrays are zero throughout. */
const ZERO_FIELDS: Readonly<Record<string, readonly string[]>> = {
  IOMAP_BEGIN: ['reserved'], IOMAP_END: ['reserved'], IOMAP_IOEND: ['pad'], IOMAP_CONFIG: ['zero', 'padding'],
};

export function judgeRequests(_of: Case, seen: Observation, _expectation: Expectation): Deviation[] {
  const deviations: Deviation[] = [];
  const ordered = [...seen.transcript].sort((a, b) => a.seq - b.seq);
  const destroy = ordered.findIndex((exchange) => exchange.name === 'DESTROY');
  const late = destroy < 0 ? undefined : ordered[destroy + 1];
  if (late) deviations.push({ rule: 'request/after-destroy', aspect: 'request', expected: 'no request after DESTROY', seen: late.name });
  for (const { name, request } of ordered) {
    for (const field of ZERO_FIELDS[name] ?? []) {
      const value = request[field];
      const zero = value instanceof Uint8Array ? value.every((byte) => byte === 0) : value === undefined || BigInt(value as bigint | number) === 0n;
      if (!zero) deviations.push({ rule: 'request/reserved', aspect: 'request', expected: `${name}.${field} is 0`, seen: String(value) });
    }
  }
  return deviations;
}
