/** What rules about mappings are asked about: a reply as it went over the wire, and the facts it is judged against. */
import { nameOf, type MappingTypeName, type OpFlagName, type Revision } from '../../uapi/revision.ts';
import type { Half } from './rule.ts';

/** struct fuse_iomap_io. offset, length and addr in bytes. */
export interface WireMapping {
  offset: bigint;
  length: bigint;
  addr: bigint;
  type: number;
  flags: number;
  dev: number;
}

/** A registered device. */
export interface DeviceFacts {
  /** Index into the case's devices. */
  index: number;
  sizeBytes: bigint;
  readable: boolean;
  writable: boolean;
}

/** What a mapping is judged against besides the request. */
export interface MountFacts {
  revision: Revision;
  /** The superblock's. */
  blockSizeBytes: bigint;
  maxBytes: bigint;
  /** Registered devices by cookie. */
  devices: ReadonlyMap<number, DeviceFacts>;
}

/** One mapping in one half. */
export interface MapContext extends MountFacts {
  half: Half;
  mapping: WireMapping;
  inodeHasCache: boolean;
}

/** A BEGIN request with its reply. */
export interface BeginContext extends MountFacts {
  opflags: number;
  pos: bigint;
  count: bigint;
  inodeHasCache: boolean;
  /** Errno of the reply's header, positive; 0: none. */
  repliedErrno: number;
  /** Payload bytes behind the header. */
  payloadBytes: number;
  /** Present when the payload has the layout's size. */
  read?: WireMapping;
  write?: WireMapping;
}

export const typeName = (revision: Revision, mapping: WireMapping): MappingTypeName | undefined =>
  nameOf(revision.mappingTypes, mapping.type);

export const isType = (
  context: { revision: Revision },
  mapping: WireMapping | undefined,
  ...names: MappingTypeName[]
): boolean => mapping !== undefined && names.some((name) => context.revision.mappingTypes[name] === mapping.type);

export const isBacked = (context: { revision: Revision }, mapping: WireMapping | undefined): boolean =>
  isType(context, mapping, 'MAPPED', 'UNWRITTEN');

export const hasOp = (context: { revision: Revision; opflags: number }, ...names: OpFlagName[]): boolean =>
  names.some((name) => (context.opflags & context.revision.opFlags[name]) !== 0);

/** WRITE, ZERO, UNSHARE and WRITEBACK. */
export const isWriteType = (context: { revision: Revision; opflags: number }): boolean =>
  hasOp(context, 'WRITE', 'ZERO', 'UNSHARE', 'WRITEBACK');

/**
 * The mapping that a write-type operation writes to: the write half, or the read half when the write half is
 * PURE_OVERWRITE.
 */
export const writtenTo = (context: BeginContext): WireMapping | undefined =>
  isType(context, context.write, 'PURE_OVERWRITE') ? context.read : context.write;
