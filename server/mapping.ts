/** Mappings as a case states them, as what goes over the wire. */
import type { MappingSpec } from '../model/mapping.ts';
import type { IomapIo } from '../uapi/iomap.ts';
import type { Revision } from '../uapi/revision.ts';

/** BACKING_OPEN's result for each device of the case, in order; what the kernel refused is no cookie. */
export type Cookies = readonly number[];

/** What stands for a device that was not registered: no kernel gives it out. */
export const NO_COOKIE = 0x7fff_fffe;

export const cookieOf = (cookies: Cookies, device: number): number =>
  (cookies[device] ?? 0) > 0 ? cookies[device]! : NO_COOKIE;

/** A type that the revision does not have: no kernel has one of that number. */
export const NO_TYPE = 0xffff;

/** `cookieFor`: the cookie of the case's n-th device. Flags that the revision does not have are left out. */
export function encodeMapping(
  { mappingTypes, mappingFlags }: Revision,
  { offset, length, addr, type, flags, dev }: MappingSpec,
  cookieFor: (device: number) => number,
): IomapIo {
  return {
    offset,
    length,
    addr,
    type: typeof type === 'number' ? type : (mappingTypes[type] ?? NO_TYPE),
    flags: flags.reduce<number>(
      (sum, flag) => (sum | (typeof flag === 'number' ? flag : (mappingFlags[flag] ?? 0))) >>> 0,
      0,
    ),
    dev: typeof dev === 'number' ? dev : cookieFor(dev.device),
  };
}
