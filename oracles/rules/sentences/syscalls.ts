/** What the specification says: Which request a syscall makes. Which clauses judge each sentence, and where. */
import type { Section } from './section.ts';

export const syscalls: Section = {
  title: 'Which request a syscall makes',
  source: 'docs/spec/behaviour.md#requests-of-syscalls',
  intro:
    '"On every path" means: the paths of the matrix on which that rule has a column; a request more, less or with other opflags than the row says deviates in every case.',
  sentences: [
    {
      says: 'buffered read, readahead, mmap read fault: 0',
      judgedBy: [
        { rules: ['read/result', 'read/ahead'] },
        { rules: ['*'], on: ['buffered-read', 'mmap-read'] },
        { rules: ['read/ahead-asked', 'read/ahead-refused', 'read/forgotten'] },
      ],
      remark:
        '`read/result`, `read/ahead`; every rule and type on buffered-read and mmap-read; readahead(2) and posix_fadvise(2): `read/ahead-asked`, `read/ahead-refused`, `read/forgotten`',
    },
    {
      says: 'O_DIRECT read, any read under FOPEN_DIRECT_IO: 10',
      judgedBy: [
        { rules: ['*'], on: ['direct-read'] },
        { rules: ['begin/enosys'], on: ['direct-read'] },
        { rules: ['mmap/direct-io'] },
      ],
      remark:
        'every rule and type on direct-read; `begin/enosys` direct-read is under FOPEN_DIRECT_IO; `mmap/direct-io`',
    },
    {
      says: 'RWF_NOWAIT without a cached mapping: EAGAIN, nothing asked',
      judgedBy: [
        { rules: ['flags/nowait'], on: ['direct-read', 'buffered-read', 'direct-write', 'buffered-write'] },
        { rules: ['cache/nowait'] },
      ],
      remark:
        '`flags/nowait` direct-read, buffered-read (cold, behind the same read, over dirty pages), direct-write, buffered-write; `cache/nowait`. Revision r2 asks with 20 set: the same cells with `--uapi r2`',
    },
    {
      says: 'buffered write: 1',
      judgedBy: [{ rules: ['*'], on: ['buffered-write'] }, { rules: ['flags/append', 'flags/refused'] }],
    },
    {
      says: 'write behind EOF: 2 for [EOF, pos)',
      judgedBy: [{ rules: ['*'], on: ['zeroing'] }, { rules: ['write/behind-eof'] }],
    },
    {
      says: 'O_DIRECT write: 11',
      judgedBy: [
        { rules: ['*'], on: ['direct-write'] },
        { rules: ['mixed/direct-write'], on: ['direct-write'] },
      ],
      remark: 'every rule and type on direct-write; `mixed/direct-write` over cached pages',
    },
    { says: 'mmap write fault: 9', judgedBy: [{ rules: ['*'], on: ['mmap-write'] }, { rules: ['mixed/sequence'] }] },
    {
      says: 'fsync, msync, close, background writeback: 80000000, IOEND, SETATTR 430, FSYNC',
      judgedBy: [
        { rules: ['*'], on: ['writeback'] },
        { rules: ['fsync', 'close', 'request/writeback', 'request/times', 'request/fsync', 'device/bytes'] },
      ],
      remark:
        'every rule and type on writeback; `fsync`, `close`, `request/writeback`, `device/bytes`; mmap-write is by msync',
    },
    {
      says: 'writes that must be durable (O_SYNC, O_DSYNC, RWF_SYNC, RWF_DSYNC, ATTR_SYNC)',
      judgedBy: [{ rules: ['flags/sync'], on: ['direct-write', 'buffered-write'] }],
      remark:
        "`flags/sync` direct-write, buffered-write: writeback, then FSYNC (data only for the DSYNC kinds), whose errno is the write's",
    },
    {
      says: 'FIEMAP: 4, repeated; FIEMAP_FLAG_XATTR; not an iomap inode',
      judgedBy: [
        { rules: ['fiemap/extents', 'fiemap/xattr', 'inode/uses-iomap'], on: ['fiemap'] },
        { rules: ['fiemap/sync'], on: ['fiemap'] },
      ],
      remark: '`fiemap/extents`, `fiemap/xattr`, `inode/uses-iomap`; `fiemap/sync` with dirty pages',
    },
    {
      says: 'SEEK_DATA, SEEK_HOLE: 4; past EOF ENXIO',
      judgedBy: [{ rules: ['seek/result', 'seek/past-eof'] }, { rules: ['seek/cached'] }],
      remark: '`seek/result`, `seek/past-eof`; `seek/cached` over dirty and clean pages',
    },
    {
      says: 'ftruncate down and up',
      judgedBy: [
        { rules: ['truncate/result', 'truncate/setattr', 'truncate/cached', 'truncate/stored-behind'] },
        { rules: ['*'], on: ['truncate'] },
      ],
      remark:
        '`truncate/result`, `truncate/setattr`, `truncate/cached` (dirty and clean pages), `truncate/stored-behind` (what a mapped store left behind EOF); every rule and type on truncate',
    },
    {
      says: 'fallocate, extending',
      judgedBy: [{ rules: ['fallocate/result', 'fallocate/request'], on: ['fallocate'] }],
    },
    {
      says: 'whatever makes a file larger over blocks that hold old bytes: 2 for what becomes part of it',
      judgedBy: [{ rules: ['growth/content', 'growth/behind-eof'] }],
      remark:
        '`growth/content`, `growth/behind-eof` on truncate, zeroing (a write behind EOF), buffered-write (at EOF), fallocate (extending; keeping the size, then ftruncate; ZERO_RANGE in both ways), mmap-write (a store behind EOF, then ftruncate), direct-write and copy (by the kernel, by the server), with blocks of 512, 1024, 2048 and 4096 bytes. The file grows twice; all of it is read, or its last page is mapped, after each time',
    },
    {
      says: 'punch hole, zero range',
      judgedBy: [
        { rules: ['fallocate/result', 'fallocate/cached'], on: ['fallocate'] },
        { rules: ['*'], on: ['fallocate'] },
      ],
      remark:
        '`fallocate/result`, `fallocate/cached` (dirty pages are written before the server is asked, none stay); every rule and type on fallocate',
    },
    { says: 'collapse, insert, unshare, write-zeroes', judgedBy: [{ rules: ['fallocate/mode'], on: ['fallocate'] }] },
    { says: 'FICLONE, dedupe', judgedBy: [{ rules: ['clone/refused'] }] },
    {
      says: 'RWF_DONTCACHE, buffered RWF_ATOMIC',
      judgedBy: [{ rules: ['flags/refused'], on: ['direct-read', 'buffered-read', 'direct-write', 'buffered-write'] }],
    },
    {
      says: 'RWF_ATOMIC with O_DIRECT: 211; EOPNOTSUPP without ATTR_ATOMIC, EINVAL unless exactly one block',
      judgedBy: [
        { rules: ['atomic/request', 'atomic/allowed', 'atomic/one-block', 'atomic/device', 'atomic/buffered'] },
        { rules: ['*'], on: ['atomic-write'] },
      ],
    },
    {
      says: 'swapon: 0 (header), then 40000004; swapoff: IOEND SWAPOFF',
      judgedBy: [
        {
          rules: ['swap/header', 'swap/on', 'swap/mapping', 'swap/one-device', 'swap/in-use', 'swap/off', 'swap/pages'],
        },
        { rules: ['*'], on: ['swapon'] },
      ],
      remark:
        '`swap/header`, `swap/on`, `swap/mapping`, `swap/one-device`, `swap/in-use`, `swap/off`, `swap/pages` (pages swapped out are where the mappings said); every rule on swapon',
    },
    {
      says: 'FIFREEZE, FITHAW: SYNCFS then FREEZE_FS; UNFREEZE_FS',
      judgedBy: [
        { rules: ['freeze/*', 'thaw/*'] },
        { rules: ['syncfs/request', 'shutdown/request', 'unmount/requests'] },
      ],
    },
    {
      says: 'copy_file_range: flush, 53, the older request, splice',
      judgedBy: [
        { rules: ['copy/flush', 'copy/request', 'copy/splice'], on: ['copy'] },
        { rules: ['copy/result', 'copy/answer', 'copy/error'], on: ['copy'] },
      ],
    },
    {
      says: 'refusals as their errno: direct I/O, buffered writes, FIEMAP, seek, truncate, fallocate',
      judgedBy: [
        {
          rules: ['begin/error', 'map/*', 'begin/*'],
          on: [
            'direct-read',
            'direct-write',
            'buffered-write',
            'fiemap',
            'seek-data',
            'seek-hole',
            'truncate',
            'fallocate',
          ],
        },
      ],
      remark: '`begin/error` and each map/* and begin/* rule on these paths',
    },
    {
      says: 'buffered reads turn every error into EIO, faults into SIGBUS',
      judgedBy: [{ rules: ['begin/error', 'map/*', 'begin/*'], on: ['buffered-read', 'mmap-read', 'mmap-write'] }],
      remark: 'the same on buffered-read, mmap-read, mmap-write',
    },
    {
      says: 'ENOSYS from BEGIN: direct I/O becomes buffered, EIO under FOPEN_DIRECT_IO, seeks ask FUSE_LSEEK',
      judgedBy: [{ rules: ['enosys/IOMAP_BEGIN', 'begin/enosys'] }],
      remark: '`enosys/IOMAP_BEGIN`, `begin/enosys`, which on all other paths shows an error like any other',
    },
    {
      says: 'a malformed answer',
      judgedBy: [{ rules: ['malformed/*'] }],
      remark: '`malformed/*`, opcode by opcode below',
    },
  ],
};
