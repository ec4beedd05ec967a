/** Names of errno numbers of Linux x86-64, whatever the machine that renders the report. Source: asm-generic/errno*.h. */
const names: Readonly<Record<number, string>> = {
  1: 'EPERM', 2: 'ENOENT', 4: 'EINTR', 5: 'EIO', 6: 'ENXIO', 7: 'E2BIG', 9: 'EBADF', 11: 'EAGAIN', 12: 'ENOMEM', 13: 'EACCES', 14: 'EFAULT',
  16: 'EBUSY', 17: 'EEXIST', 18: 'EXDEV', 19: 'ENODEV', 20: 'ENOTDIR', 21: 'EISDIR', 22: 'EINVAL', 24: 'EMFILE', 25: 'ENOTTY', 26: 'ETXTBSY',
  27: 'EFBIG', 28: 'ENOSPC', 29: 'ESPIPE', 30: 'EROFS', 32: 'EPIPE', 34: 'ERANGE', 38: 'ENOSYS', 61: 'ENODATA', 62: 'ETIME', 71: 'EPROTO',
  74: 'EBADMSG', 75: 'EOVERFLOW', 84: 'EILSEQ', 95: 'EOPNOTSUPP', 103: 'ECONNABORTED', 107: 'ENOTCONN', 110: 'ETIMEDOUT', 111: 'ECONNREFUSED',
  116: 'ESTALE', 117: 'EUCLEAN', 121: 'EREMOTEIO', 125: 'ECANCELED',
};

/** `EUCLEAN (117)`; a number without a name here stays a number. */
export const errnoText = (errno: number): string => (names[errno] === undefined ? `errno ${errno}` : `${names[errno]} (${errno})`);
