/** What is wrong in a deviation, without what was drawn: deviations with one key have one cause. */
import type { ByteKind, Deviation, DeviationFacts } from '../verdict.ts';
import { dueKind } from './bytes.ts';
import { causeInLog, messageWithoutNumbers } from './message.ts';

export interface Key {
  parts: readonly string[];
  /** Wider keys, the first of which that is found takes this one in: see `errnoKey` and `letThrough`. */
  general?: readonly (readonly string[])[];
}

/** Errnos that the kernel's own code returns to itself: losing one of them is another fault than losing any. */
const MEANINGFUL: ReadonlySet<string> = new Set([
  'ENOENT',
  'ENOTBLK',
  'EAGAIN',
  'EINTR',
  'ENOSYS',
  'ESTALE',
  'EOPNOTSUPP',
  'ENOTTY',
  'EEXIST',
  'ENODATA',
  'ERESTARTSYS',
  'EIOCBQUEUED',
  'ENOSPC',
]);

export function keyOf(deviation: Deviation): Key {
  const { facts, aspect, rule, seen, expected } = deviation;
  if (aspect === 'kernel-log') return { parts: ['kernel', causeInLog(seen)] };
  if (!facts) return { parts: [rule, aspect, messageWithoutNumbers(expected), messageWithoutNumbers(seen)] };
  if (facts.request !== undefined) return { parts: requestKey(deviation, facts) };
  if (facts.condition) return conditionKey(rule, facts.condition);
  if (facts.errno) return errnoKey(rule, facts.errno, facts.answered ?? {});
  if (facts.bytes) return { parts: [...(isGeneral(rule) ? [] : [rule]), ...bytesKey(facts.bytes)] };
  return { parts: [rule, facts.value ?? aspect] };
}

/** Rules that say how bytes were looked at, not which bytes are right: one wrong write shows by all of them. */
const isGeneral = (rule: string): boolean =>
  /^(read|mmap|write|device\/bytes|mixed|size)\b/.test(rule) && rule !== 'device/read';

/** Bytes from another place are moved, whoever owns them. */
const bytesKey = (bytes: NonNullable<DeviationFacts['bytes']>): string[] => {
  const due = dueKind(bytes);
  return [
    'bytes',
    ...(bytes.seen === 'other place' ? [] : [due]),
    due === 'zeros' && NOT_ZEROED.has(bytes.seen) ? 'device' : bytes.seen,
  ];
};

/**
 * What is not zeroed shows whatever was there: what the device held, and where a page was not read, what the memory
 * held.
 */
const NOT_ZEROED: ReadonlySet<ByteKind> = new Set(['device', 'unchanged', 'unknown'] as const);

function requestKey(
  { rule }: Deviation,
  { request = '', operation = '', differs, fields = [], flags = [], bytes }: DeviationFacts,
): string[] {
  switch (differs) {
    case 'missing':
      return [request, operation, 'missing', rule];
    case 'extra':
      return [request, operation, 'extra'];
    case 'data':
      return [request, 'data', ...(bytes ? bytesKey(bytes) : [])];
    case 'fields': {
      const name = fields[0]?.name ?? '';
      if (flags.length > 0)
        return [request, fields.find((field) => /flags|valid/.test(field.name))?.name ?? name, ...flags];
      // A range is cut or moved for one operation, an identity is wrong for all.
      return RANGE.has(name)
        ? [request, 'range', operation]
        : [request, name, ...(request === 'IOMAP_IOEND' ? [operation] : [])];
    }
    default:
      return [request, differs ?? 'differs'];
  }
}

const RANGE: ReadonlySet<string> = new Set(['pos', 'count', 'offset', 'length']);

/**
 * What a check lets through can still meet another one: where some of it is accepted, the check is missing, and the
 * others only come in its place.
 */
const letThrough = (rule: string): readonly string[] => [rule, 'accepted'];

/** What is refused although it is right takes the place of any other refusal that comes after it. */
const falselyRefused = (condition = ''): readonly string[] => ['refused', condition];

/**
 * What a rule must refuse and what is reported instead; a report that nothing asks for is one condition's, whatever was
 * refused.
 */
function conditionKey(rule: string, { expected, seen }: NonNullable<DeviationFacts['condition']>): Key {
  if (expected === undefined) return { parts: falselyRefused(seen) };
  return seen === undefined
    ? { parts: [rule, 'not reported'], general: [letThrough(rule)] }
    : { parts: [rule, 'reported as', seen], general: [letThrough(rule), falselyRefused(seen)] };
}

/** Losing any errno that the server answered takes in losing one that means something. */
function errnoKey(
  rule: string,
  { expected, seen }: NonNullable<DeviationFacts['errno']>,
  answered: NonNullable<DeviationFacts['answered']>,
): Key {
  // Data that is lost without a word is lost, whoever knew the reason.
  if (rule === 'writeback/silent-loss') return { parts: letThrough(rule) };
  const outcome = answered.seen ? "the server's" : seen;
  if (!answered.expected) {
    if (expected.includes('success')) return { parts: [rule, 'fails', outcome] };
    return seen === 'success'
      ? { parts: letThrough(rule) }
      : { parts: [rule, 'errno', outcome], general: [letThrough(rule)] };
  }
  const any = [rule, "the server's errno", outcome];
  const [meant] = expected.filter((errno) => MEANINGFUL.has(errno));
  return meant === undefined ? { parts: any } : { parts: [...any, meant], general: [any] };
}
