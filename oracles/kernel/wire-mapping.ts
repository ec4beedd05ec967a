/** What goes over the wire for a mapping as a case states it. */
import type { MappingSpec } from '../../model/mapping.ts';
import type { Revision } from '../../uapi/revision.ts';
import type { WireMapping } from '../rules/context.ts';

/**
 * What stands for a device that was not registered: no kernel gives it out. As harness/guest/cases/script.ts has it.
 */
const NO_COOKIE = 0x7fff_fffe;

/** `devices`: what BACKING_OPEN gave for each device of the case. */
export function cookieFor(devices: readonly number[], dev: MappingSpec['dev']): number {
  if (typeof dev === 'number') return dev;
  const cookie = devices[dev.device];
  return cookie !== undefined && cookie > 0 ? cookie : NO_COOKIE;
}

export function wireMapping(revision: Revision, devices: readonly number[], spec: MappingSpec): WireMapping {
  const { mappingTypes, mappingFlags } = revision;
  return {
    offset: spec.offset,
    length: spec.length,
    addr: spec.addr,
    type: typeof spec.type === 'number' ? spec.type : (mappingTypes[spec.type] ?? 0xffff),
    flags: spec.flags.reduce<number>(
      (sum, flag) => sum | (typeof flag === 'number' ? flag : (mappingFlags[flag] ?? 0)),
      0,
    ),
    dev: cookieFor(devices, spec.dev),
  };
}
