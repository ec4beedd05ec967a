/** Requests and their fields in words: errnos, flags and types by their names, fields named as in the uAPI header. */
import type { Exchange } from '../../model/observation.ts';
import { negativeErrnoText } from '../../uapi/errno.ts';
import { SETATTR_VALID } from '../../uapi/fuse-flags.ts';
import { flagNames, nameOf, type Revision } from '../../uapi/revision.ts';
import { isField, type ExpectedRequest } from './driver.ts';

type Flags = Readonly<Partial<Record<string, number>>>;

/** `newAddr` is new_addr in the header. */
export const fieldName = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The flags that a field holds; undefined: it is none of flags. `prefix`: of the structure that it stands in. */
function flagsOf(request: string, name: string, { opFlags, ioendFlags, mappingFlags }: Revision): Flags | undefined {
  if (name === 'opflags') return opFlags;
  if (name === 'map.flags') return mappingFlags;
  if (name === 'flags' && request === 'IOMAP_IOEND') return ioendFlags;
  return name === 'valid' && request === 'SETATTR' ? SETATTR_VALID : undefined;
}

/** Names of the bits, `0x400` for one without a name. */
function flagWords(table: Flags, word: number): string[] {
  const { names, rest } = flagNames(table, word);
  return [...names, ...(rest === 0 ? [] : [`0x${rest.toString(16)}`])];
}

/** `name`: as `fieldName` has it, behind that of its structure: `map.addr`. */
export function fieldText(request: string, name: string, value: unknown, revision: Revision): string {
  if (typeof value !== 'bigint' && typeof value !== 'number') return String(value);
  if (name === 'error') return negativeErrnoText(value);
  const flags = flagsOf(request, name, revision);
  if (flags) return flagWords(flags, Number(value)).join('|') || '0';
  if (name === 'map.type') return nameOf(revision.mappingTypes, Number(value)) ?? String(value);
  return value < 0 ? String(value) : `0x${value.toString(16)}`;
}

/** `+FAULT -WRITE`: flags that are set and should not be, and the reverse; undefined: the field is none of flags. */
export function flagDifference(
  request: string,
  name: string,
  expected: bigint | number,
  seen: unknown,
  revision: Revision,
): string | undefined {
  const flags = flagsOf(request, name, revision);
  if (!flags || (typeof seen !== 'bigint' && typeof seen !== 'number')) return undefined;
  const [want, got] = [Number(expected), Number(seen)];
  return [
    ...flagWords(flags, (got & ~want) >>> 0).map((flag) => `+${flag}`),
    ...flagWords(flags, (want & ~got) >>> 0).map((flag) => `-${flag}`),
  ].join(' ');
}

/** What the kernel is to send: `IOMAP_BEGIN opflags=WRITEBACK pos=0x400`. */
export const expectedText = ({ name, fields }: ExpectedRequest, revision: Revision): string =>
  `${name} ${fieldsText(name, fields, revision, '')}`.trimEnd();

function fieldsText(request: string, fields: ExpectedRequest['fields'], revision: Revision, prefix: string): string {
  return Object.entries(fields)
    .map(([key, field]) => {
      const name = `${prefix}${fieldName(key)}`;
      return isField(field)
        ? `${fieldName(key)}=${fieldText(request, name, field.value, revision)}`
        : `${fieldName(key)}={${fieldsText(request, field, revision, `${name}.`)}}`;
    })
    .join(' ');
}

/** What it did send. */
export function exchangeText({ name, raw, request }: Exchange, revision: Revision): string {
  if (raw) return `${name} (${raw.length} bytes)`;
  const words = (record: Record<string, unknown>, prefix: string): string =>
    Object.entries(record)
      .map(([key, value]) => {
        const field = `${prefix}${fieldName(key)}`;
        return typeof value === 'object' && value !== null && !(value instanceof Uint8Array)
          ? `${fieldName(key)}={${words(value as Record<string, unknown>, `${field}.`)}}`
          : `${fieldName(key)}=${fieldText(name, field, value, revision)}`;
      })
      .join(' ');
  return `${name} ${words(request, '')}`.trimEnd();
}

const OPERATIONS: readonly [flag: string, operation: string][] = [
  ['WRITEBACK', 'writeback'],
  ['SWAPFILE', 'swapon'],
  ['REPORT', 'report'],
  ['UNSHARE', 'unsharing'],
  ['ZERO', 'zeroing'],
  ['ATOMIC', 'atomic write'],
];

/** What a request is for, by its flags; undefined: it is for one thing only. */
export function operationOf(
  request: string,
  fields: Readonly<Record<string, unknown>>,
  revision: Revision,
): string | undefined {
  if (request === 'IOMAP_BEGIN' || request === 'IOMAP_END') {
    const flags = flagWords(revision.opFlags, Number(fields['opflags'] ?? 0));
    const known = OPERATIONS.find(([flag]) => flags.includes(flag))?.[1];
    if (known !== undefined) return known;
    const [direct, write] = [flags.includes('DIRECT') ? 'direct ' : '', flags.includes('WRITE')];
    return flags.includes('FAULT') && write ? 'write fault' : `${direct}${write ? 'write' : 'read'}`;
  }
  if (request !== 'IOMAP_IOEND') return undefined;
  const flags = flagWords(revision.ioendFlags, Number(fields['flags'] ?? 0));
  return flags.includes('SWAPOFF') ? 'swapoff' : flags.includes('DIRECT') ? 'direct write' : 'writeback';
}
