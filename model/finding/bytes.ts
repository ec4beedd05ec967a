/** Wrong bytes in words. */
import type { ByteKind, DeviationFacts } from '../verdict.ts';

type Bytes = NonNullable<DeviationFacts['bytes']>;

/** Where several kinds would be right, the first of these says what went wrong. */
const TELLING: readonly ByteKind[] = ['writer', 'server', 'zeros', 'device', 'unchanged', 'untouched', 'nothing'];

/** The kind that belongs there. */
export const dueKind = ({ expected }: Bytes): ByteKind =>
  TELLING.find((kind) => expected.includes(kind)) ?? expected[0] ?? 'unknown';

const BELONGING: Readonly<Partial<Record<ByteKind, string>>> = {
  writer: 'written data',
  server: "the server's data",
  zeros: 'zeros',
  device: "the device's data",
  unchanged: 'what was there before',
  untouched: 'an untouched buffer',
  nothing: 'the end',
};
const SEEN: Readonly<Record<ByteKind, string>> = {
  writer: 'written data',
  server: "the server's data",
  zeros: 'zeros',
  device: 'stale device bytes',
  unchanged: 'unchanged bytes',
  untouched: 'an untouched buffer',
  unknown: 'bytes of unknown origin',
  nothing: 'the end',
  'other device': "another device's bytes",
  'other writer': "another write's data",
  'other file': "another file's data",
  'other place': 'bytes from another place',
};

/** `stale device bytes where zeros belong`. */
export function bytesText(bytes: Bytes): string {
  const due = dueKind(bytes);
  if (bytes.seen === 'writer' && due === 'unchanged') return 'data is written where it does not belong';
  if (bytes.seen === 'unchanged' && due === 'writer') return 'written data is not on the device';
  if (due === 'untouched') return `${SEEN[bytes.seen]} behind the bytes that were returned`;
  return `${SEEN[bytes.seen]} where ${BELONGING[due] ?? 'others'} belong${due === 'zeros' ? '' : 's'}`;
}
