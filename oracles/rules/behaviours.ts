/** What must happen, besides what must be refused: the ids that expectations and deviations name, in words. */

export interface Behaviour {
  text: string;
  source: string;
}

const accepted = 'docs/spec/behaviour.md#types';
const requests = 'docs/spec/behaviour.md#requests';
const mappingCache = 'docs/spec/behaviour.md#mapping-cache';
const log = 'docs/spec/uapi.md#refusals';

/** Requests whose answers the plan malforms or does not give at all. */
const answered = [
  'LOOKUP',
  'OPEN',
  'RELEASE',
  'FLUSH',
  'READ',
  'WRITE',
  'LSEEK',
  'SYNCFS',
  'DESTROY',
  'SETATTR',
  'GETXATTR',
  'FSYNC',
  'FALLOCATE',
  'COPY_FILE_RANGE',
  'COPY_FILE_RANGE_64',
  'INIT',
  'STATFS',
  'GETATTR',
  'STATX',
  'ACCESS',
  'LISTXATTR',
  'SETXATTR',
  'REMOVEXATTR',
  'SYMLINK',
  'READLINK',
  'MKDIR',
  'RMDIR',
  'MKNOD',
  'CREATE',
  'TMPFILE',
  'LINK',
  'UNLINK',
  'RENAME',
  'RENAME2',
  'OPENDIR',
  'READDIR',
  'RELEASEDIR',
  'FSYNCDIR',
  'POLL',
  'IOCTL',
  'FORGET',
  'FREEZE_FS',
  'UNFREEZE_FS',
  'SHUTDOWN_FS',
  'IOMAP_CONFIG',
  'IOMAP_BEGIN',
  'IOMAP_END',
  'IOMAP_IOEND',
] as const;

export type AnsweredRequest = (typeof answered)[number];

/** One behaviour for each request. */
const ofEach = <Kind extends string>(kind: Kind, describe: (request: string) => Behaviour) =>
  Object.fromEntries(answered.map((request) => [`${kind}/${request}`, describe(request)])) as Record<
    `${Kind}/${AnsweredRequest}`,
    Behaviour
  >;

