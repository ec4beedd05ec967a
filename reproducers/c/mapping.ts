/** A mapping as an initialiser. */
import type { MappingSpec } from '../../model/mapping.ts';
import { NO_TYPE } from '../../server/mapping.ts';
import { bits, initialiser, u32, u64 } from './text.ts';
import type { Program } from './uses.ts';

export function mapping(spec: MappingSpec, { revision }: Program): string {
  const flags = spec.flags.map((flag) => (typeof flag === 'number' ? bits(flag) : `FLAG_${flag}`));
  const type =
    typeof spec.type === 'number'
      ? u32(spec.type)
      : revision.mappingTypes[spec.type] === undefined
        ? u32(NO_TYPE)
        : spec.type;
  return initialiser(
    [
      ['type', type],
      ...(flags.length > 0 ? [['flags', flags.join(' | ')] as const] : []),
      ...(spec.dev === 0
        ? []
        : [['dev', typeof spec.dev === 'number' ? u32(spec.dev) : `devices[${spec.dev.device}].cookie`] as const]),
      ['addr', spec.addr === (1n << 64n) - 1n ? 'NO_ADDR' : u64(spec.addr)],
      ['offset', u64(spec.offset)],
      ['length', u64(spec.length)],
    ],
    3,
  );
}
