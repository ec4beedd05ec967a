/** The headers that the emitted sections use. */

/** Header and what it is needed for: a pattern in the rest of the program. */
const headers: readonly (readonly [string, RegExp])[] = [
  ['dirent.h', /opendir/],
  ['errno.h', /\berrno\b/],
  ['fcntl.h', /\bopen\(/],
  ['poll.h', /struct pollfd/],
  ['pthread.h', /pthread_/],
  ['regex.h', /regex_t/],
  ['semaphore.h', /sem_t/],
  ['setjmp.h', /sigjmp_buf/],
  ['signal.h', /SIGBUS|SIGKILL|SIGUSR2/],
  ['stdarg.h', /va_list/],
  ['stddef.h', /offsetof\(/],
  ['stdint.h', /uint64_t/],
  ['stdio.h', /printf/],
  ['stdlib.h', /exit\(/],
  ['string.h', /str|mem/],
  ['sys/ioctl.h', /\bioctl\(/],
  ['sys/mman.h', /mmap\(|madvise\(/],
  ['sys/mount.h', /umount2/],
  ['sys/prctl.h', /prctl\(/],
  ['sys/stat.h', /S_IFDIR/],
  ['sys/statfs.h', /struct statfs/],
  ['sys/swap.h', /\bswapo(n|ff)\(/],
  ['sys/syscall.h', /\bSYS_/],
  ['sys/uio.h', /iovec/],
  ['sys/wait.h', /waitpid\(/],
  ['sys/xattr.h', /xattr\(/],
  ['time.h', /clock_gettime|futimens|\btime\(/],
  ['unistd.h', /write\(/],
];
const kernelHeaders: typeof headers = [
  ['linux/blkpg.h', /BLKPG_/],
  ['linux/falloc.h', /FALLOC_FL/],
  ['linux/fiemap.h', /struct fiemap\b/],
  ['linux/fs.h', /BLKGETSIZE64|FS_IOC_FIEMAP|FICLONERANGE|FIDEDUPERANGE|FIFREEZE|FITHAW/],
  ['linux/fuse.h', /FUSE_/],
  ['linux/loop.h', /LOOP_/],
];

export function includes(program: string): string {
  const lines = (rows: typeof headers): string =>
    rows
      .filter(([, pattern]) => pattern.test(program))
      .map(([name]) => `#include <${name}>`)
      .join('\n');
  return `#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
${lines(headers)}
${lines(kernelHeaders)}`;
}
