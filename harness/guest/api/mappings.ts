/** Mappings as scripts write them. */
import type { MappingFlagName, MappingTypeName } from '../../../uapi/revision.ts';

export type Bytes = number | bigint;

/** One mapping. Made by `mapped` and its siblings, or by hand where a test wants what they do not make. */
export interface Mapping {
  type: MappingTypeName | number;
  flags?: (MappingFlagName | number)[];
  /** Number of a device; or `{ cookie }`, that number as it is. Absent: no device. */
  device?: number | { cookie: number };
  /** Bytes on the device; absent: no address (all ones). */
  addr?: Bytes;
  /** Bytes in the file. */
  offset: Bytes;
  length: Bytes;
}

export interface Range {
  offset: Bytes;
  length: Bytes;
}
interface Unbacked extends Range {
  flags?: (MappingFlagName | number)[];
}
interface Backed extends Unbacked {
  device: number;
  addr: Bytes;
}

/** Both halves of a BEGIN reply. */
export interface Mappings {
  read: Mapping;
  write: Mapping;
}

/** The bytes lie on the device, at addr. */
export const mapped = (at: Backed): Mapping => ({ type: 'MAPPED', ...at });
/** Space on the device that was never written: reads give zeros. */
export const unwritten = (at: Backed): Mapping => ({ type: 'UNWRITTEN', ...at });
/** Nothing: reads give zeros. */
export const hole = (at: Unbacked): Mapping => ({ type: 'HOLE', ...at });
/** Promised space that has no place yet. */
export const delalloc = (at: Unbacked): Mapping => ({ type: 'DELALLOC', ...at });
/** The server itself has the bytes: the kernel asks with READ and writes with WRITE. */
export const inline = (at: Unbacked): Mapping => ({ type: 'INLINE', ...at });
/** As the write half: writes go where the read half says. */
export const pureOverwrite = (at: Unbacked): Mapping => ({ type: 'PURE_OVERWRITE', ...at });
/** Look into the mapping cache again. */
export const retryCache = (at: Unbacked): Mapping => ({ type: 'RETRY_CACHE', ...at });
/**
 * Only in `notify.upsert`: leave this half alone. Its range must be a valid one all the same; that of the other half
 * will do.
 */
export const nocache = (at: Range): Mapping => ({ type: 'NOCACHE', ...at });
