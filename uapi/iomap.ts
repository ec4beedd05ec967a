/**
 * Layouts of the fuse-iomap structures; the same in every revision that has them. Source: the uAPI's struct
 * definitions.
 */
import { bytes, layout, nested, s32, s64, u16, u32, u64, u8, type StructValue } from './struct.ts';

/**
 * One mapping: file range [offset, offset+length) and, when backed, the device range that starts at addr. All in bytes.
 */
export const iomapIo = layout('fuse_iomap_io', 32, {
  offset: u64(0),
  length: u64(8),
  addr: u64(16),
  type: u16(24),
  flags: u16(26),
  dev: u32(28),
});
export const beginIn = layout('fuse_iomap_begin_in', 32, {
  opflags: u32(0),
  reserved: u32(4),
  attrIno: u64(8),
  pos: u64(16),
  count: u64(24),
});
export const beginOut = layout('fuse_iomap_begin_out', 64, { read: nested(0, iomapIo), write: nested(32, iomapIo) });
export const endIn = layout('fuse_iomap_end_in', 72, {
  opflags: u32(0),
  reserved: u32(4),
  attrIno: u64(8),
  pos: u64(16),
  count: u64(24),
  written: s64(32),
  map: nested(40, iomapIo),
});
export const ioendIn = layout('fuse_iomap_ioend_in', 48, {
  flags: u32(0),
  error: s32(4),
  attrIno: u64(8),
  pos: u64(16),
  newAddr: u64(24),
  written: u64(32),
  dev: u32(40),
  pad: u32(44),
});
export const ioendOut = layout('fuse_iomap_ioend_out', 8, { newsize: u64(0) });
export const configIn = layout('fuse_iomap_config_in', 64, {
  flags: u64(0),
  maxbytes: s64(8),
  cacheMaxbytes: u32(16),
  zero: u32(20),
  padding: bytes(24, 40),
});
export const configOut = layout('fuse_iomap_config_out', 104, {
  flags: u64(0),
  sId: bytes(8, 32),
  sUuid: bytes(40, 16),
  sUuidLen: u8(56),
  sPad: bytes(57, 3),
  sBlocksize: u32(60),
  sMaxLinks: u32(64),
  sTimeGran: u32(68),
  sTimeMin: s64(72),
  sTimeMax: s64(80),
  sMaxbytes: s64(88),
  cacheMaxbytes: u32(96),
  pad: u32(100),
});
export const range = layout('fuse_range', 16, { offset: u64(0), length: u64(8) });
export const devInval = layout('fuse_iomap_dev_inval_out', 24, {
  dev: u32(0),
  reserved: u32(4),
  range: nested(8, range),
});
export const invalMappings = layout('fuse_iomap_inval_mappings_out', 48, {
  nodeid: u64(0),
  attrIno: u64(8),
  read: nested(16, range),
  write: nested(32, range),
});
export const upsertMappings = layout('fuse_iomap_upsert_mappings_out', 80, {
  nodeid: u64(0),
  attrIno: u64(8),
  read: nested(16, iomapIo),
  write: nested(48, iomapIo),
});
export const iomapSupport = layout('fuse_iomap_support', 16, { flags: u64(0), padding: u64(8) });
export const backingMap = layout('fuse_backing_map', 16, { fd: s32(0), flags: u32(4), padding: u64(8) });
export const setBlocksize = layout('fuse_iomap_blocksize', 8, { id: u32(0), blocksize: u32(4) });
export const freezeIn = layout('fuse_freeze_fs_in', 8, { unlinked: u64(0) });
export const shutdownIn = layout('fuse_shutdown_fs_in', 8, { flags: u64(0) });

export type IomapIo = StructValue<typeof iomapIo>;
export type BeginIn = StructValue<typeof beginIn>;
export type IoendIn = StructValue<typeof ioendIn>;
export type ConfigOut = StructValue<typeof configOut>;
