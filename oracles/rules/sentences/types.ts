/** What the specification says: What each type does. Which clauses judge each sentence, and where. */
import type { Section } from './section.ts';

export const types: Section = {
  title: 'What each type does',
  source: 'docs/spec/behaviour.md#types',

  sentences: [
    {
      says: "read: zeros, EIO, zeros, the device's bytes, the server's bytes",
      judgedBy: [
        {
          rules: ['type/hole', 'type/delalloc', 'type/unwritten', 'type/mapped', 'type/inline'],
          on: ['direct-read', 'buffered-read', 'mmap-read'],
        },
      ],
    },
    {
      says: 'direct write',
      judgedBy: [
        { rules: ['type/hole', 'type/delalloc', 'type/unwritten', 'type/mapped', 'type/inline'], on: ['direct-write'] },
      ],
      remark: 'the same on direct-write; END and IOEND of HOLE and DELALLOC are part of them',
    },
    {
      says: 'buffered write, then writeback',
      judgedBy: [
        {
          rules: ['type/hole', 'type/delalloc', 'type/unwritten', 'type/mapped', 'type/inline'],
          on: ['buffered-write', 'writeback', 'mmap-write'],
        },
        { rules: ['inline/write-ack'], on: ['buffered-write'] },
      ],
      remark: 'the same on buffered-write, writeback, mmap-write; `inline/write-ack` on buffered-write',
    },
    { says: "past the device's end", judgedBy: [{ rules: ['type/past-device-end'] }] },
    {
      says: 'a write or zeroing of a part of a block reads the rest',
      judgedBy: [{ rules: ['begin/device-readable'], on: ['buffered-write', 'truncate', 'fallocate', 'zeroing'] }],
      remark:
        '`begin/device-readable` on buffered-write, truncate, fallocate, zeroing: the device must have been opened for reading',
    },
    {
      says: 'data that write and fsync acknowledged is on the device, or its loss was reported',
      judgedBy: [
        { rules: ['writeback/error', 'device/bytes'], on: ['writeback'] },
        { rules: ['writeback/silent-loss'] },
      ],
      everyCase: true,
      remark:
        'every case that writes: all bytes of all devices are compared; `writeback/error`, `device/bytes`; an fsync that hides a loss is `writeback/silent-loss`, which names through whom',
    },
    {
      says: 'UNWRITTEN reads zeros until the conversion was acknowledged',
      judgedBy: [{ rules: ['type/unwritten'], on: ['direct-read', 'buffered-read', 'mmap-read'] }],
      remark: '`type/unwritten` on the read paths',
    },
    {
      says: 'SHARED: the old blocks keep their bytes, the new ones get the merged data',
      judgedBy: [
        { rules: ['type/shared'], on: ['writeback'] },
        { rules: ['write/rest'], on: ['direct-write'] },
      ],
    },
    {
      says: 'a direct write of a part of a block: the rest of it, up to EOF, shows what a reader found there before',
      judgedBy: [{ rules: ['write/rest'], on: ['direct-write'] }],
    },
    {
      says: 'reads show what was written last, whatever way it went',
      judgedBy: [
        { rules: ['mixed/direct-read', 'mixed/direct-write', 'mixed/sequence'], on: ['direct-read', 'direct-write'] },
      ],
    },
    {
      says: 'SYNC, IMMUTABLE, APPEND set the inode flags',
      judgedBy: [{ rules: ['flags/sync', 'inode/immutable', 'inode/append'] }],
      remark: '`flags/sync` with ATTR_SYNC, `inode/immutable`, `inode/append`',
    },
  ],
};
