/** What deviated, in one line: the heading of a finding. */
import type { Deviation } from '../verdict.ts';
import { bytesText } from './bytes.ts';

/** `path`: where it was seen: `direct-read`. */
export function titleOf({ rule, aspect, expected, seen, facts }: Deviation, path: string): string {
  if (aspect === 'kernel-log' || rule.startsWith('kernel/'))
    return rule === 'kernel/healthy' ? seen : `${rule.replace('kernel/', '')}: ${seen}`;
  if (facts?.request !== undefined) return requestTitle({ expected, seen, facts });
  if (facts?.condition) return conditionTitle(rule, facts.condition);
  if (facts?.errno) return errnoTitle(rule, path, facts);
  if (facts?.bytes)
    return `${aspect === 'device-bytes' ? 'device' : rule === 'device/read' ? 'page cache of the device' : path}: ${bytesText(facts.bytes)}`;
  if (aspect === 'size') return `the size is ${seen}, must be ${expected}`;
  if (facts?.value === 'too few' || facts?.value === 'too many')
    return `${path}: returns ${seen}, must return ${expected}`;
  return `${facts?.value === undefined ? rule : `${path}: ${facts.value}`}: seen ${short(seen)}, must be ${short(expected)}`;
}

const short = (text: string): string => (text.length > 100 ? `${text.slice(0, 100).replace(/\s+\S*$/, '')} ...` : text);
const plainName = (request: string): string => request.replace(/^IOMAP_/, '');

function requestTitle({ expected, seen, facts }: Pick<Deviation, 'expected' | 'seen' | 'facts'>): string {
  const { request = '', operation, differs, fields = [], bytes } = facts!;
  const name = `${plainName(request)}${operation === undefined ? '' : ` of ${operation}`}`;
  switch (differs) {
    case 'missing':
      return `${name} is missing`;
    case 'extra':
      return `${name} that nothing asks for`;
    case 'data':
      return `${name}: ${bytes ? bytesText(bytes) : 'other data'}`;
    case 'fields':
      if (fields.length > 0)
        return `${name}: ${fields.map((field) => `${field.name} is ${field.seen}, must be ${field.expected}`).join('; ')}`;
  }
  return `${name}: seen ${short(seen)}, must be ${short(expected)}`;
}

function conditionTitle(rule: string, { expected, seen }: { expected?: string; seen?: string }): string {
  if (expected === undefined) return `reported although no rule refuses it: ${seen}`;
  return seen === undefined ? `${rule}: refused without a report` : `${rule}: reported as ${seen}, must be ${expected}`;
}

function errnoTitle(rule: string, path: string, { errno, answered }: NonNullable<Deviation['facts']>): string {
  const due = `${errno!.expected.join(' or ')}${answered?.expected ? ', which the server answered' : ''}`;
  const got =
    errno!.seen === 'success'
      ? 'succeeds'
      : `fails with ${errno!.seen}${answered?.seen ? ', which the server answered' : ''}`;
  return `${rule}: ${path} ${got}, must ${errno!.expected.includes('success') ? 'succeed' : errno!.expected[0] === 'failure' ? 'fail' : `fail with ${due}`}`;
}
