/** What the kernel's header include/uapi/linux/fuse.h calls the numbers and structures that our tables have. */
import * as fuse from './fuse-structs.ts';
import * as iomap from './iomap.ts';
import type { NumberTable } from './numbers.ts';
import type { Revision } from './revision.ts';
import type { Layout } from './struct.ts';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- layouts of all field types
type AnyLayout = Layout<any>;

export const HEADER_INIT_FLAG = 'FUSE_IOMAP';
export const HEADER_MINOR = 'FUSE_KERNEL_MINOR_VERSION';

/** What a number of a table must be. `bits`: so many, from the lowest. */
interface NamedNumbers {
  readonly prefix: string;
  /** A flag is one bit, and no two of a table are the same; so it is with values. */
  readonly kind: 'value' | 'flag';
  readonly bits: number;
}

/** A name of ours behind `prefix` is the header's. */
export const headerNumbers: Readonly<Record<NumberTable, NamedNumbers>> = {
  opcodes: { prefix: 'FUSE_', kind: 'value', bits: 32 },
  notifications: { prefix: 'FUSE_NOTIFY_', kind: 'value', bits: 31 },
  ioctls: { prefix: 'FUSE_DEV_IOC_', kind: 'value', bits: 32 },
  mappingTypes: { prefix: 'FUSE_IOMAP_TYPE_', kind: 'value', bits: 16 },
  mappingFlags: { prefix: 'FUSE_IOMAP_F_', kind: 'flag', bits: 16 },
  opFlags: { prefix: 'FUSE_IOMAP_OP_', kind: 'flag', bits: 32 },
  ioendFlags: { prefix: 'FUSE_IOMAP_IOEND_', kind: 'flag', bits: 32 },
  configFlags: { prefix: 'FUSE_IOMAP_CONFIG_', kind: 'flag', bits: 32 },
  attrFlags: { prefix: 'FUSE_ATTR_', kind: 'flag', bits: 32 },
  backingTypes: { prefix: 'FUSE_BACKING_TYPE_', kind: 'value', bits: 8 },
  supportFlags: { prefix: 'FUSE_IOMAP_SUPPORT_', kind: 'flag', bits: 32 },
};

/** The header's structure has the layout's name, and its fields those of `snakeCase`. */
export interface HeaderStruct {
  readonly layout: AnyLayout;
  /** The header must have it; of others only what it has is looked at. */
  readonly required: (revision: Revision) => boolean;
}

const always = (): boolean => true;
const never = (): boolean => false;
const iomapStructs: readonly HeaderStruct[] = [
  { layout: iomap.iomapIo, required: always },
  { layout: iomap.beginIn, required: always },
  { layout: iomap.beginOut, required: always },
  { layout: iomap.endIn, required: always },
  { layout: iomap.ioendIn, required: ({ opcodes }) => opcodes.IOMAP_IOEND !== undefined },
  { layout: iomap.ioendOut, required: ({ opcodes }) => opcodes.IOMAP_IOEND !== undefined },
  { layout: iomap.configIn, required: ({ opcodes }) => opcodes.IOMAP_CONFIG !== undefined },
  { layout: iomap.configOut, required: ({ opcodes }) => opcodes.IOMAP_CONFIG !== undefined },
  { layout: iomap.freezeIn, required: ({ opcodes }) => opcodes.FREEZE_FS !== undefined },
  { layout: iomap.shutdownIn, required: ({ opcodes }) => opcodes.SHUTDOWN_FS !== undefined },
  { layout: iomap.range, required: ({ notifications }) => notifications.IOMAP_DEV_INVAL !== undefined },
  { layout: iomap.devInval, required: ({ notifications }) => notifications.IOMAP_DEV_INVAL !== undefined },
  { layout: iomap.invalMappings, required: ({ notifications }) => notifications.IOMAP_INVAL_MAPPINGS !== undefined },
  { layout: iomap.upsertMappings, required: ({ notifications }) => notifications.IOMAP_UPSERT_MAPPINGS !== undefined },
  { layout: iomap.iomapSupport, required: ({ ioctls }) => ioctls.IOMAP_SUPPORT !== undefined },
  { layout: iomap.backingMap, required: ({ ioctls }) => ioctls.BACKING_OPEN !== undefined },
  { layout: iomap.setBlocksize, required: ({ ioctls }) => ioctls.IOMAP_SET_BLOCKSIZE !== undefined },
];

/** Ours is the older, shorter form, which the server speaks; or two structures one behind the other. */
const formsOfOurOwn: readonly AnyLayout[] = [fuse.setxattrIn, fuse.createOut];
const isLayout = (value: unknown): value is AnyLayout => typeof value === 'object' && value !== null;

export const headerStructs: readonly HeaderStruct[] = [
  ...iomapStructs,
  ...Object.values(fuse)
    .filter(isLayout)
    .filter((layout) => !formsOfOurOwn.includes(layout))
    .map((layout) => ({ layout, required: never })),
];

/** Fields that hold nothing: what a header calls them says nothing. */
export const isFiller = (field: string): boolean =>
  /^(s?[pP]ad(ding)?|reserved|unused\d*|dummy|spare|zero)$/.test(field);

/** Constants that no table has, with what they must be where the header has them. */
export const headerConstants: Readonly<Record<string, bigint>> = {
  FUSE_KERNEL_VERSION: BigInt(7),
  FUSE_ROOT_ID: 1n,
  FUSE_IOMAP_DEV_NULL: 0n,
  FUSE_IOMAP_NULL_ADDR: 0xffff_ffff_ffff_ffffn,
  FUSE_IOMAP_INVAL_TO_EOF: 0xffff_ffff_ffff_ffffn,
};
