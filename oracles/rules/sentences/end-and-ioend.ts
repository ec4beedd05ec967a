/** What the specification says: END and IOEND. Which clauses judge each sentence, and where. */
import type { Section } from './section.ts';

export const endAndIoend: Section = {
  title: 'END and IOEND',
  source: 'docs/spec/behaviour.md#end-and-ioend',

  sentences: [
    {
      says: 'END comes after WANT_IOMAP_END always',
      judgedBy: [{ rules: ['request/end'] }, { rules: ['enosys/IOMAP_END'] }],
      remark: '`request/end` on every path; `enosys/IOMAP_END`',
    },
    {
      says: 'otherwise only for write-type operations',
      judgedBy: [
        { rules: ['type/*'], on: ['direct-read', 'buffered-read', 'mmap-read', 'fiemap', 'seek-data', 'seek-hole'] },
      ],
      everyCase: true,
      remark: 'every case whose mappings lack the flag: `type/*` on reads and reports',
    },
    {
      says: 'when the size changed',
      judgedBy: [{ rules: ['type/mapped', 'type/unwritten'], on: ['buffered-write'] }],
      remark:
        '`type/mapped`, `type/unwritten` on buffered-write, where the write makes the file larger; a kernel that says nothing, or says it without 0x100, deviates',
    },
    {
      says: 'or written < count',
      judgedBy: [
        { rules: ['type/hole', 'type/delalloc'], on: ['direct-write'] },
        { rules: ['cache/starts-over'], on: ['buffered-write'] },
        { rules: ['type/past-device-end'] },
      ],
      remark:
        '`type/hole`, `type/delalloc` on direct-write (written 0); `cache/starts-over` buffered-write (what was abandoned); `type/past-device-end`',
    },
    {
      says: '`map` is the mapping acted upon, addr and device included',
      judgedBy: [{ rules: ['request/end'] }],
      remark: '`request/end`; the write half by the cases that do not overwrite',
    },
    {
      says: 'ENOSYS is remembered for the connection and counts as success',
      judgedBy: [{ rules: ['enosys/IOMAP_END'] }],
      remark: '`enosys/IOMAP_END`: two operations, and one on another file',
    },
    {
      says: 'another errno ends the operation, and what was copied counts',
      judgedBy: [{ rules: ['request/end'] }, { rules: ['enosys/IOMAP_END'] }],
      remark: '`request/end` (ENOSPC, EIO); `enosys/IOMAP_END` with EIO, which is not remembered',
    },
    {
      says: 'never for swapfile mappings',
      judgedBy: [{ rules: ['swap/on'] }],
      remark: '`swap/on`: a request more deviates',
    },
    { says: 'never for writeback mappings', judgedBy: [{ rules: ['request/end'], on: ['writeback'] }] },
    {
      says: 'never for inline mappings, but for reports, which fetch no data',
      judgedBy: [
        { rules: ['type/inline', 'inline/*'], on: ['buffered-write', 'truncate', 'fallocate', 'zeroing'] },
        { rules: ['request/end'], on: ['fiemap', 'seek-data', 'seek-hole'] },
      ],
      remark:
        '`type/inline` and `inline/*` on buffered-write, truncate, fallocate and zeroing, half of which have WANT_IOMAP_END; `request/end` on fiemap, seek-data, seek-hole',
    },
    {
      says: 'IOEND comes for an error',
      judgedBy: [{ rules: ['type/hole', 'type/past-device-end', 'type/delalloc'], on: ['direct-write', 'writeback'] }],
    },
    { says: 'for SWAPOFF, also after ENOSYS', judgedBy: [{ rules: ['swap/off'] }] },
    {
      says: 'for bytes with SHARED, UNWRITTEN or APPEND, and for no others',
      judgedBy: [{ rules: ['request/ioend', 'request/writeback-ioend'] }],
      remark: '`request/ioend`, `request/writeback-ioend`: MAPPED without flags is one of their shapes',
    },
    {
      says: 'APPEND when pos + written passes the last known size on disk',
      judgedBy: [{ rules: ['ioend/newsize'] }, { rules: ['ioend/append'] }],
      remark:
        '`ioend/newsize`; writes that make the file larger on every write path; `ioend/append` after ftruncate, fallocate and copies, up to that size and behind it',
    },
    { says: 'direct: flags DIRECT, new_addr all ones, dev 0', judgedBy: [{ rules: ['request/ioend'] }] },
    {
      says: 'writeback: device and address of the bytes, ranges may share one',
      judgedBy: [{ rules: ['request/writeback-ioend', 'type/unwritten'], on: ['writeback'] }],
    },
    {
      says: 'what writeback could not map: flags 0 or APPEND, the error, all ones, dev 0, up to EOF or the end of the folio',
      judgedBy: [{ rules: ['type/hole', 'type/delalloc', 'begin/error', 'map/*'], on: ['writeback'] }],
    },
    {
      says: 'newsize answers become the size on disk, never a smaller one',
      judgedBy: [{ rules: ['ioend/newsize'] }],
      remark:
        '`ioend/newsize`: values around the size before, behind one and behind both of two writes, 0, 2^40, 2^63-1; the writes behind show by APPEND what was believed',
    },
    {
      says: 'ENOSYS is remembered and success',
      judgedBy: [{ rules: ['enosys/IOMAP_IOEND'], on: ['direct-write', 'buffered-write'] }],
    },
    {
      says: "another errno becomes the caller's",
      judgedBy: [{ rules: ['request/ioend', 'enosys/IOMAP_IOEND'] }],
      remark: '`request/ioend` (ENOSPC, EIO), `enosys/IOMAP_IOEND` with EIO',
    },
    {
      says: 'a writeback error is reported by the next fsync',
      judgedBy: [{ rules: ['type/hole', 'type/delalloc', 'request/writeback-ioend'] }],
      remark:
        '`type/hole`, `type/delalloc`, `request/writeback-ioend`; a second fsync that reports it once more deviates',
    },
  ],
};
