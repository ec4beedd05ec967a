/** What must happen, besides what must be refused: the ids that expectations and deviations name, in words. */

export interface Behaviour {
  text: string;
  source: string;
}

const accepted = 'behaviour, what each type does';
const requests = 'behaviour, requests the kernel sends';
const log = 'uAPI, how the kernel reports a refusal';

/** Requests whose answers the plan malforms or does not give at all. */
const malformed = ['LOOKUP', 'OPEN', 'RELEASE', 'FLUSH', 'READ', 'WRITE', 'LSEEK', 'SYNCFS', 'DESTROY', 'SETATTR', 'GETXATTR', 'FSYNC', 'FALLOCATE', 'COPY_FILE_RANGE',
  'COPY_FILE_RANGE_64', 'FREEZE_FS', 'UNFREEZE_FS', 'SHUTDOWN_FS', 'IOMAP_CONFIG', 'IOMAP_BEGIN', 'IOMAP_END', 'IOMAP_IOEND'];

export const behaviours: Readonly<Record<string, Behaviour>> = {
  ...Object.fromEntries(malformed.map((name) => [`malformed/${name}`, {
    text: `a malformed answer to ${name} is refused by write(), whoever waits for it gets EIO, and the kernel stays healthy`, source: 'uAPI, opcodes and notifications; Linux, fs/fuse/dev.c',
  }])),
  ...Object.fromEntries(malformed.flatMap((name) => [
    [`die/${name}`, { text: `a server that closes /dev/fuse while ${name} is in flight ends it with ECONNABORTED, and what comes later with ENOTCONN; the mount can be removed`, source: 'Linux, fs/fuse/dev.c, fuse_dev_release' }],
    [`abort/${name}`, { text: `an abort through the control file system while ${name} is in flight ends it with ECONNABORTED, and what comes later with ENOTCONN; the mount can be removed`, source: 'Linux, fs/fuse/control.c, fuse_conn_abort_write' }],
  ])),
  'type/hole': { text: 'a HOLE reads as zeros, is no data for SEEK_DATA and no extent for FIEMAP; a direct write to it fails with EIO', source: accepted },
  'type/delalloc': { text: 'DELALLOC is data for reports; direct I/O to it fails with EIO', source: accepted },
  'type/unwritten': { text: 'UNWRITTEN reads as zeros and is written to, which IOEND reports', source: accepted },
  'type/mapped': { text: "MAPPED reads and writes the device's bytes at addr + (pos - offset), and no others", source: accepted },
  'type/inline': { text: "INLINE data is the server's, read by FUSE_READ and written by FUSE_WRITE; FIEMAP marks it", source: accepted },
  'type/pure_overwrite': { text: 'a write-type operation whose write half is PURE_OVERWRITE writes to the read half', source: accepted },
  'type/past-device-end': { text: 'what lies past the end of the device fails with EIO', source: accepted },
  'type/unaligned-address': { text: 'an address between sectors is served exactly as it says, or the operation fails', source: 'validation rules, map/*' },
  'device/bytes': { text: 'only the bytes that a write maps change, to what was written; nothing else on any device', source: 'validation rules, map/*' },
  'read/result': { text: 'a read returns what its mappings cover, up to EOF', source: accepted },
  'read/eof': { text: 'a read at or behind EOF returns 0 and asks nothing', source: accepted },
  'read/position': { text: 'a position that is negative or overflows fails with EINVAL', source: 'Linux, fs/read_write.c' },
  'read/alignment': { text: 'direct reads are aligned to sectors', source: 'Linux, fs/iomap/direct-io.c' },
  'read/poison': { text: 'the buffer behind the returned bytes is not touched, except for the rest of the blocks that were read', source: accepted },
  'write/result': { text: 'a write returns what its mappings cover', source: accepted },
  'write/empty': { text: 'a write of nothing returns 0', source: accepted },
  'write/position': { text: 'a position that is negative or overflows fails with EINVAL', source: 'Linux, fs/read_write.c' },
  'write/past-maxbytes': { text: 'a write behind maxbytes fails with EFBIG', source: 'Linux, fs/read_write.c' },
  'write/alignment': { text: 'direct writes are aligned to sectors', source: 'Linux, fs/iomap/direct-io.c' },
  'seek/result': { text: 'SEEK_DATA and SEEK_HOLE find the first byte of that kind by the mappings', source: 'Linux, fs/iomap/seek.c' },
  'seek/past-eof': { text: 'a seek from behind EOF fails with ENXIO and asks nothing', source: 'behaviour, which request a syscall makes' },
  'fiemap/extents': { text: 'FIEMAP reports each mapping but holes as it was answered, and marks the last', source: 'Linux, fs/iomap/fiemap.c' },
  'fiemap/needs-iomap': { text: 'FIEMAP of a file that does not use iomap fails with EOPNOTSUPP', source: 'behaviour, which request a syscall makes' },
  'fiemap/xattr': { text: 'FIEMAP_FLAG_XATTR fails with EOPNOTSUPP', source: 'behaviour, which request a syscall makes' },
  'fiemap/empty': { text: 'FIEMAP of no bytes fails with EINVAL', source: 'Linux, fs/ioctl.c, fiemap_prep' },
  'fiemap/past-maxbytes': { text: 'FIEMAP from behind maxbytes fails with EFBIG', source: 'Linux, fs/ioctl.c, fiemap_prep' },
  'fiemap/flags': { text: 'FIEMAP with unknown flags fails with EBADR', source: 'Linux, fs/ioctl.c, fiemap_prep' },
  'begin/enosys': { text: 'ENOSYS from BEGIN: seeks ask by FUSE_LSEEK, direct I/O becomes buffered, or EIO under FOPEN_DIRECT_IO', source: 'behaviour, which request a syscall makes' },
  'begin/retry': { text: 'RETRY_CACHE in a half that asks for it: cache lookup, and BEGIN again on a miss', source: 'validation rules, begin/*' },
  'request/begin': { text: "BEGIN carries the operation's flags, the inode's number, and a range inside the operation", source: requests },
  'request/end': { text: 'END comes after WANT_IOMAP_END, and for write-type operations that were short or changed the size; it names the mapping acted upon', source: 'behaviour, END and IOEND' },
  'request/ioend': { text: 'IOEND of a direct write comes for an error, and for bytes with SHARED, UNWRITTEN or APPEND', source: 'behaviour, END and IOEND' },
  'request/inline': { text: "inline data is read by FUSE_READ of the mapping's whole range, and written by FUSE_WRITE of what was written", source: 'validation rules, inline/*' },
  'request/ordinary': { text: 'what is not about mappings is asked as in any FUSE file system', source: 'Linux, fs/fuse' },
  'answer/written': { text: 'write() to /dev/fuse refuses an answer of the wrong size or with an impossible header by EINVAL, one to no request by ENOENT, and takes every other', source: 'uAPI, opcodes and notifications; Linux, fs/fuse/dev.c' },
  'answer/result': { text: 'who waits for an answer gets its errno, and EIO for one of the wrong size', source: 'uAPI, opcodes and notifications' },
  'connection/ended': { text: 'when the server dies or the connection is aborted, what is in flight fails with ECONNABORTED and what comes later with ENOTCONN', source: 'Linux, fs/fuse/dev.c' },
  'open/flags': { text: 'the open flags PASSTHROUGH, STREAM and NONSEEKABLE make open fail with EINVAL', source: 'uAPI, when an inode uses iomap' },
  'request/none': { text: 'the kernel asks nothing that the operation does not need', source: requests },
  'request/reserved': { text: 'reserved and padding fields are zero', source: requests },
  'request/after-destroy': { text: 'no request follows DESTROY', source: requests },
  'refusal/none': { text: 'nothing is reported as bad data but what a rule refuses', source: log },
  'kernel/assertion': { text: 'no internal assertion fails', source: log },
  'kernel/warning': { text: 'the kernel warns of nothing but bad mappings', source: log },
  'kernel/bug': { text: 'the kernel stays healthy, whatever a server answers', source: 'validation rules, map/*' },
  'size': { text: "the file's size is the kernel's: what the server reported at first, and what writes made of it", source: 'uAPI, when an inode uses iomap' },
  'open': { text: 'a file opens', source: 'uAPI, when an inode uses iomap' },
  'close': { text: 'a file closes', source: 'uAPI, when an inode uses iomap' },
  'fd': { text: 'a file descriptor that is closed, or not open for this, gives EBADF', source: 'Linux, fs/read_write.c' },
  'mount': { text: 'mount(2) succeeds when INIT and CONFIG were answered well', source: 'uAPI, negotiation' },
  'unmount': { text: 'umount(2) removes the mount when everything on it is closed, whatever became of the server', source: 'Linux, fs/namespace.c' },
  'init/offers-iomap': { text: 'INIT offers iomap when the parameter is on and the caller may', source: 'uAPI, negotiation' },
  'inode/uses-iomap': { text: 'an inode uses iomap when connection, ATTR_IOMAP and ATTR_EXCLUSIVE say so together', source: 'uAPI, when an inode uses iomap' },
  'config/short': { text: 'a short CONFIG answer is zero-filled', source: 'validation rules, config/*' },
  'config/error': { text: 'ENOSYS to CONFIG is success, another error is the result', source: 'validation rules, config/*' },
  'backing-open/id': { text: 'BACKING_OPEN gives an id from 1 to 1024, also for a device that has one', source: 'uAPI, ioctls on /dev/fuse' },
  'backing-close/ok': { text: 'BACKING_CLOSE lets go of an idle device', source: 'uAPI, ioctls on /dev/fuse' },
  'iomap-support/flags': { text: 'IOMAP_SUPPORT says FILEIO, and perhaps ATOMIC', source: 'uAPI, ioctls on /dev/fuse' },
  'set-nofs/ok': { text: 'SET_NOFS takes 0 and 1', source: 'uAPI, ioctls on /dev/fuse' },
  'set-nofs/unmounted': { text: 'SET_NOFS on an fd that is not mounted fails', source: 'uAPI, ioctls on /dev/fuse' },
  'add-iomap/ok': { text: 'ADD_IOMAP pre-approves an fd that is not mounted', source: 'uAPI, ioctls on /dev/fuse' },
  'sync-init/ok': { text: 'SYNC_INIT is accepted before mount(2)', source: 'uAPI, ioctls on /dev/fuse' },
  'ioctl/unmounted': { text: 'an ioctl that needs a connection fails on an fd that has none', source: 'uAPI, ioctls on /dev/fuse' },
};