const table = {
  ...ofEach('malformed', (request) => ({
    text: `a malformed answer to ${request} is refused by write(), whoever waits for it gets EIO, and the kernel stays healthy`,
    source: 'docs/spec/uapi.md#opcodes; Linux, fs/fuse/dev.c',
  })),
  ...ofEach('die', (request) => ({
    text: `a server that closes /dev/fuse while ${request} is in flight ends it with ECONNABORTED, and what comes later with ENOTCONN; the mount can be removed`,
    source: 'Linux, fs/fuse/dev.c, fuse_dev_release',
  })),
  ...ofEach('kill', (request) => ({
    text: `a server whose process is ended by SIGKILL while ${request} is in flight ends it with ECONNABORTED, and what comes later with ENOTCONN; the mount can be removed`,
    source: 'Linux, fs/fuse/dev.c, fuse_dev_release',
  })),
  ...ofEach('abort', (request) => ({
    text: `an abort through the control file system while ${request} is in flight ends it with ECONNABORTED, and what comes later with ENOTCONN; the mount can be removed`,
    source: 'Linux, fs/fuse/control.c, fuse_conn_abort_write',
  })),
  'enosys/IOMAP_BEGIN': {
    text: 'BEGIN answered with ENOSYS: direct I/O becomes buffered, seeks ask by FUSE_LSEEK, each time anew',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'enosys/IOMAP_END': {
    text: 'END answered with ENOSYS counts as success and is not sent again on this connection; another errno is the result, and it is',
    source: 'docs/spec/behaviour.md#end-and-ioend',
  },
  'enosys/IOMAP_IOEND': {
    text: 'IOEND answered with ENOSYS counts as success and is not sent again on this connection; another errno is the result, and it is',
    source: 'docs/spec/behaviour.md#end-and-ioend',
  },
  'ioend/newsize': {
    text: 'the size in the answer to IOEND becomes the size on the disk, never a smaller one, and decides which write is an APPEND',
    source: 'docs/spec/behaviour.md#end-and-ioend',
  },
  'ioend/append': {
    text: 'IOEND says APPEND for what ends behind the size on the disk, which SETATTR, FALLOCATE and copies change too',
    source: 'docs/spec/behaviour.md#end-and-ioend',
  },
  'enosys/FSYNC': {
    text: 'FSYNC answered with ENOSYS counts as success and is not sent again on this connection',
    source: 'Linux, fs/fuse/file.c, fuse_fsync',
  },
  'enosys/FLUSH': {
    text: 'FLUSH answered with ENOSYS counts as success and is not sent again on this connection',
    source: 'Linux, fs/fuse/file.c, fuse_flush',
  },
  'type/hole': {
    text: 'a HOLE reads as zeros, is no data for SEEK_DATA and no extent for FIEMAP; a direct write to it fails with EIO',
    source: accepted,
  },
  'type/delalloc': { text: 'DELALLOC is data for reports; direct I/O to it fails with EIO', source: accepted },
  'type/unwritten': { text: 'UNWRITTEN reads as zeros and is written to, which IOEND reports', source: accepted },
  'type/mapped': {
    text: "MAPPED reads and writes the device's bytes at addr + (pos - offset), and no others",
    source: accepted,
  },
  'type/inline': {
    text: "INLINE data is the server's, read by FUSE_READ and written by FUSE_WRITE; FIEMAP marks it",
    source: accepted,
  },
  'type/pure_overwrite': {
    text: 'a write-type operation whose write half is PURE_OVERWRITE writes to the read half',
    source: accepted,
  },
  'type/shared': {
    text: 'what is written to SHARED blocks goes to new ones, merged with the old, which keep their bytes',
    source: accepted,
  },
  'write/rest': {
    text: 'a direct write of a part of a block leaves the rest of it as a reader found it: in place, merged, or zeros',
    source: accepted,
  },
  'type/past-device-end': { text: 'what lies past the end of the device fails with EIO', source: accepted },
  'type/unaligned-address': {
    text: 'an address between sectors is served exactly as it says, or the operation fails',
    source: 'docs/spec/rules.md#map',
  },
  'device/bytes': {
    text: 'only the bytes that a write maps change, to what was written; nothing else on any device',
    source: 'docs/spec/rules.md#map',
  },
  'init/refused': {
    text: 'an answer to INIT that is malformed, an error, or of another major version leaves a connection that refuses everything, or fails mount(2) after SYNC_INIT; the mount can be removed',
    source: 'Linux, fs/fuse/inode.c, fuse_process_init_reply',
  },
  'config/time': {
    text: 'TIME in CONFIG sets the granularity and the range of times, to which those that are set are cut',
    source: 'docs/spec/uapi.md#structures; Linux, fs/inode.c, timestamp_truncate',
  },
  'config/uuid': {
    text: 'UUID in CONFIG is what FS_IOC_GETFSUUID gives; without one that fails with ENOTTY',
    source: 'docs/spec/uapi.md#structures; Linux, fs/ioctl.c, ioctl_getfsuuid',
  },
  'config/max-links': {
    text: 'MAX_LINKS in CONFIG bounds the names of a file: another one fails with EMLINK, and nobody is asked',
    source: 'docs/spec/uapi.md#structures; Linux, fs/namei.c, vfs_link',
  },
  'config/block-size': {
    text: 'BLOCKSIZE in CONFIG is the unit of mappings',
    source: 'docs/spec/uapi.md#iomap-inodes',
  },
  'read/ahead-refused': {
    text: 'what cannot be read ahead is asked for again by the read itself, which fails with EIO',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'read/forgotten': {
    text: 'POSIX_FADV_DONTNEED: what was read of the file is asked for again',
    source: 'Linux, mm/fadvise.c',
  },
  'config/maxbytes': {
    text: 'MAXBYTES in CONFIG bounds files and mappings',
    source: 'docs/spec/uapi.md#structures; docs/spec/rules.md#map',
  },
  'read/ahead-asked': {
    text: 'readahead(2) and POSIX_FADV_WILLNEED ask as buffered reads do, and succeed whatever comes of it; POSIX_FADV_DONTNEED makes the kernel forget what it has read',
    source: 'docs/spec/behaviour.md#requests-of-syscalls; Linux, mm/fadvise.c',
  },
  'read/result': { text: 'a read returns what its mappings cover, up to EOF', source: accepted },
  'read/eof': { text: 'a read at or behind EOF returns 0 and asks nothing', source: accepted },
  'read/position': {
    text: 'a position that is negative or overflows fails with EINVAL',
    source: 'Linux, fs/read_write.c',
  },
  'read/alignment': { text: 'direct reads are aligned to sectors', source: 'Linux, fs/iomap/direct-io.c' },
  'read/poison': {
    text: 'the buffer behind the returned bytes is not touched, except for the rest of the blocks that were read',
    source: accepted,
  },
  'write/result': { text: 'a write returns what its mappings cover', source: accepted },
  'write/empty': { text: 'a write of nothing returns 0', source: accepted },
  'write/position': {
    text: 'a position that is negative or overflows fails with EINVAL',
    source: 'Linux, fs/read_write.c',
  },
  'write/behind-eof': {
    text: 'a write behind EOF makes the file reach that far first, with zeros between',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'write/cut-by-maxbytes': {
    text: 'a write that passes maxbytes is cut off there',
    source: 'Linux, fs/read_write.c, generic_write_checks',
  },
  'write/past-maxbytes': { text: 'a write behind maxbytes fails with EFBIG', source: 'Linux, fs/read_write.c' },
  'write/alignment': { text: 'direct writes are aligned to sectors', source: 'Linux, fs/iomap/direct-io.c' },
  'flags/refused': {
    text: 'RWF_DONTCACHE, and RWF_ATOMIC on what cannot be atomic, fail with EOPNOTSUPP without asking the server; flags that mean nothing to an operation change nothing',
    source: 'docs/spec/behaviour.md#requests-of-syscalls; Linux, include/linux/fs.h, kiocb_set_rw_flags',
  },
  'flags/nowait': {
    text: 'RWF_NOWAIT without a cached mapping: EAGAIN without asking the server, or what the page cache has, or what readahead brings; a direct write may report it by IOEND; revision r2 asks with NOWAIT set',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'flags/sync': {
    text: 'a write that must be durable is written back, and the server asked by FSYNC, before it returns; what fails of that is its result',
    source: 'docs/spec/behaviour.md#requests-of-syscalls; Linux, include/linux/fs.h, generic_write_sync',
  },
  'flags/append': {
    text: 'a write that appends goes to the end of the file, wherever it was to go',
    source: 'Linux, fs/read_write.c, generic_write_checks',
  },
  'mixed/direct-read': {
    text: 'a direct read sees what buffered and mapped writes left in the page cache, which is written back first',
    source: 'docs/spec/behaviour.md#types',
  },
  'mixed/direct-write': {
    text: 'what a direct write overwrites leaves the page cache: later reads and mappings show it',
    source: 'docs/spec/behaviour.md#types',
  },
  'mixed/sequence': {
    text: 'reads show what was written last, in whatever way each went',
    source: 'docs/spec/behaviour.md#types',
  },
  'seek/cached': {
    text: 'over unwritten blocks what is dirty in the page cache is data, and what it does not have is a hole',
    source: 'Linux, fs/iomap/seek.c',
  },
  'fiemap/sync': {
    text: 'FIEMAP_FLAG_SYNC writes back what is dirty before the server is asked',
    source: 'Linux, fs/ioctl.c, fiemap_prep',
  },
  'read/ahead': {
    text: 'reads one after the other, and what is read ahead of them, ask by BEGIN without flags, and return the bytes of their mappings',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'mmap/direct-io': {
    text: 'a file that the server opened with FOPEN_DIRECT_IO is mapped like any other, or not at all',
    source: 'docs/spec/uapi.md#iomap-inodes',
  },
  'truncate/result': {
    text: 'ftruncate zeroes what becomes part of the file and the rest of the block it cuts, and tells the server the size',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'truncate/setattr': {
    text: 'ftruncate sends SETATTR with the size; an error of its answer is the result, and leaves the size',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'truncate/cached': {
    text: 'what ftruncate cuts off reads as zeros afterwards, whatever of it was in the page cache',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'truncate/stored-behind': {
    text: 'what a mapped store left behind EOF is no part of the file when that becomes larger',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'growth/content': {
    text: 'what becomes part of a file that grows, in whatever way, reads as zeros or as what was written, not as what its blocks held before; so when it grows again',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'growth/behind-eof': {
    text: 'a mapping shows zeros behind EOF in blocks that the kernel itself zeroed or wrote when the file grew, not what they held before',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'truncate/arguments': {
    text: 'a negative size, or a file not open for writing, fails with EINVAL',
    source: 'Linux, fs/open.c, ftruncate',
  },
  'truncate/past-maxbytes': {
    text: 'a size beyond maxbytes fails with EFBIG',
    source: 'Linux, fs/attr.c, inode_newsize_ok',
  },
  'fallocate/result': {
    text: 'fallocate is asked of the server, then the kernel zeroes what was cleared or became part of the file',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'fallocate/request': { text: 'FALLOCATE carries mode, offset and length of the syscall', source: requests },
  'fallocate/error': {
    text: 'an error that FALLOCATE is answered with is the result, and nothing changes',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'fallocate/enosys': {
    text: 'FALLOCATE answered with ENOSYS: EOPNOTSUPP, and the server is not asked again',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'fallocate/mode': {
    text: 'collapse, insert, unshare and write-zeroes fail with EOPNOTSUPP without asking the server',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'fallocate/cached': {
    text: 'what is dirty in a range that fallocate clears is written back before the server is asked, and none of it stays in the page cache',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'fallocate/arguments': {
    text: 'a range that is empty, negative or beyond maxbytes, or a file not open for writing, is refused',
    source: 'Linux, fs/open.c, vfs_fallocate',
  },
  'mmap/result': { text: 'a shared mapping shows and takes what read and write would', source: accepted },
  'mmap/access': { text: 'what is not open for it cannot be mapped (EACCES)', source: 'Linux, mm/mmap.c' },
  'mmap/past-eof': { text: 'pages behind EOF are SIGBUS', source: 'Linux, mm/filemap.c, filemap_fault' },
  'seek/result': {
    text: 'SEEK_DATA and SEEK_HOLE find the first byte of that kind by the mappings',
    source: 'Linux, fs/iomap/seek.c',
  },
  'seek/past-eof': {
    text: 'a seek from behind EOF fails with ENXIO and asks nothing',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'fiemap/extents': {
    text: 'FIEMAP reports each mapping but holes as it was answered, and marks the last',
    source: 'Linux, fs/iomap/fiemap.c',
  },
  'fiemap/needs-iomap': {
    text: 'FIEMAP of a file that does not use iomap fails with EOPNOTSUPP',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'fiemap/xattr': {
    text: 'FIEMAP_FLAG_XATTR fails with EOPNOTSUPP',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'fiemap/empty': { text: 'FIEMAP of no bytes fails with EINVAL', source: 'Linux, fs/ioctl.c, fiemap_prep' },
  'fiemap/past-maxbytes': {
    text: 'FIEMAP from behind maxbytes fails with EFBIG',
    source: 'Linux, fs/ioctl.c, fiemap_prep',
  },
  'fiemap/flags': { text: 'FIEMAP with unknown flags fails with EBADR', source: 'Linux, fs/ioctl.c, fiemap_prep' },
  'begin/enosys': {
    text: 'ENOSYS from BEGIN: seeks ask by FUSE_LSEEK, direct I/O becomes buffered, or EIO under FOPEN_DIRECT_IO; an atomic write fails by EIO or EOPNOTSUPP',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'begin/retry': {
    text: 'RETRY_CACHE in a half that asks for it: cache lookup, and BEGIN again on a miss, or EINTR when a signal is pending',
    source: 'docs/spec/rules.md#begin',
  },
  'begin/interrupted': {
    text: 'a signal ends what RETRY_CACHE would make the kernel ask again with EINTR, and nothing else',
    source: 'docs/spec/rules.md#begin',
  },
  'upsert/stored': {
    text: 'an upsert that no rule refuses succeeds; write() returns its bytes',
    source: 'docs/spec/rules.md#upsert',
  },
  'inval/dropped': {
    text: 'an invalidation that no rule refuses succeeds; write() returns its bytes',
    source: 'docs/spec/rules.md#inval',
  },
  'devinval/dropped': {
    text: 'DEV_INVAL clips the range to the device and drops its page cache there; write() returns its bytes',
    source: 'docs/spec/rules.md#devinval',
  },
  'notify/store': {
    text: 'STORE is refused with EOPNOTSUPP where the inode uses iomap, with ENOENT where the node is unknown, and with EINVAL where the offset is 2^63 - 1 or more; of two reasons either counts',
    source: 'docs/spec/uapi.md#iomap-inodes',
  },
  'notify/retrieve': {
    text: 'RETRIEVE is refused with EOPNOTSUPP where the inode uses iomap, with ENOENT where the node is unknown, and with EINVAL where the offset is 2^63 - 1 or more; of two reasons either counts',
    source: 'docs/spec/uapi.md#iomap-inodes',
  },
  'notify/inval-inode': {
    text: 'INVAL_INODE drops clean pages and no others; what was written and the size stay',
    source: 'Linux, fs/fuse/inode.c, fuse_reverse_inval_inode; docs/spec/uapi.md#iomap-inodes',
  },
  'notify/code-known': {
    text: 'a notification with an unknown code is refused with EINVAL',
    source: 'Linux, fs/fuse/notify.c',
  },
  'device/read': {
    text: "a read through a device's page cache returns what the device holds, or held while it was not dropped",
    source: 'docs/spec/rules.md#devinval',
  },
  'cache/hit': {
    text: 'a cached record that covers the position serves the operation without a request; the whole record is used',
    source: mappingCache,
  },
  'cache/miss': { text: 'where the cache has nothing the server is asked, and only there', source: mappingCache },
  'cache/write-fork': {
    text: 'writes need a hit in both forks; an absent write fork and PURE_OVERWRITE count, and PURE_OVERWRITE is not stored while it is absent',
    source: mappingCache,
  },
  'cache/hole-asks': { text: 'a cached HOLE under a write asks the server', source: mappingCache },
  'cache/delalloc': { text: 'cached DELALLOC serves reports, but no direct write', source: mappingCache },
  'cache/merge': {
    text: 'neighbours of equal type, flags and device with consecutive addresses become one record',
    source: mappingCache,
  },
  'cache/copied': { text: 'what copy_file_range was told was copied is asked for again', source: mappingCache },
  'cache/replaced': {
    text: 'an upsert replaces what was cached for its range, and nothing else',
    source: mappingCache,
  },
  'cache/nocache': { text: 'a half of type NOCACHE leaves its fork alone', source: mappingCache },
  'cache/maxbytes': { text: 'past cache_maxbytes the next upsert drops the whole fork first', source: mappingCache },
  'cache/written': { text: 'the range of a completed write is dropped from both forks', source: mappingCache },
  'cache/written-fork': {
    text: 'the range of a completed write is dropped from both forks, when it went to the write fork, too',
    source: mappingCache,
  },
  'cache/truncated': { text: 'truncation drops everything from the new size on', source: mappingCache },
  'cache/emptied': { text: 'open with O_TRUNC drops everything', source: mappingCache },
  'cache/inline-written': { text: 'an inline write drops its range, a read does not', source: mappingCache },
  'cache/allocated': { text: 'fallocate drops its range', source: mappingCache },
  'cache/access': { text: 'how the device was opened counts for cached mappings, too', source: mappingCache },
  'cache/nowait': {
    text: 'a read with RWF_NOWAIT is served from the cache, or fails with EAGAIN without asking',
    source: mappingCache,
  },
  'cache/sequence': {
    text: 'notifications and syscalls in any order: the cache serves what was pushed and not taken back',
    source: mappingCache,
  },
  'cache/starts-over': {
    text: 'a buffered write or writeback that sees the sequence number of a cached mapping change, because mappings were pushed or taken back meanwhile, starts over; what came from a reply it may use as it came',
    source: mappingCache,
  },
  'cache/goes-on': {
    text: 'direct I/O, reads and reports use the mapping that was answered, and so does a buffered write when only something else changed',
    source: mappingCache,
  },
  'cache/while-asked': {
    text: 'notifications that arrive while a request is held back count for the mapping that is being asked for',
    source: mappingCache,
  },
  'cache/atomic': { text: 'an atomic write is never served from the cache', source: mappingCache },
  'cache/swapfile': {
    text: 'swapon is never served from the cache, besides the header, which it reads like any page',
    source: mappingCache,
  },
  'atomic/request': {
    text: 'an atomic write of one block by O_DIRECT asks by BEGIN with opflags 0x211 and writes the block where the mapping says',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'atomic/allowed': {
    text: 'RWF_ATOMIC without ATTR_ATOMIC fails with EOPNOTSUPP without asking the server',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'atomic/buffered': {
    text: 'a buffered write with RWF_ATOMIC fails with EOPNOTSUPP without asking the server',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'atomic/one-block': {
    text: 'RWF_ATOMIC for anything but exactly one block fails with EINVAL without asking the server',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'atomic/device': {
    text: 'an atomic write to a device that takes none fails, and writes nothing',
    source: 'Linux, block/blk-core.c, blk_validate_atomic_write_op_size',
  },
  'freeze/request': {
    text: 'FIFREEZE writes back what is dirty, then asks by SYNCFS and FREEZE_FS',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'freeze/error': {
    text: 'an error that SYNCFS or FREEZE_FS is answered with is the result, and nothing is frozen',
    source: 'Linux, fs/super.c, freeze_super',
  },
  'freeze/enosys': {
    text: 'a server without SYNCFS is not asked again; one without FREEZE_FS or UNFREEZE_FS is not laid down',
    source: 'Linux, fs/fuse/inode.c, fuse_sync_fs',
  },
  'freeze/state': {
    text: 'freezing what is frozen fails with EBUSY, thawing what is not with EINVAL',
    source: 'Linux, fs/super.c',
  },
  'thaw/request': { text: 'FITHAW asks by UNFREEZE_FS', source: 'docs/spec/behaviour.md#requests-of-syscalls' },
  'thaw/error': {
    text: 'an error that UNFREEZE_FS is answered with is the result, and the file system stays frozen',
    source: 'Linux, fs/super.c, thaw_super_locked',
  },
  'thaw/server-gone': {
    text: 'what is frozen can be thawed when the server is gone: else the mount could not be removed',
    source: 'Linux, fs/super.c, thaw_super_locked',
  },
  'syncfs/request': {
    text: 'syncfs writes back what is dirty, then asks by SYNCFS',
    source: 'docs/spec/uapi.md#negotiation',
  },
  'syncfs/error': {
    text: 'an error that SYNCFS is answered with is the result; ENOSYS is success, and the server is not asked again',
    source: 'Linux, fs/fuse/inode.c, fuse_sync_fs',
  },
  'shutdown/request': {
    text: 'FS_IOC_SHUTDOWN asks by SHUTDOWN_FS, with its flags',
    source: 'docs/spec/uapi.md#structures',
  },
  'shutdown/error': {
    text: 'an error that SHUTDOWN_FS is answered with is the result',
    source: 'docs/spec/uapi.md#opcodes',
  },
  'unmount/requests': {
    text: 'umount asks by SYNCFS, unless the server lacks it, and then by DESTROY, once, as the last request',
    source: 'docs/spec/uapi.md#negotiation',
  },
  'swap/on': {
    text: "swapon reads the header (opflags 0), then asks for all of the file's pages with opflags 0x40000004; no END follows",
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'swap/off': {
    text: 'swapoff sends IOEND with SWAPOFF, also where IOEND was answered with ENOSYS; a swapon that fails may send it with the error',
    source: 'docs/spec/behaviour.md#end-and-ioend',
  },
  'swap/in-use': {
    text: 'swapon of a swap file in use fails with EBUSY, swapoff of another file with EINVAL',
    source: 'Linux, mm/swapfile.c',
  },
  'swap/header': {
    text: 'swapon without a swap header, or with one for more pages than the file has, fails with EINVAL',
    source: 'Linux, mm/swapfile.c, read_swap_header',
  },
  'swap/mapping': {
    text: 'a swap file has no holes, nothing reserved, inline, shared or not committed',
    source: 'Linux, fs/iomap/swapfile.c, iomap_swapfile_iter',
  },
  'swap/one-device': {
    text: 'all of a swap file is on one device',
    source: 'Linux, fs/iomap/swapfile.c, iomap_swapfile_iter',
  },
  'swap/pages': {
    text: 'pages that are swapped out go where the mappings said, and come back as they were',
    source: accepted,
  },
  'request/begin': {
    text: "BEGIN carries the operation's flags, the inode's number, and a range inside the operation",
    source: requests,
  },
  'request/end': {
    text: 'END comes after WANT_IOMAP_END, and for write-type operations that were short or changed the size; it names the mapping acted upon',
    source: 'docs/spec/behaviour.md#end-and-ioend',
  },
  'request/ioend': {
    text: 'IOEND of a direct write comes for an error, and for bytes with SHARED, UNWRITTEN or APPEND',
    source: 'docs/spec/behaviour.md#end-and-ioend',
  },
  'request/writeback': {
    text: 'writeback asks by BEGIN for dirty ranges below EOF, and fsync and close leave none that was not asked for',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'request/writeback-ioend': {
    text: 'IOEND of writeback names the device and address of the bytes written, comes for SHARED, UNWRITTEN and APPEND and for every error; a folio without a place has flags 0 or APPEND, and no address',
    source: 'docs/spec/behaviour.md#end-and-ioend',
  },
  'request/fsync': {
    text: 'fsync asks the server by FSYNC when everything is written back; its errno is the result',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'request/times': {
    text: 'the times of a file that was written reach the server by SETATTR with valid 0x430',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'writeback/silent-loss': {
    text: 'data that write and fsync acknowledged is on the device, at the place that the mapping said, or its loss was reported, whoever is to blame for it',
    source: accepted,
  },
  'writeback/error': {
    text: 'what writeback lost is an error of the next fsync',
    source: 'docs/spec/behaviour.md#end-and-ioend',
  },
  fsync: { text: 'fsync succeeds when everything written is on the device', source: accepted },
  'request/inline': {
    text: "inline data is read by FUSE_READ of the mapping's whole range, and written by FUSE_WRITE of what was written",
    source: 'docs/spec/rules.md#inline',
  },
  'inline/moved': {
    text: 'a buffered write whose read half is INLINE and whose write half has a place takes the rest of the block from the server, and goes to its place',
    source: accepted,
  },
  'request/ordinary': {
    text: 'what is not about mappings is asked as in any FUSE file system',
    source: 'Linux, fs/fuse',
  },
  'answer/written': {
    text: 'write() to /dev/fuse refuses an answer of the wrong size or with an impossible header by EINVAL, one to no request by ENOENT, and takes every other',
    source: 'docs/spec/uapi.md#opcodes; Linux, fs/fuse/dev.c',
  },
  'answer/result': {
    text: 'who waits for an answer gets its errno, and EIO for one of the wrong size',
    source: 'docs/spec/uapi.md#opcodes',
  },
  'connection/ended': {
    text: 'when the server dies or the connection is aborted, what is in flight fails with ECONNABORTED and what comes later with ENOTCONN',
    source: 'Linux, fs/fuse/dev.c',
  },
  'request/none': { text: 'the kernel asks nothing that the operation does not need', source: requests },
  'request/config': {
    text: 'after INIT comes IOMAP_CONFIG, once, with nodeid 0, flags 0x7f, maxbytes 2^63-1 and cache_maxbytes 262144; all other requests wait for its answer',
    source: 'docs/spec/uapi.md#negotiation',
  },
  'request/reserved': { text: 'reserved and padding fields are zero', source: requests },
  'request/after-destroy': {
    text: 'no request follows DESTROY; FORGET, which has a queue of its own, may be read behind it',
    source: 'docs/spec/behaviour.md#requests; Linux, fs/fuse/dev.c, fuse_dev_do_read',
  },
  'refusal/none': { text: 'nothing is reported as bad data but what a rule refuses', source: log },
  'kernel/assertion': { text: 'no internal assertion fails', source: log },
  'kernel/warning': { text: 'the kernel warns of nothing but bad mappings', source: log },
  'kernel/bug': { text: 'the kernel stays healthy, whatever a server answers', source: 'docs/spec/rules.md#map' },
  'kernel/healthy': {
    text: 'the kernel goes down over nothing that a server answers or a syscall asks',
    source: 'docs/spec/rules.md#map',
  },
  'kernel/hang': {
    text: 'each syscall returns when all that the kernel has asked is answered, and the kernel goes on',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'kernel/endless-requests': {
    text: 'a syscall makes no more requests than it needs, and ends',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  size: {
    text: "the file's size is the kernel's: what the server reported at first, and what writes made of it",
    source: 'docs/spec/uapi.md#iomap-inodes',
  },
  'open/flags': {
    text: 'OPEN answered with PASSTHROUGH, STREAM or NONSEEKABLE makes open fail with EINVAL',
    source: 'docs/spec/uapi.md#iomap-inodes',
  },
  'open/truncate': {
    text: 'open with O_TRUNC tells the server the size 0; an error of its answer is the result',
    source: 'Linux, fs/namei.c, handle_truncate',
  },
  'clone/refused': {
    text: 'FICLONE and FIDEDUPERANGE fail with EOPNOTSUPP without asking the server',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'copy/result': {
    text: 'copy_file_range returns what the server says it has copied, and the file reaches as far',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'copy/request': {
    text: 'copy_file_range asks by COPY_FILE_RANGE_64, after ENOSYS by the older request',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'copy/answer': {
    text: 'an answer of more bytes than were asked for, or of another size, is EIO',
    source: 'Linux, fs/fuse/file.c, __fuse_copy_file_range',
  },
  'copy/flush': {
    text: 'what is dirty in either range is written back before the server copies, and what it has overwritten leaves the page cache',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'copy/splice': {
    text: 'when the server has neither request, the kernel copies by reading (BEGIN 0) and writing (BEGIN 1) through the page cache',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'copy/error': {
    text: 'an error that a copy is answered with is the result',
    source: 'docs/spec/behaviour.md#requests-of-syscalls',
  },
  'copy/arguments': {
    text: 'a copy within one range, behind maxbytes, or of files not open for it, is refused',
    source: 'Linux, fs/read_write.c, generic_copy_file_checks',
  },
  open: { text: 'a file opens', source: 'docs/spec/uapi.md#iomap-inodes' },
  close: { text: 'a file closes', source: 'docs/spec/uapi.md#iomap-inodes' },
  fd: { text: 'a file descriptor that is closed, or not open for this, gives EBADF', source: 'Linux, fs/read_write.c' },
  mount: { text: 'mount(2) succeeds when INIT and CONFIG were answered well', source: 'docs/spec/uapi.md#negotiation' },
  unmount: {
    text: 'umount(2) removes the mount when everything on it is closed, whatever became of the server',
    source: 'Linux, fs/namespace.c',
  },
  'init/offers-iomap': {
    text: 'INIT offers iomap when the parameter is on and the caller may',
    source: 'docs/spec/uapi.md#negotiation',
  },
  'inode/uses-iomap': {
    text: 'an inode uses iomap when connection, ATTR_IOMAP and ATTR_EXCLUSIVE say so together',
    source: 'docs/spec/uapi.md#iomap-inodes',
  },
  'inode/immutable': {
    text: 'an inode with IMMUTABLE is not opened for writing: EPERM, without asking the server',
    source: 'docs/spec/uapi.md#iomap-inodes; Linux, fs/namei.c',
  },
  'inode/append': {
    text: 'an inode with APPEND is written at its end only: it is opened with O_APPEND, and not truncated, punched or mapped for writing',
    source: 'docs/spec/uapi.md#iomap-inodes; Linux, fs/namei.c, fs/open.c, mm/mmap.c',
  },
  'config/short': { text: 'a short CONFIG answer is zero-filled', source: 'docs/spec/rules.md#config' },
  'config/error': {
    text: 'ENOSYS to CONFIG is success, another error is the result',
    source: 'docs/spec/rules.md#config',
  },
  'backing-open/id': {
    text: 'BACKING_OPEN gives an id from 1 to 1024, also for a device that has one',
    source: 'docs/spec/uapi.md#ioctls',
  },
  'backing-close/ok': { text: 'BACKING_CLOSE lets go of an idle device', source: 'docs/spec/uapi.md#ioctls' },
  'iomap-support/flags': { text: 'IOMAP_SUPPORT says FILEIO, and perhaps ATOMIC', source: 'docs/spec/uapi.md#ioctls' },
  'set-nofs/ok': { text: 'SET_NOFS takes 0 and 1', source: 'docs/spec/uapi.md#ioctls' },
  'set-nofs/unmounted': { text: 'SET_NOFS on an fd that is not mounted fails', source: 'docs/spec/uapi.md#ioctls' },
  'add-iomap/ok': { text: 'ADD_IOMAP pre-approves an fd that is not mounted', source: 'docs/spec/uapi.md#ioctls' },
  'sync-init/ok': { text: 'SYNC_INIT is accepted before mount(2)', source: 'docs/spec/uapi.md#ioctls' },
  'ioctl/unmounted': {
    text: 'an ioctl that needs a connection fails on an fd that has none',
    source: 'docs/spec/uapi.md#ioctls',
  },
} satisfies Readonly<Record<string, Behaviour>>;

export type BehaviourId = keyof typeof table;

export const behaviours: Readonly<Record<BehaviourId, Behaviour>> = table;
export const isBehaviour = (id: string): id is BehaviourId => Object.hasOwn(behaviours, id);
