/** What the specification says: Malformed answers, and servers that are gone. Which clauses judge each sentence, and where. */
import type { Section } from './section.ts';

export const answers: Section = {
  title: 'Malformed answers, and servers that are gone',
  source: 'docs/spec/uapi.md#opcodes',
  intro:
    'Each request is answered too short, too long, for another request, with a positive or huge error, by less than a header, or by a header that lies; where the size is free, by more than there is room for. write() must refuse it, the caller gets EIO, the same request asked again works, the mount can be removed. `die/*`, `kill/*` and `abort/*` exist for the same requests but for those nobody waits for.',
  sentences: [
    {
      says: 'IOMAP_BEGIN, IOMAP_END, IOMAP_IOEND, READ, WRITE, LSEEK, SETATTR, FALLOCATE, FSYNC, COPY_FILE_RANGE, COPY_FILE_RANGE_64',
      judgedBy: [
        {
          rules: [
            '*/IOMAP_BEGIN',
            '*/IOMAP_END',
            '*/IOMAP_IOEND',
            '*/READ',
            '*/WRITE',
            '*/LSEEK',
            '*/SETATTR',
            '*/FALLOCATE',
            '*/FSYNC',
            '*/COPY_FILE_RANGE',
            '*/COPY_FILE_RANGE_64',
          ],
        },
      ],
      remark: 'on each path that leads to them',
    },
    {
      says: 'LOOKUP, OPEN, FLUSH, RELEASE; OPENDIR, READDIR, RELEASEDIR, FSYNCDIR',
      judgedBy: [
        {
          rules: ['*/LOOKUP', '*/OPEN', '*/FLUSH', '*/RELEASE', '*/OPENDIR', '*/READDIR', '*/RELEASEDIR', '*/FSYNCDIR'],
        },
      ],
      remark: 'open, close, and the calls on the root directory',
    },
    {
      says: 'INIT',
      judgedBy: [{ rules: ['*/INIT'] }],
      remark:
        'a mount of its own: also of another major version, and cut; ordinary mounts refuse everything with ECONNREFUSED, after SYNC_INIT mount(2) fails with ENOTCONN (fs/fuse/inode.c). The legal twin answers it whole, or so short that nothing is negotiated',
    },
    {
      says: 'IOMAP_CONFIG, DESTROY, SYNCFS, FREEZE_FS, UNFREEZE_FS, SHUTDOWN_FS',
      judgedBy: [
        { rules: ['*/IOMAP_CONFIG', '*/DESTROY', '*/SYNCFS', '*/FREEZE_FS', '*/UNFREEZE_FS', '*/SHUTDOWN_FS'] },
      ],
      remark: 'mount, unmount, and the file system as a whole',
    },
    {
      says: 'GETATTR, STATX, STATFS, ACCESS, LISTXATTR, GETXATTR, SETXATTR, REMOVEXATTR (xattrs with room and without), READLINK, SYMLINK, MKNOD, MKDIR, CREATE, TMPFILE, LINK, UNLINK, RMDIR, RENAME, RENAME2, POLL, IOCTL',
      judgedBy: [
        {
          rules: [
            '*/GETATTR',
            '*/STATX',
            '*/STATFS',
            '*/ACCESS',
            '*/LISTXATTR',
            '*/GETXATTR',
            '*/SETXATTR',
            '*/REMOVEXATTR',
            '*/READLINK',
            '*/SYMLINK',
            '*/MKNOD',
            '*/MKDIR',
            '*/CREATE',
            '*/TMPFILE',
            '*/LINK',
            '*/UNLINK',
            '*/RMDIR',
            '*/RENAME',
            '*/RENAME2',
            '*/POLL',
            '*/IOCTL',
          ],
        },
      ],
      remark: 'the path is the syscall',
    },
    {
      says: 'FORGET',
      judgedBy: [{ rules: ['*/FORGET'] }],
      remark: 'unlink: nobody waits, any answer is one to no request (ENOENT)',
    },
    {
      says: 'BATCH_FORGET, INTERRUPT, NOTIFY_REPLY',
      judgedBy: [],
      unreached:
        'the kernel expects no answer to them either, and sends them when it pleases (memory pressure, signals, RETRIEVE, which iomap files refuse)',
    },
    {
      says: 'READDIRPLUS, GETLK, SETLK, SETLKW',
      judgedBy: [],
      unreached:
        'sent only when the answer to INIT asks for them, which the server of cases does not. A `serve` script may',
    },
    { says: 'BMAP', judgedBy: [], unreached: 'asked for mounts of block devices (fuseblk) only' },
    { says: 'SETUPMAPPING, REMOVEMAPPING', judgedBy: [], unreached: 'virtio-fs only' },
  ],
  outro:
    'A script of `serve` malforms the answer to any opcode by `raw()` and `payload()`, in its own handler or in `any`, INIT included.',
};
