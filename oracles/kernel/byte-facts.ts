/** Of what kind the bytes are that were seen, and those that belong there. */
import type { ByteSource } from '../../model/bytes.ts';
import type { ByteKind, DeviationFacts } from '../../model/verdict.ts';
import type { Difference } from './content.ts';

const KINDS: Readonly<Record<ByteSource['kind'], ByteKind>> = {
  device: 'device',
  writer: 'writer',
  server: 'server',
  zero: 'zeros',
  poison: 'untouched',
  other: 'unknown',
  unknown: 'unknown',
};
const OTHERS = { device: 'other device', writer: 'other writer', server: 'other file' } as const;

/** `unchanged`: whether a source is what lay there before. */
export function byteFacts(
  { sources: { seen, expected } }: Difference,
  unchanged: (source: ByteSource) => boolean = () => false,
): NonNullable<DeviationFacts['bytes']> {
  const kindOf = (source: ByteSource): ByteKind => (unchanged(source) ? 'unchanged' : KINDS[source.kind]);
  const right = [...new Set(expected.map(kindOf))].sort();
  return {
    expected: right.length === 0 ? ['nothing'] : right,
    seen: seen === undefined ? 'nothing' : comparedKind(seen, expected, kindOf),
  };
}

function comparedKind(
  seen: ByteSource,
  expected: readonly ByteSource[],
  kindOf: (source: ByteSource) => ByteKind,
): ByteKind {
  const alike = expected.filter(({ kind }) => kind === seen.kind);
  if (alike.length === 0 || !(seen.kind in OTHERS) || kindOf(seen) === 'unchanged') return kindOf(seen);
  return alike.some((source) => ownerOf(source) === ownerOf(seen))
    ? 'other place'
    : OTHERS[seen.kind as keyof typeof OTHERS];
}

const ownerOf = (source: ByteSource): number | undefined =>
  source.kind === 'device'
    ? source.device
    : source.kind === 'writer'
      ? source.writer
      : source.kind === 'server'
        ? source.file
        : undefined;
