/** Where two kernels that both conform differ, and what still deviates beside each such liberty. */
export interface Liberty {
  /** What a kernel may do. */
  may: string;
  /** What deviates nevertheless. */
  still: string;
}

export const aboutLiberties =
  'Two kernels that both conform differ here, and neither deviates. Beside each liberty stands what is still caught.';

export const liberties: readonly Liberty[] = [
  {
    may: "in a call that changes the size, write back, report by IOEND (by the old or the new size) and zero before or after SETATTR or FALLOCATE; zero the rest of EOF's block when ftruncate keeps the size",
    still:
      'without the request, or zeroing twice; zeroing before FALLOCATE in a call that keeps the size; when a SETATTR that failed leaves the new size',
  },
  {
    may: 'believe the size in the answer to SETATTR, for the file and for APPEND; take the end of a copy for the size on disk, or not',
    still: 'with a size that nobody said',
  },
  {
    may: 'give a folio up by IOEND with flags 0 or APPEND, of no bytes, or up to EOF, the end of a folio or of a block that has no place',
    still: 'with other flags, an address, or an end that is none of these',
  },
  {
    may: 'follow a swapon that failed by IOEND with SWAPOFF and the error; ask once or twice for the first mapping',
    still: 'with another errno; after swapon of a file that is in use',
  },
  { may: "swallow END's errno once there was progress", still: 'without progress' },
  {
    may: 'want a device that is written to opened for reading, too: EACCES',
    still: 'when the device was opened for both',
  },
  {
    may: 'report a refusal from any function and line, and in words of its own, which are named once as not judged',
    still:
      "when the errno or the order is wrong, when the condition is another rule's, when trace event and WARN say different things",
  },
  { may: 'count the end of a DEV_INVAL range as a signed number', still: 'by refusing one below 2^63' },
  {
    may: 'read through readahead under RWF_NOWAIT, which asks; report EAGAIN, or ENOSYS from BEGIN, of a direct write by IOEND',
    still: 'with another errno in IOEND or from the syscall',
  },
  {
    may: 'leave what a direct write that fell back wrote in the page cache, or write it back at once',
    still: 'when it is lost, or not in its place after the next fsync',
  },
  {
    may: 'refuse a direct write of a part of a block by EINVAL; where the rest is elsewhere, merge it or, behind END, let the page cache do that (under FOPEN_DIRECT_IO: EIO)',
    still:
      'when the rest is not what the read half shows, without END, or through the page cache where the rest is in place',
  },
  {
    may: 'fail an atomic write that BEGIN answered ENOSYS by EIO or EOPNOTSUPP',
    still: 'by any other errno: ENOTBLK starts no fallback, ENOENT ends no FIEMAP',
  },
  {
    may: 'let a direct write whose zeroing BEGIN answered ENOSYS fail by it, or fall back to the page cache (under FOPEN_DIRECT_IO: EIO)',
    still: 'when it writes without zeros then, or falls back after any other errno',
  },
  { may: 'try a write fault again after EAGAIN, EFAULT or ENOMEM from BEGIN', still: 'after any other errno' },
  {
    may: 'use the answer to a BEGIN as it came although mappings changed meanwhile, or ask again',
    still: 'with a cached mapping that changed, which is stale',
  },
  {
    may: 'tell of what writeback lost, or of times that the server refused to hear of, before a fsync does: in a direct read, a copy, a FIEMAP that writes back, a call that changes the size, zeroing',
    still:
      'when nothing was lost or refused; when the fsync after it says nothing, or another errno; when the fsync in which the times were refused succeeds',
  },
  {
    may: 'give up what writeback lost and a fsync told, with what else was dirty then, or keep it dirty and write it later',
    still: 'when something written since is not in its place after the next fsync',
  },
  {
    may: 'take a direct write through the page cache while such an error waits to be told',
    still: 'without one, or under FOPEN_DIRECT_IO',
  },
  {
    may: 'give up the mapping of a write or of zeroing as stale when something was dirty in the file, by an END that says so, and ask again',
    still: 'without END, without STALE in it, or where nothing was ever dirty',
  },
  {
    may: 'keep in the page cache what was dirty when posix_fadvise asked to empty it',
    still: 'when it reads what was clean without asking',
  },
  {
    may: 'leave END out, or send it, for a write whose inline source could not be fetched',
    still: 'for any other write that was short',
  },
  {
    may: "show, in a page that is mapped, what a device holds behind EOF in blocks that were read from it: EOF's own block, or any block of a page that was read",
    still: 'in blocks that were behind EOF until the kernel zeroed or wrote them; in a file that grows over such bytes',
  },
  {
    may: 'where zeroing meets a hole to read from, take the rest of the block from the blocks that it zeroes',
    still: 'in writes, whose rest is zeros; where the blocks are NEW',
  },
];

export const behindLiberties =
  'What follows in a case from an outcome that is wrong is not told again: requests and sizes of later steps, and bytes, are predicted on a wrong premise then.';
